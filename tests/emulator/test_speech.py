"""The segmentation of audio into utterances, fed with bytes; voiced is what is not zero. No socket."""

from __future__ import annotations

import pytest

from livesession.emulator.protocol.refusal import CloseRefusal
from livesession.emulator.speech.detector import (
    FRAME_BYTES,
    DetectorSettings,
    SpeechDetector,
    SpeechEnded,
    SpeechEvent,
    SpeechStarted,
)
from livesession.emulator.speech.sound import InputStream, chunks, declared_rate, to_output_rate, tone

VOICE = b"\x00\x10" * (FRAME_BYTES // 2)
QUIET = bytes(FRAME_BYTES)


def detector(**settings: bool | int) -> SpeechDetector:
    return SpeechDetector(DetectorSettings(**settings), lambda frame: any(frame))  # type: ignore[arg-type]


def test_start_and_end_are_placed_in_the_audio():
    start, end = detector().feed(QUIET * 50 + VOICE * 50 + QUIET * 50)
    assert start == SpeechStarted(0.98)  # the 0.8 of the window that must be voiced leave one frame before
    assert isinstance(end, SpeechEnded)
    assert end.offset == 2.0


def test_the_utterance_keeps_a_lead_and_a_tail_and_no_more_silence():
    _, end = detector().feed(QUIET * 50 + VOICE * 50 + QUIET * 50)
    assert isinstance(end, SpeechEnded)
    assert VOICE * 50 in end.audio
    assert len(end.audio) // FRAME_BYTES <= 50 + 16


def test_bytes_may_come_one_at_a_time():
    audio = VOICE * 20 + QUIET * 40
    whole, single = detector(), detector()
    events: list[SpeechEvent] = []
    for byte in audio:
        events += single.feed(bytes([byte]))
    assert events == whole.feed(audio)


def test_a_click_is_no_speech():
    assert detector().feed(QUIET * 10 + VOICE * 2 + QUIET * 50) == []


def test_a_short_pause_does_not_end_the_utterance():
    assert len(detector().feed(VOICE * 20 + QUIET * 20 + VOICE * 20)) == 1


@pytest.mark.parametrize(("settings", "frames"), [({}, 25), ({"end_sensitive": False}, 40), ({"silence_ms": 100}, 5)])
def test_the_end_comes_after_the_silence_that_was_asked_for(settings, frames):
    listening = detector(**settings)
    listening.feed(VOICE * 20)
    assert listening.feed(QUIET * (frames - 1)) == []
    assert len(listening.feed(QUIET)) == 1


def test_the_start_waits_for_the_prefix_that_was_asked_for():
    listening = detector(prefix_ms=400, start_sensitive=False)
    assert listening.feed(VOICE * 19) == []
    assert listening.feed(VOICE) == [SpeechStarted(0.0)]


def test_flush_ends_what_is_open_and_only_that():
    listening = detector()
    assert listening.flush() == []
    listening.feed(VOICE * 20 + b"\x01")
    (end,) = listening.flush()
    assert isinstance(end, SpeechEnded)
    assert not listening.speaking


def test_half_a_sample_waits_for_its_other_half():
    stream = InputStream()
    assert stream.feed(b"\x01", 16_000) == b""
    assert stream.feed(b"\x02\x03", 16_000) == b"\x01\x02"


def test_resampling_a_stream_in_pieces_loses_no_time():
    stream = InputStream()
    out = b"".join(stream.feed(bytes(480 * 2), 48_000) for _ in range(100)) + stream.flush()
    assert abs(len(out) - 32_000) < 100


@pytest.mark.parametrize(
    ("mime", "rate"),
    [("audio/pcm", 16_000), ("audio/pcm;rate=24000", 24_000), ("Audio/PCM; Rate=8000", 8_000)],
)
def test_the_declared_rate_is_read(mime, rate):
    assert declared_rate(mime) == rate


@pytest.mark.parametrize("mime", ["image/png", "audio/wav", "", "audio/pcm;rate=1"])
def test_what_is_no_raw_pcm_is_refused(mime):
    with pytest.raises(CloseRefusal):
        declared_rate(mime)


def test_output_is_half_as_long_again_in_samples():
    assert abs(len(to_output_rate(bytes(32_000))) - 48_000) < 100


def test_the_tone_grows_with_the_text_and_is_cut_without_loss():
    assert len(tone("a" * 50)) > len(tone("a" * 20)) > 0
    assert b"".join(chunks(tone("hello"), 7)) == tone("hello")
