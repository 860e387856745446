"""The jitter buffer: exact, late by no more than it says, silent at once, and every millisecond accounted for."""

from __future__ import annotations

import threading
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livesession.audio.playback import LIMIT_MS, Playback
from livesession.audio.resampler import Converter
from livesession.errors import AudioDeviceError, ConfigurationError
from tests.kit.waiting import InThread

always_the_same = settings(max_examples=60, deadline=None, derandomize=True, database=None)

DEVICES = [(24_000, 1), (24_000, 2), (16_000, 1), (44_100, 1), (48_000, 2)]


def speech(milliseconds, rate=24_000, seed=1):
    """A sound of which no two stretches are the same, and none is silent."""
    return array(
        "h", (1 + (seed * 7_919 + 7_877 * number) % 9_973 for number in range(rate * milliseconds // 1000))
    ).tobytes()


def converted(pcm, rate, channels, rate_in=24_000):
    converter = Converter(rate_in, 1, rate, channels)
    return converter.feed(pcm) + converter.flush()


def play_out(playback, frames=480):
    """All that comes without anything more being put."""
    return b"".join(iter(lambda: playback.render(frames), b""))


@always_the_same
@given(st.data())
def test_what_is_played_over_a_turn_is_exactly_what_was_put(data):
    rate, channels = data.draw(st.sampled_from(DEVICES))
    playback = Playback(rate, channels, latency_ms=data.draw(st.sampled_from([0, 20, 60])))
    heard, said, sizes = b"", b"", st.integers(0, 5_000)
    for turn in range(data.draw(st.integers(1, 3))):
        rest = speech(data.draw(st.integers(0, 400)), seed=turn)
        said += converted(rest, rate, channels)
        while rest:
            size = data.draw(sizes)
            playback.put(rest[:size])
            rest = rest[size:]
            heard += playback.render(data.draw(sizes))
        playback.end_turn()
    heard += play_out(playback)
    assert heard == said
    assert playback.played_ms == pytest.approx(1000 * len(said) / (2 * channels * rate))
    assert (playback.buffered_ms, playback.dropped_ms, playback.is_playing) == (0, 0, False)


def test_it_begins_when_the_latency_is_there():
    playback = Playback(24_000, 1, latency_ms=60)
    pcm = speech(61)
    playback.put(pcm[: 48 * 59])
    assert (playback.render(480), playback.is_playing, playback.played_ms) == (b"", True, 0)
    playback.put(pcm[48 * 59 : 48 * 60])
    assert playback.render(480) == pcm[:960]
    assert (playback.buffered_ms, playback.played_ms) == (40, 20)


def test_the_end_of_a_turn_is_played_however_little_it_is():
    playback = Playback(24_000, 1, latency_ms=60)
    playback.put(speech(5))
    assert playback.render(480) == b""
    playback.end_turn()
    playback.end_turn()
    assert playback.render(480) == speech(5)
    assert playback.is_playing  # the device has just taken it
    assert playback.render(480) == b""
    assert (playback.is_playing, playback.underruns) == (False, 0)


def test_the_rest_of_a_turn_does_not_wait_for_the_next_one_to_fill_up():
    playback = Playback(24_000, 1, latency_ms=60)
    playback.put(speech(30))
    playback.end_turn()
    playback.put(speech(10, seed=2))
    assert playback.render(960) == speech(30) + speech(10, seed=2)


def test_a_device_with_blocks_longer_than_the_latency_is_never_given_half_of_the_first_one():
    playback = Playback(24_000, 1, latency_ms=60)
    playback.put(speech(90))
    assert playback.render(2_400) == b""
    playback.put(speech(10, seed=2))
    assert playback.render(2_400) == speech(90) + speech(10, seed=2)


def test_speech_that_is_torn_waits_for_the_latency_again_and_is_counted():
    playback = Playback(24_000, 1, latency_ms=60)
    pcm = speech(170)
    playback.put(pcm[: 48 * 70])
    assert [len(playback.render(480)) // 48 for _ in range(5)] == [20, 20, 20, 10, 0]
    assert playback.underruns == 0  # it may have been the end
    playback.put(pcm[48 * 70 : 48 * 120])
    assert (playback.underruns, playback.render(480)) == (1, b"")
    playback.put(pcm[48 * 120 :])
    assert play_out(playback) == pcm[48 * 70 :]
    assert playback.underruns == 1


def test_a_turn_whose_end_is_told_late_was_not_torn():
    playback = Playback(24_000, 1)
    for turn in range(3):
        playback.put(speech(100, seed=turn))
        assert play_out(playback) == speech(100, seed=turn)
        playback.end_turn()
    assert playback.underruns == 0


@pytest.mark.parametrize(("rate", "channels"), DEVICES)
def test_an_interruption_is_silent_at_the_next_block_and_leaves_nothing_behind(rate, channels):
    playback = Playback(rate, channels)
    playback.put(speech(500))
    block = playback.render(rate // 50)
    assert len(block) == rate // 50 * 2 * channels
    assert playback.interrupt() == pytest.approx(480, abs=0.1)  # what the converter holds is part of it
    assert (playback.render(rate // 50), playback.is_playing, playback.level) == (b"", False, 0)
    assert (playback.played_ms, playback.buffered_ms) == (20, 0)
    assert playback.interrupt() == 0
    playback.end_turn()
    assert playback.render(rate // 50) == b""
    playback.put(speech(100, seed=2))
    playback.end_turn()
    assert play_out(playback) == converted(speech(100, seed=2), rate, channels)
    assert playback.dropped_ms == pytest.approx(480, abs=0.1)


def test_the_rate_may_change_in_the_middle_of_a_turn():
    playback = Playback(48_000, 1)
    playback.put(speech(100))
    playback.put(speech(100, rate=16_000), 16_000)
    playback.put(speech(100, rate=48_000), 48_000)
    playback.end_turn()
    assert play_out(playback) == (
        converted(speech(100), 48_000, 1)
        + converted(speech(100, rate=16_000), 48_000, 1, rate_in=16_000)
        + speech(100, rate=48_000)
    )
    with pytest.raises(ConfigurationError):
        playback.put(speech(10), 0)


def test_half_samples_wait_for_their_other_half():
    playback = Playback(24_000, 1)
    pcm = speech(100)
    for start in range(0, len(pcm), 7):
        playback.put(pcm[start : start + 7])
    assert play_out(playback) == pcm


def test_ten_minutes_are_held_and_no_more_and_nothing_of_them_is_lost():
    playback = Playback(24_000, 1)
    minute = speech(60_000)
    for _ in range(10):
        playback.put(minute)
    assert playback.buffered_ms == LIMIT_MS
    with pytest.raises(AudioDeviceError, match="does not play"):
        playback.put(minute)
    heard = playback.render(480)
    playback.put(heard)
    assert heard + play_out(playback, frames=24_000 * 60) == 10 * minute + heard


def test_the_level_is_that_of_the_last_block():
    playback = Playback(24_000, 1, latency_ms=0)
    playback.put(array("h", [16_384, -16_384] * 240 + [0] * 480).tobytes())
    playback.end_turn()
    assert playback.level == 0
    levels = []
    for _ in range(3):
        playback.render(480)
        levels.append(playback.level)
    assert levels == [0.5, 0, 0]


@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_every_millisecond_is_played_or_dropped_while_three_threads_use_it(rate):
    playback = Playback(rate, 1)
    done = threading.Event()
    heard = []

    def device():
        while not done.is_set():
            heard.append(len(playback.render(rate // 100)))

    def interrupting():
        while not done.is_set():
            playback.interrupt()
            done.wait(0.001)

    threads = [InThread(device), InThread(interrupting)]
    for turn in range(60):
        for _ in range(10):
            playback.put(speech(40))
        if turn % 3 == 0:
            playback.end_turn()
    done.set()
    for thread in threads:
        thread.result()
    playback.interrupt()
    assert sum(heard) == round(playback.played_ms * rate / 1000) * 2
    # A stream that is flushed is rounded to a whole sample.
    assert playback.played_ms + playback.dropped_ms == pytest.approx(60 * 10 * 40, abs=20 * 1000 / rate)


def test_what_is_less_than_the_latency_is_played_when_nothing_more_comes_for_half_a_second():
    playback = Playback(24_000, 1, latency_ms=60)
    playback.put(speech(30))
    assert [playback.render(480) for _ in range(25)] == [b""] * 25
    assert play_out(playback) == speech(30)
    assert not playback.is_playing
    assert [playback.render(480) for _ in range(100)] == [b""] * 100
    playback.put(speech(30))
    assert playback.render(480) == b""  # what comes later is collected as always
    playback.end_turn()
    assert play_out(playback) == speech(30)
    assert playback.underruns == 1
