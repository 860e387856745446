"""`livesession record` and `--record`: the recordings that they write, and the usage that they refuse."""

from __future__ import annotations

import json
import stat

import pytest

from livesession.emulator.replay.recorded_session import load_recording
from tests.cli.conftest import QUESTION


def kinds(path) -> list[str]:
    frames = [frame for frame in load_recording(path).frames if frame.sender == "client"]
    return [next(iter(json.loads(frame.text))) for frame in frames]


def test_a_conversation_at_the_terminal_is_recorded(terminal, tmp_path):
    record = terminal("record", "talk.jsonl")
    record.wait_for("> ")
    record.type("hello\n")
    record.wait_for("You said: hello\n> ")
    record.type("/quit\n")
    record.wait_for("talk.jsonl: the recording; livesession replay plays it.")
    assert record.end() == 0, record.output
    assert kinds(tmp_path / "talk.jsonl") == ["setup", "clientContent"]
    assert stat.S_IMODE((tmp_path / "talk.jsonl").stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_question_is_recorded_with_its_sound_beside_it(run, tmp_path):
    arguments = ["--back-end", "emulator", "--record", "q.jsonl", "--record-wav"]
    done = run("ask", "--audio-in", QUESTION, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["complete"]
    assert kinds(tmp_path / "q.jsonl")[:2] == ["setup", "realtimeInput"]
    assert (tmp_path / "q.client.wav").stat().st_size > 32_000
    assert (tmp_path / "q.server.wav").stat().st_size > 32_000


def test_a_recording_that_is_there_is_not_replaced_unasked(command, tmp_path):
    (tmp_path / "talk.jsonl").write_text("dear to me")
    done = command("record", str(tmp_path / "talk.jsonl"))
    assert done.exit_code == 2
    assert "--replace" in done.stderr
    assert (tmp_path / "talk.jsonl").read_text() == "dear to me"


def test_a_folder_that_does_not_exist_is_wrong_usage(command):
    done = command("record", "missing/talk.jsonl")
    assert done.exit_code == 2
    assert "does not exist" in done.stderr


def test_wav_files_without_a_recording_are_wrong_usage(command):
    done = command("ask", "hi", "--record-wav", "--back-end", "emulator")
    assert done.exit_code == 2
    assert "--record FILE" in done.stderr
