"""All commands: help, version, a missing extra, text on a terminal, errors."""

from __future__ import annotations

import io
import subprocess
import sys
import wave

import pytest
from rich.console import Console

from livesession import __version__
from livesession.cli.console import AnswerWriter, one_line
from tests.cli.conftest import QUESTION

WITHOUT = """
import runpy, sys
sys.modules["{}"] = None
runpy.run_module("livesession", run_name="__main__")
"""


def test_the_version_is_the_package_s(run):
    assert run("--version").stdout == f"livesession {__version__}\n"


def test_the_help_names_every_command_and_the_exit_codes(command):
    text = command("--help").stdout
    assert all(name in text for name in ("demo", "ask", "chat", "talk", "emulator", "devices", "GEMINI_API_KEY", "130"))


@pytest.mark.parametrize("name", ["demo", "ask", "chat", "talk", "emulator", "devices"])
def test_the_help_of_every_command_shows_an_example(command, name):
    text = command(name, "-h").stdout
    assert f"\n  livesession {name}" in text


@pytest.mark.parametrize("package", ["click", "rich"])
def test_a_missing_extra_is_one_line_that_installs_it(environment, package):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(package)], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert 'pip install "livesession[cli]"' in done.stderr


def test_a_missing_emulator_is_one_line_that_installs_it(environment):
    program = 'import sys; sys.modules["webrtcvad"] = None; from livesession.__main__ import main; main()'
    done = subprocess.run(
        [sys.executable, "-c", program, "demo"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert 'pip install "livesession[emulator]"' in done.stderr


def test_the_demo_s_speech_is_at_most_three_seconds_of_16_khz_mono_pcm():
    with wave.open(QUESTION) as speech:
        assert speech.getparams()[:3] == (1, 2, 16_000)
        assert speech.getnframes() <= 3 * 16_000


def written(width, *pieces):
    file = io.StringIO()
    writer = AnswerWriter(Console(file=file, force_terminal=True, width=width, color_system=None))
    for piece in pieces:
        writer.write(piece)
    writer.end()
    return file.getvalue()


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["one two three"], ["one two", "three"]),
        (["one", " two", " three"], ["one two", "three"]),
        (["one two", "  ", "three"], ["one two", "three"]),
        (["first\nsecond and"], ["first", "second and"]),
        (["unbreakableword goes on"], ["unbreakableword", "goes on"]),
        (["日本語の文", " 日本"], ["日本語の文", "日本"]),
        (["a" * 10], ["a" * 10]),
    ],
)
def test_text_that_comes_in_pieces_breaks_between_words(pieces, lines):
    assert written(10, *pieces) == "\n".join(lines) + "\n"


def test_no_answer_leaves_no_blank_line():
    assert written(10, "", "") == ""


def test_an_error_is_one_line_whatever_it_says():
    assert one_line(ValueError("two\nlines \x1b[31mand  blanks")) == "two lines [31mand blanks"
    assert one_line(KeyboardInterrupt()) == "KeyboardInterrupt"
