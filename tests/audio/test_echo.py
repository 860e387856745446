"""The echo canceller without devices: blocks of any size, threads, a room that is computed, and what goes wrong."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from livesession import AudioDeviceError, ConfigurationError
from livesession.audio import WavFile, WebRtcEchoCanceller
from livesession.audio.alignment import Alignment, CaptureClock
from livesession.audio.webrtc import AudioProcessing
from livesession.cli import __path__ as cli_path
from tests.audio.sound import Sound, correlation, level
from tests.kit.waiting import InThread

pytest.importorskip("livekit.rtc", reason="the extra echo is not installed")

ROOT = Path(__file__).parents[2]
RATE = 16_000
BLOCK = 2 * RATE * 20 // 1000
QUESTION = Sound.of_pcm(b"".join(WavFile(f"{cli_path[0]}/question.wav").blocks(20)), RATE)
TALE = Sound(np.tile(QUESTION.samples, 3), RATE)  # what the model says
ALONE = Sound(np.pad(QUESTION.samples, RATE), RATE)  # with a second of silence on both sides
SILENCE = Sound(np.zeros_like(ALONE.samples), RATE)
REVERSED = Sound(QUESTION.samples[::-1].copy(), RATE)  # sounds like somebody else

UNTOUCHED = 0.5  # correlation: the canceller cuts off what is below speech, which moves the phases of what is above


def room(played, delay_ms, reverberation=0.1, loudness=0.3):
    """What a microphone hears of it: late, quieter, and from all walls."""
    echoes = np.arange(RATE // 4)
    response = reverberation * np.random.default_rng(1).standard_normal(len(echoes)) * np.exp(-echoes / (RATE / 20))
    response[0] = 1
    late = np.zeros(RATE * delay_ms // 1000)
    size = len(played.samples) + len(response)
    heard = loudness * np.fft.irfft(np.fft.rfft(played.samples, size) * np.fft.rfft(response, size), size)
    return Sound(np.concatenate([late, heard])[: len(played.samples)], RATE)


def blocks(sound):
    pcm = sound.pcm(RATE)
    return [pcm[start : start + BLOCK] for start in range(0, len(pcm), BLOCK)]


def converse(played, heard, hold=0.0, arrival=lambda at: at):
    """Plays and hears block by block, on a clock of its own; returns what is left.

    `arrival` tells when what came from the microphone at some second gets to the canceller.
    """
    alignment = Alignment(hold)
    processing = AudioProcessing(None, noise_suppression=False, gain_control=False)
    events = [(0.02 * number, 0, alignment.played, block) for number, block in enumerate(blocks(played))]
    events += [(arrival(at), 1, alignment.heard, block) for (at, *_), block in zip(events, blocks(heard), strict=True)]
    left = bytearray()
    for at, _, take, block in sorted(events, key=lambda event: event[:2]):
        for before, frame in take(block, at) or ():
            left += processing.clean(before, frame)
    return Sound.of_pcm(bytes(left), RATE)


def attenuation(before, after, start):
    """Decibels by which it is quieter, from so many seconds on."""
    end = min(before.seconds, after.seconds)
    return level(before.between(start, end)) - level(after.between(start, end))


@pytest.fixture
def canceller():
    with WebRtcEchoCanceller() as canceller:
        yield canceller


def test_as_much_comes_out_as_goes_in_whatever_the_blocks(canceller):
    sizes = random.Random(1)
    came = went = 0
    for _ in range(300):
        size = sizes.choice([0, 1, 2, 319, 320, 321, 640, 1764, sizes.randrange(5000)])
        canceller.played(bytes(sizes.randrange(5000)))
        went += size
        came += len(canceller.cleaned(bytes(size)))
        assert came == went - went % 320


def test_what_the_user_says_while_nothing_is_played_stays_as_loud_as_it_is():
    left = converse(SILENCE, ALONE)
    assert correlation(left, QUESTION) > UNTOUCHED
    assert abs(attenuation(ALONE, left, start=0)) < 3


@pytest.mark.parametrize("delay_ms", [20, 100, 450])
def test_the_echo_of_a_room_is_taken_out_however_late_it_is(delay_ms):
    heard = room(TALE, delay_ms)
    left = converse(TALE, heard)
    assert attenuation(heard, left, start=0) > 20
    assert attenuation(heard, left, start=5) > 28


def test_an_echo_that_comes_later_is_taken_out_where_what_is_played_is_held_back():
    heard = room(TALE, 900)
    assert attenuation(heard, converse(TALE, heard), start=5) < 10
    assert attenuation(heard, converse(TALE, heard, hold=0.65), start=5) > 28


def test_the_echo_stays_out_when_the_microphone_s_sound_comes_late_and_in_a_burst():
    heard = room(TALE, 60)
    left = converse(TALE, heard, arrival=lambda at: 4.9 if 4 < at < 4.9 else at)
    assert attenuation(heard.between(4, 5), left.between(4, 5), start=0) > 28


def test_what_the_user_says_over_the_model_is_still_there():
    said = np.zeros_like(TALE.samples)
    start = RATE * 5
    said[start : start + len(REVERSED.samples)] = REVERSED.samples
    left = converse(TALE, Sound(room(TALE, 60, loudness=0.1).samples + said, RATE))
    end = start / RATE + REVERSED.seconds
    assert correlation(left.between(start / RATE - 0.1, end + 0.1), REVERSED) > 0.4
    assert level(left.between(start / RATE, end)) > level(REVERSED) - 6


def test_playing_does_not_wait_while_much_is_cleaned(canceller):
    cleaning = InThread(lambda: canceller.cleaned(bytes(2 * RATE * 8)))
    times = 0
    while cleaning.thread.is_alive():
        canceller.played(bytes(BLOCK))
        times += 1
    cleaning.result()
    assert times > 20


def test_it_can_be_closed_while_other_threads_use_it():
    canceller = WebRtcEchoCanceller()
    has_begun = threading.Event()

    def hear():
        while True:
            canceller.cleaned(bytes(BLOCK))
            has_begun.set()

    hearing = InThread(hear)
    assert has_begun.wait(5)
    canceller.close()
    canceller.close()
    with pytest.raises(AudioDeviceError, match="closed: make a new one"):
        hearing.result(timeout=5)
    canceller.played(bytes(BLOCK))
    assert repr(canceller) == "<WebRtcEchoCanceller, closed>"


@pytest.mark.parametrize("delay", [-1, 2001, 1.5, "200"])
def test_a_delay_that_cannot_be_is_refused(delay):
    with pytest.raises(ConfigurationError, match="delay_ms must be a whole number from 0 to 2000"):
        WebRtcEchoCanceller(delay_ms=delay)


@pytest.mark.parametrize("delay", [0, 200, 2000])
def test_a_delay_that_can_be_is_taken(delay):
    with WebRtcEchoCanceller(delay_ms=delay) as canceller:
        assert len(canceller.cleaned(bytes(BLOCK))) == BLOCK


def test_frames_that_come_in_time_are_heard_when_they_come():
    clock = CaptureClock()
    assert clock.times(2, now=5.0) == pytest.approx([4.99, 5.0])
    assert clock.times(2, now=5.02) == pytest.approx([5.01, 5.02])


def test_frames_that_come_late_were_heard_in_their_time():
    clock = CaptureClock()
    clock.times(100, now=5.0)
    assert clock.times(10, now=5.7) == pytest.approx([5 + number / 100 for number in range(1, 11)])
    assert clock.times(60, now=5.7)[-1] == pytest.approx(5.7)


def test_a_second_after_frames_were_lost_the_clock_is_right_again():
    clock = CaptureClock()
    clock.times(100, now=5.0)
    assert clock.times(1, now=7.0) == pytest.approx([5.01])
    assert clock.times(100, now=8.0)[-1] == pytest.approx(8.0)


def said_by(program):
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_a_missing_package_is_named_with_the_command_that_installs_it():
    program = """
