"""Sound that is moved out of frames into a WAV file, and what stays in the text."""

from __future__ import annotations

import base64
import json
import wave

import pytest

from livesession import ConfigurationError
from livesession.recording import sound_tracks
from livesession.recording.sound_tracks import Cut, Track, cut

PCM = bytes(range(64))


@pytest.fixture
def track(tmp_path) -> Track:
    return Track(tmp_path / "talk.client.wav", 16_000)


def blob(pcm: bytes, kind: str = "audio/pcm;rate=16000") -> dict:
    return {"mimeType": kind, "data": base64.b64encode(pcm).decode()}


def frame(*blobs: dict) -> str:
    return json.dumps({"parts": [{"inlineData": each} for each in blobs]})


def put_back(text: str, cuts: list[Cut], pcm: bytes) -> str:
    """The frame, as a replay makes it of what is left and the track."""
    for each in reversed(cuts):
        piece = base64.b64encode(pcm[2 * each.first : 2 * (each.first + each.samples)]).decode()
        text = text[: each.position] + piece + text[each.position :]
    return text


def test_each_payload_is_moved_and_can_be_put_back_exactly(track):
    text = frame(blob(PCM), blob(PCM[::-1]), blob(b"..", "image/png"))
    rest, cuts = cut(text, track)
    assert [(each.first, each.samples) for each in cuts] == [(0, 32), (32, 32)]
    assert put_back(rest, cuts, PCM + PCM[::-1]) == text
    track.close()
    with wave.open(str(track.path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        assert file.readframes(1_000) == PCM + PCM[::-1]


def test_payloads_that_are_equal_have_places_of_their_own(track):
    text = frame(blob(PCM), blob(PCM))
    rest, cuts = cut(text, track)
    assert len(cuts) == 2
    assert put_back(rest, cuts, PCM + PCM) == text


def test_the_first_payload_sets_the_rate(track):
    cut(frame(blob(PCM, "audio/pcm;rate=24000")), track)
    track.close()
    with wave.open(str(track.path)) as file:
        assert file.getframerate() == 24_000


def test_a_file_that_was_never_closed_can_be_read_to_its_end(track):
    cut(frame(blob(PCM)), track)
    with wave.open(str(track.path)) as file:
        assert file.readframes(1_000) == PCM
    track.close()


@pytest.mark.parametrize(
    "text",
    [
        frame(blob(PCM, "image/png")),
        frame(blob(PCM[:7])),
        frame(blob(b"")),
        frame({"mimeType": "audio/pcm", "data": "no base64!"}),
        frame({"mimeType": "audio/pcm", "data": "AAB="}),
        frame({"mimeType": "audio/pcm"}),
        frame(blob(PCM)) + " and no JSON",
        frame({"mimeType": "audio/pcm", "data": "AA//"}).replace("/", r"\/"),
    ],
    ids=["image", "half a sample", "empty", "no base64", "loose base64", "no data", "no JSON", "escaped"],
)
def test_what_could_not_be_put_back_exactly_stays_in_the_text(track, text):
    assert cut(text, track) == (text, [])
    track.close()


def test_another_rate_stays_in_the_text(track):
    cut(frame(blob(PCM)), track)
    other = frame(blob(PCM, "audio/pcm;rate=8000"))
    assert cut(other, track) == (other, [])
    track.close()


def test_a_track_that_is_full_takes_no_more(track, monkeypatch):
    monkeypatch.setattr(sound_tracks, "LONGEST", 100)
    cut(frame(blob(PCM)), track)
    assert cut(frame(blob(PCM)), track) == (frame(blob(PCM)), [])
    track.close()


def test_a_file_that_cannot_be_written_is_named():
    with pytest.raises(ConfigurationError, match="cannot be recorded to '/dev/full'"):
        Track(sound_tracks.Path("/dev/full"), 16_000)
