"""The lines of a recording, which docs/recordings.md describes."""

from __future__ import annotations

import json

import pytest

from livesession.connection.close_info import CloseInfo
from livesession.recording.line_format import closed_line, first_line, frame_line, opened_line
from livesession.recording.sound_tracks import Cut


def members(line: bytes) -> dict:
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return json.loads(line)


def test_the_first_line_names_the_tracks_where_there_are_any():
    about = members(first_line("vertex", "models/m", {}))
    assert (about["recording"], about["backend"], about["model"]) == (1, "vertex", "models/m")
    assert "audio" not in about
    tracks = {"client": "a.client.wav", "server": "a.server.wav"}
    assert members(first_line("developer", "m", tracks))["audio"] == tracks


def test_a_frame_has_its_time_in_microseconds_its_sender_and_its_text():
    line = frame_line(1.23456789, 2, "client", '{"text": "ä\\n"}', [])
    assert members(line) == {"at": 1.234568, "connection": 2, "from": "client", "text": '{"text": "ä\\n"}'}
    assert "ä".encode() in line


def test_what_was_cut_out_of_a_frame_is_told_with_its_place():
    line = frame_line(0, 1, "server", "...", [Cut(position=7, first=320, samples=640)])
    assert members(line)["audio"] == [{"position": 7, "first": 320, "samples": 640}]


def test_a_byte_that_is_no_utf_8_is_an_escaped_surrogate():
    line = frame_line(0, 1, "server", b"\xff".decode("utf-8", "surrogateescape"), [])
    assert line.isascii()
    assert members(line)["text"].encode("utf-8", "surrogateescape") == b"\xff"


@pytest.mark.parametrize(("origin", "by"), [("local", "client"), ("server", "server"), ("network", "network")])
def test_a_connection_s_end_tells_which_side_closed_it(origin, by):
    line = closed_line(2.5, 1, CloseInfo(origin=origin, code=1001, reason="not this one"), "going away")
    assert members(line) == {
        "at": 2.5, "connection": 1, "event": "closed", "by": by, "code": 1001, "reason": "going away",
    }  # fmt: skip
    assert members(opened_line(0, 3)) == {"at": 0, "connection": 3, "event": "opened"}