import sys; sys.modules["livekit"] = None
from livesession.audio import WebRtcEchoCanceller
try: WebRtcEchoCanceller()
except ImportError as error: print(error)
"""
    assert 'pip install "livesession[echo]"' in said_by(program)


def test_it_needs_no_event_loop_leaves_no_thread_and_imports_its_package_when_it_is_made():
    program = """
import os, sys, threading
from livesession.audio import WebRtcEchoCanceller
assert "livekit" not in sys.modules
def use():
    with WebRtcEchoCanceller() as canceller:
        canceller.played(bytes(640))
        print(len(canceller.cleaned(bytes(640))))
thread = threading.Thread(target=use)
thread.start()
thread.join()
print(threading.enumerate() == [threading.main_thread()], flush=True)
os._exit(0)  # livekit's own threads, in Rust, abort now and then while a loaded interpreter goes down
"""
    assert said_by(program) == "640\nTrue\n"


@pytest.mark.slow
def test_memory_is_given_back_when_it_is_closed_and_when_it_is_forgotten():
    program = """
from livesession.audio import WebRtcEchoCanceller
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
def use():
    canceller = WebRtcEchoCanceller()
    canceller.cleaned(bytes(640))
    return canceller
use()
before = resident()
for number in range(300):
    if number % 2:
        use().close()
    else:
        use()
print((resident() - before) // 2**20 < 25)  # all of them would be 70
"""
    assert said_by(program) == "True\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_process_forked_from_one_that_used_it_is_told():
    program = """
import os
from livesession import AudioDeviceError
from livesession.audio import WebRtcEchoCanceller
WebRtcEchoCanceller()
child = os.fork()
if child == 0:
    try: WebRtcEchoCanceller()
    except AudioDeviceError as error: print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    text = said_by(program)
    assert text.startswith("The echo canceller does not start: ")
    assert "fork" in text
