"""`livesession replay`: serves a recording, reports how a client differs from it, and prints it."""

from __future__ import annotations

import signal

import pytest

from tests.cli.conftest import ROOT
from tests.cli.test_emulate import exported


@pytest.fixture
def recorded(command, tmp_path, monkeypatch):
    """Records a question to the emulator."""

    def recorded(text="hello", *more):
        monkeypatch.chdir(tmp_path)
        done = command("ask", text, "--back-end", "emulator", "--record", "session.jsonl", *more)
        assert done.exit_code == 0, done.stderr
        return "session.jsonl"

    return recorded


def serve(start, *arguments):
    replay = start("replay", *arguments)
    replay.wait_for("get there with\n")
    replay.wait_for("\n")
    return replay


@pytest.mark.slow
def test_a_client_that_asks_the_same_gets_the_same_answer(start, run, recorded):
    replay = serve(start, recorded())
    for _ in range(2):
        assert run("ask", "hello", **exported(replay.output)).stdout == "You said: hello\n"
    replay.popen.send_signal(signal.SIGTERM)
    assert replay.end() == 0, replay.output


def test_a_client_that_asks_something_else_ends_it_with_the_difference(start, run, recorded):
    replay = serve(start, recorded())
    asked = run("ask", "goodbye", **exported(replay.output))
    assert asked.returncode == 1
    assert "departed from the recording" in asked.stderr
    assert replay.end() == 1
    assert '-            "text": "hello"' in replay.output
    assert '+            "text": "goodbye"' in replay.output
    assert "Traceback" not in replay.output


@pytest.mark.slow
def test_without_a_client_it_ends_with_0(start, recorded):
    replay = serve(start, recorded())
    replay.popen.send_signal(signal.SIGINT)
    assert replay.end() == 0, replay.output


def test_what_is_in_a_recording_can_be_shown(command, recorded):
    done = command("replay", recorded(), "--show")
    assert done.exit_code == 0
    first, *lines = done.stdout.splitlines()
    assert first.startswith("session.jsonl: developer, frames: ")
    assert any("> clientContent (turns, turnComplete)  'hello'" in line for line in lines)
    assert any("< serverContent (modelTurn; audio 40 ms)  x" in line for line in lines)
    assert "closed by the client, code 1000" in lines[-1]


def test_a_file_that_is_no_recording_is_one_line(command):
    done = command("replay", str(ROOT / "README.md"))
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "line 1: not JSON" in done.stderr
