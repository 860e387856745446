"""Resampling, judged by signal: distortion, seams, lengths and peaks, whatever the blocks."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livesession.audio.pcm import level_of
from livesession.audio.resampler import Converter
from livesession.errors import ConfigurationError, MissingExtraError

AMPLITUDE = 16_000
LOWEST = 50.0  # Hz
EDGE = 0.05  # seconds at either end, where the sound begins or ends suddenly: no signal that one could compare
RATES = [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000]

always_the_same = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def sweep(rate, seconds, highest, times=1.0):
    """A sine from 50 Hz up, at any rate the same sound."""
    time = np.arange(round(rate * seconds)) / rate
    growth = np.log(highest / LOWEST) / seconds
    return times * AMPLITUDE * np.sin(2 * np.pi * LOWEST * (np.exp(growth * time) - 1) / growth)


def pcm_of(*channels):
    return np.rint(np.stack(channels, axis=1)).astype("<i2").tobytes()


def samples_of(pcm, channels=1):
    return np.frombuffer(pcm, dtype="<i2").astype(float).reshape(-1, channels)


def convert(converter, pcm, size):
    blocks = [converter.feed(pcm[start : start + size]) for start in range(0, len(pcm), size)]
    return b"".join(blocks) + converter.flush()


def decibels(part, whole):
    return 10 * np.log10(np.mean(part**2) / np.mean(whole**2))


@pytest.mark.parametrize("size", [1, 7, 333, 4_801])
@pytest.mark.parametrize(
    ("rate_in", "channels_in", "rate_out", "channels_out"),
    [
        (24_000, 1, 44_100, 1),
        (24_000, 1, 48_000, 1),
        (24_000, 1, 48_000, 2),
        (44_100, 1, 16_000, 1),
        (44_100, 2, 16_000, 1),
        (48_000, 2, 16_000, 1),
        (48_000, 2, 44_100, 2),
    ],
)
def test_a_sweep_is_the_same_sweep_at_the_other_rate(rate_in, channels_in, rate_out, channels_out, size):
    seconds = 0.3 if size == 1 else 1.0
    highest = 0.44 * min(rate_in, rate_out)
    loudness = [1.0, 0.5][:channels_in]
    pcm = pcm_of(*(sweep(rate_in, seconds, highest, times) for times in loudness))
    got = samples_of(convert(Converter(rate_in, channels_in, rate_out, channels_out), pcm, size), channels_out)
    expected = loudness if channels_in == channels_out else [np.mean(loudness)] * channels_out
    inner = slice(round(EDGE * rate_out), -round(EDGE * rate_out))
    for channel, times in enumerate(expected):
        ideal = sweep(rate_out, seconds, highest, times)
        assert len(got) == len(ideal)
        rest = (got[:, channel] - ideal)[inner]
        assert decibels(rest, ideal[inner]) < -75
        # A click at the edge of a block would hardly count in the sum, but here.
        assert np.abs(rest).max() < 4


def test_what_the_new_rate_cannot_carry_is_taken_out_instead_of_coming_back_as_another_tone():
    time = np.arange(48_000) / 48_000
    for hertz in (8_500, 11_000, 15_900, 20_000):
        tone = AMPLITUDE * np.sin(2 * np.pi * hertz * time)
        got = samples_of(convert(Converter(48_000, 1, 16_000, 1), pcm_of(tone), 960))
        assert np.abs(got[400:-400]).max() <= 1


@always_the_same
@given(st.data())
def test_blocks_of_any_length_give_the_bytes_of_one_block_and_a_length_that_is_exact(data):
    rate_in, rate_out = data.draw(st.sampled_from(RATES)), data.draw(st.sampled_from(RATES))
    channels_in, channels_out = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    frames = data.draw(st.integers(0, 3_000))
    pcm = np.random.default_rng(frames).integers(-9_000, 9_000, frames * channels_in).astype("<i2").tobytes()
    whole = convert(Converter(rate_in, channels_in, rate_out, channels_out), pcm, len(pcm) + 1)
    converter = Converter(rate_in, channels_in, rate_out, channels_out)
    got, rest = b"", pcm
    while rest:
        size = data.draw(st.integers(0, 2_000))
        got, rest = got + converter.feed(rest[:size]), rest[size:]
        came_out = len(got) / (2 * channels_out * rate_out)
        came_in = (len(pcm) - len(rest)) // (2 * channels_in) / rate_in
        assert converter.held_ms == pytest.approx(1000 * max(0, came_in - came_out), abs=1e-6)
    got += converter.flush()
    assert got == whole
    assert abs(len(got) / (2 * channels_out) - frames * rate_out / rate_in) <= 1
    assert converter.held_ms == 0


@pytest.mark.parametrize("rate_out", [24_000, 44_100])
def test_after_a_flush_or_a_reset_nothing_of_the_stream_before_is_heard(rate_out):
    loud = pcm_of(sweep(24_000, 0.2, 9_000))
    soft = pcm_of(sweep(24_000, 0.2, 9_000, times=0.01))
    fresh = convert(Converter(24_000, 1, rate_out, 1), soft, 333)
    converter = Converter(24_000, 1, rate_out, 1)
    converter.feed(loud + b"\1")
    held_ms = converter.held_ms
    converter.flush()
    assert convert(converter, soft, 333) == fresh
    converter.feed(loud + b"\1")
    converter.reset()
    assert converter.held_ms == 0
    converter.feed(loud)
    assert converter.held_ms == held_ms
    converter.reset()
    assert convert(converter, soft, 333) == fresh
    assert converter.flush() == b""


def test_peaks_that_are_too_loud_saturate_and_never_wrap():
    square = np.repeat([32_767.0, -32_768.0] * 50, 60)
    got = samples_of(convert(Converter(24_000, 1, 48_000, 1), pcm_of(square), 500))[:, 0]
    assert (got.max(), got.min()) == (32_767, -32_768)
    wanted = np.repeat(square, 2)
    flat = np.abs(np.arange(len(wanted)) % 120 - 60) < 50  # away from where it turns over
    assert (np.sign(got) == np.sign(wanted))[flat].all()
    assert np.abs(got - wanted)[flat].max() < 3_000


def test_channels_are_averaged_repeated_or_left_alone():
    stereo = pcm_of(np.array([100, -300, 32_767, -32_768]), np.array([300, -100, 32_767, -32_768]))
    mean = pcm_of(np.array([200, -200, 32_767, -32_768]))
    assert convert(Converter(16_000, 2, 16_000, 1), stereo, 3) == mean
    assert convert(Converter(16_000, 2, 16_000, 2), stereo, 3) == stereo
    three = samples_of(convert(Converter(16_000, 1, 16_000, 3), mean, 3), 3)
    assert three.T.tolist() == samples_of(mean).T.tolist() * 3
    assert convert(Converter(16_000, 2, 16_000, 4), stereo, 3) == convert(Converter(16_000, 1, 16_000, 4), mean, 3)


def test_part_of_a_frame_waits_and_is_left_out_at_the_end():
    converter = Converter(16_000, 2, 16_000, 2)
    assert [converter.feed(b"\1"), converter.feed(b"\2\3"), converter.feed(b"\4\5")] == [b"", b"", b"\1\2\3\4"]
    assert converter.flush() == b""
    assert converter.feed(b"\6\7\x08\x09") == b"\6\7\x08\x09"


def test_only_another_rate_needs_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "soxr", None)
    assert Converter(24_000, 1, 24_000, 2).feed(b"\1\2") == b"\1\2\1\2"
    with pytest.raises(MissingExtraError, match=r'16000 Hz where 24000.*pip install "livesession\[audio\]"') as caught:
        Converter(16_000, 1, 24_000, 1)
    assert caught.value.extra == "audio"


@pytest.mark.parametrize("numbers", [(0, 1, 1, 1), (1, 1.0, 1, 1), (1, 1, -1, 1), (1, 1, 1, 0)])
def test_numbers_that_cannot_be_are_refused(numbers):
    with pytest.raises(ConfigurationError, match="whole numbers over 0"):
        Converter(*numbers)


def test_the_level_is_the_root_mean_square():
    assert (level_of(b""), level_of(b"\1"), level_of(bytes(640))) == (0.0, 0.0, 0.0)
    assert level_of(pcm_of(np.full(480, -32_768))) == 1.0
    assert level_of(pcm_of(16_384 * np.sin(np.arange(4_800) * np.pi / 24))) == pytest.approx(0.5 / 2**0.5, abs=1e-3)
