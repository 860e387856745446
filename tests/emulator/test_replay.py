"""Recorded sessions: loading them and playing the server's side."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from livesession.emulator import LiveEmulator
from livesession.emulator.replay.recorded_session import load_recording

REAL = Path(
    os.environ.get("LIVESESSION_WIRE_DATA", Path(__file__).parents[3] / "shared" / "wire"),
    "recorded_sessions.jsonl",
)
SETUP = {"from": "client", "text": '{"setup":{}}'}
COMPLETE = {"from": "server", "text": '{\n  "setupComplete": {}\n}\n'}


def session(name: str, *frames: dict[str, str]) -> dict[str, Any]:
    return {"session": name, "backend": "developer", "frames": [SETUP, COMPLETE, *frames]}


@pytest.fixture
def two_sessions(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.jsonl"
    path.write_text("".join(json.dumps(session(name)) + "\n" for name in ("one", "two")))
    return path


def test_server_frames_are_released_as_the_client_s_messages_arrive(dial):
    frames = [{"from": "client", "text": "{}"}, {"from": "server", "text": '{"x":  1}'}]
    with LiveEmulator.replay(session("one", *frames), strict=False) as emulator:
        client = dial(emulator)
        with pytest.raises(TimeoutError):
            client.raw(timeout=0.05)
        client.say("anything")
        assert client.raw() == b'{"x":  1}'
        assert [next(iter(record.message)) for record in emulator.received] == ["setup", "clientContent"]


def test_after_the_last_frame_the_connection_stays_open_and_ignores_the_client(dial):
    with LiveEmulator.replay(session("one"), strict=False) as emulator:
        client = dial(emulator)
        client.say("one")
        client.say("two")
        emulator.wait_for(lambda record: "two" in str(record.message))
        emulator.send({"still": "open"})
        assert client.receive() == {"still": "open"}


def test_each_connection_is_played_from_the_start(dial):
    with LiveEmulator.replay(session("one"), strict=False) as emulator:
        dial(emulator)
        dial(emulator, "vertex")


def test_a_session_is_chosen_by_name(two_sessions):
    assert load_recording(two_sessions, "two").session == "two"


@pytest.mark.parametrize("name", [None, "three"])
def test_a_choice_that_is_missing_or_wrong_lists_the_names(two_sessions, name):
    with pytest.raises(ValueError, match="It holds: one, two"):
        LiveEmulator.replay(two_sessions, session=name)


@pytest.mark.parametrize("content", [b"", b"\n", b"RIFF\x9a"], ids=["empty", "a blank line", "sound"])
def test_a_file_that_is_no_text_or_empty_is_named_as_no_recording(tmp_path, content):
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.jsonl is no recording"):
        load_recording(tmp_path / "x.jsonl")


@pytest.mark.parametrize("text", ["{", "[]", '{"session": "x"}', '{"frames": [{"from": "me", "text": ""}]}'])
def test_a_file_in_another_format_is_an_error(tmp_path, text):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"JSON|object|frame"):
        load_recording(path)


def real_sessions() -> list[str]:
    lines = REAL.read_text(encoding="utf-8").splitlines() if REAL.exists() else []
    return [json.loads(line)["session"] for line in lines]


@pytest.mark.skipif(not REAL.exists(), reason=f"the recordings are not at {REAL} (set LIVESESSION_WIRE_DATA)")
@pytest.mark.parametrize("name", real_sessions())
def test_a_real_recording_is_played_verbatim(dial, name):
    recording = load_recording(REAL, name)
    with LiveEmulator.replay(REAL, session=name) as emulator:
        client = dial(emulator, setup=False)
        for frame in recording.frames:
            if frame.sender == "client":
                client.send(frame.text)
            else:
                assert client.raw() == frame.text.encode()
