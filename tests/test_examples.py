"""The examples run as a user runs them, without a key: against the emulator."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from livesession.audio import WavFile, write_wav

ROOT = Path(__file__).parents[1]
QUESTION = ROOT / "livesession" / "cli" / "question.wav"


@pytest.fixture
def speech(tmp_path):
    """A second of speech, and the silence that ends it."""
    pcm = b"".join(WavFile(QUESTION).blocks())
    write_wav(tmp_path / "speech.wav", pcm[:32_000] + bytes(22_400), 16_000)
    return "speech.wav"


@pytest.fixture
def example(tmp_path):
    """Runs an example; gives the lines that it printed. `log` is the pattern of what it logs."""

    def run(name, *args, log=""):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::ResourceWarning"}
        done = subprocess.run(
            [sys.executable, str(ROOT / "examples" / name), *args],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(log, done.stderr)
        return done.stdout.splitlines()

    return run


def test_every_example_is_tested_here_and_says_how_to_run_it():
    names = {path.name for path in (ROOT / "examples").glob("*.py")}
    assert names == {
        "always_on.py",
        "barge_in.py",
        "quickstart.py",
        "tools.py",
        "two_sessions.py",
        "video.py",
        "wav_in_wav_out.py",
    }
    folders = {path.parent.name for path in (ROOT / "examples").glob("*/README.md")}
    assert folders == {"flask_voice", "django_chat"}  # in tests/web
    for name in names:
        assert f"python examples/{name}" in (ROOT / "examples" / name).read_text()


def test_quickstart_prints_questions_and_answers(example):
    assert example("quickstart.py")[:4] == [
        "You:   What is a WebSocket?",
        "Model: You said: What is a WebSocket?",
        "You:   Who invented it?",
        "Model: You said: Who invented it?",
    ]


def test_always_on_goes_on_after_the_emulator_has_been_away(example):
    lines = example("always_on.py", log=r"session 1: lost, by the server \(.*\); it is being resumed\n")
    away = [line for line in lines if line.startswith("-- away for")]
    assert len(away) == 1
    assert [line for line in lines if line not in away] == [f"Model: That was question {n}." for n in range(1, 6)]


def test_a_wav_goes_in_and_a_wav_comes_out(example, speech, tmp_path):
    lines = example("wav_in_wav_out.py", speech, "reply.wav")
    reply = WavFile(tmp_path / "reply.wav")
    assert (reply.rate, reply.seconds) == (24_000, pytest.approx(1.1, abs=0.2))
    said = f"{reply.seconds:.1f} s"
    assert lines == [f"You:   [speech, {said}]", f"Model: You spoke for {said}.", f"reply.wav: {said}"]


def test_speech_over_an_answer_interrupts_it_and_the_rest_is_dropped(example, speech):
    lines = example("barge_in.py", speech)
    assert lines[0] == "A second of the answer has come; now you speak."
    dropped = re.fullmatch(r"Interrupted: (\d\.\d) s of the answer are dropped\.", lines[1])
    assert dropped
    assert 1.0 <= float(dropped[1]) < 3.5  # of the more than 4 s that the whole answer lasts
    assert re.fullmatch(r"The answer to what you said: 1\.\d s\.", lines[2])


@pytest.mark.slow
def test_a_video_is_shown_and_asked_about_while_it_runs(example):
    lines = example("video.py")
    assert lines == [
        "Model: You said: What time does the clock show? You showed 2 images.",
        "Pictures that were sent: 2",
    ]


def test_two_sessions_side_by_side_keep_their_answers_apart(example):
    assert example("two_sessions.py") == [
        "Ada: You said: My name is Ada. / You said: What is my name?",
        "Grace: You said: My name is Grace. / You said: What is my name?",
    ]


def test_tools_answer_the_model_from_python_and_keep_a_list_in_sqlite(example, tmp_path):
    lines = example("tools.py", "todo.db")
    assert sorted(lines[1:4]) == [  # they run at the same time, and end in any order
        "       get_weather(city='Atlantis') -> {'error': 'There is no weather station in Atlantis.'}",
        "       get_weather(city='Berlin') -> {'output': {'temperature': 4, 'unit': 'celsius'}}",
        "       get_weather(city='Rome') -> {'output': {'temperature': 17, 'unit': 'celsius'}}",
    ]
    assert "       list_to_dos() -> {'output': ['1. water the plants (by 2030-05-01)']}" in lines
    with contextlib.closing(sqlite3.connect(tmp_path / "todo.db")) as database:
        assert database.execute("SELECT what, due FROM todo").fetchall() == [("water the plants", "2030-05-01")]
