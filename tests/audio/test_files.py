"""WAV files as microphone and loudspeaker, in real time, and what they do on disks that refuse."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import wave
from array import array

import pytest

from livesession.audio import WavFile, write_wav
from livesession.audio.device_protocols import AudioInput, AudioOutput
from livesession.audio.files import WavInput, WavOutput
from livesession.audio.playback import Playback
from livesession.errors import AudioDeviceError, ConfigurationError, InvalidRequestError
from tests.kit.waiting import InThread


def speech(milliseconds, rate=24_000):
    return array("h", (1 + 7_877 * number % 9_973 for number in range(rate * milliseconds // 1000))).tobytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sound.wav"


class Failures:
    """Takes what an output tells of its failure."""

    def __init__(self):
        self.errors = []
        self.came = threading.Event()

    def __call__(self, error):
        self.errors.append(error)
        self.came.set()


def content_of(path):
    with wave.open(str(path)) as reader:
        return reader.getparams()[:4], reader.readframes(reader.getnframes())


def in_a_process(program, *arguments):
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def test_both_are_what_a_conversation_takes(path):
    write_wav(path, speech(100))
    source, target = WavInput(path), WavOutput(path, rate=48_000, channels=2)
    assert isinstance(source, AudioInput)
    assert isinstance(target, AudioOutput)
    assert (source.rate, source.channels, source.dropped_ms, source.is_microphone) == (24_000, 1, 0, False)
    assert (target.rate, target.channels, target.is_loudspeaker) == (48_000, 2, False)
    assert repr(source) == f"WavInput({str(path)!r}, 0.1 s, 24000 Hz)"
    assert repr(target) == f"WavOutput({str(path)!r}, 48000 Hz, channels=2)"


@pytest.mark.parametrize("block_ms", [1, 20, 70])
def test_a_file_is_heard_sample_by_sample_and_then_silence(path, block_ms):
    pcm = speech(333, rate=11_025)
    write_wav(path, pcm, 11_025)
    blocks = list(WavInput(path, pace=0, block_ms=block_ms, silence_after=0.05).blocks())
    assert b"".join(blocks) == pcm + bytes(2 * round(0.05 * 11_025))
    assert max(map(len, blocks)) <= 2 * (11_025 * block_ms // 1000 + 1)


def test_a_block_is_heard_at_its_end_and_a_late_one_delays_nothing(path):
    write_wav(path, speech(200))
    start = time.monotonic()
    times = []
    for number, _ in enumerate(WavInput(path, silence_after=0.1).blocks()):
        times.append(time.monotonic() - start)
        if number == 3:
            time.sleep(0.05)
    assert len(times) == 15
    late = [at - 0.02 * (number + 1) for number, at in enumerate(times)]
    assert min(late) >= 0
    assert min(late[7:]) < 0.02  # the least of several, because other programs may keep this one waiting


def test_the_pace_is_how_much_faster_it_is(path):
    write_wav(path, speech(1_000))
    start = time.monotonic()
    assert len(list(WavInput(path, pace=10).blocks())) == 50
    assert 0.1 <= time.monotonic() - start < 0.6


def test_closing_ends_an_input_that_waits_and_one_that_has_not_begun(path):
    write_wav(path, speech(5_000))
    source = WavInput(path, block_ms=4_000)
    first = InThread(lambda: list(source.blocks()))
    source.close()
    source.close()
    assert first.result(timeout=1) == []
    assert list(source.blocks()) == []


def test_a_file_that_is_gone_when_it_is_to_be_heard_is_a_device_that_vanished(path):
    write_wav(path, speech(100))
    source = WavInput(path)
    path.unlink()
    with pytest.raises(AudioDeviceError, match="cannot be read any more"):
        next(source.blocks())


@pytest.mark.parametrize(
    "options", [{"pace": -1}, {"pace": float("nan")}, {"block_ms": 0}, {"silence_after": float("inf")}]
)
def test_options_that_cannot_be_are_refused(path, options):
    write_wav(path, speech(10))
    with pytest.raises(ConfigurationError, match=r"must be at least 0"):
        WavInput(path, **options)
    with pytest.raises(ConfigurationError, match="whole numbers"):
        WavOutput(path, rate=0)


def test_what_is_no_wav_file_is_refused_before_anything_begins(path):
    path.write_bytes(b"not sound")
    with pytest.raises(InvalidRequestError):
        WavInput(path)


def test_what_is_played_from_one_file_through_the_jitter_buffer_is_in_the_other_in_one_piece(tmp_path):
    pcm = speech(400)
    write_wav(tmp_path / "in.wav", pcm)
    playback = Playback(24_000, 1, latency_ms=200)
    target = WavOutput(tmp_path / "out.wav")
    is_played = threading.Event()

    def render(frames):
        sound = playback.render(frames)
        if playback.played_ms == 400:
            is_played.set()
        return sound

    target.start(render, Failures())
    for block in WavInput(tmp_path / "in.wav", pace=2).blocks():
        playback.put(block)
    playback.end_turn()
    assert is_played.wait(5)
    target.close()
    parameters, written = content_of(tmp_path / "out.wav")
    assert parameters[:3] == (1, 2, 24_000)
    assert written.strip(b"\0") == pcm.strip(b"\0")
    assert playback.underruns == 0


def test_an_output_lasts_as_long_as_it_was_open_and_asks_without_drift(path):
    asked = []
    enough = threading.Event()

    def render(frames):
        asked.append((time.monotonic(), frames))
        if len(asked) == 5:
            time.sleep(0.1)  # a machine that is busy
        if len(asked) == 20:
            enough.set()
        return b"\1\2\3\4"

    target = WavOutput(path, rate=11_025, channels=2)
    start = time.monotonic()
    target.start(render, Failures())
    assert enough.wait(5)
    target.close()
    assert sum(frames for _, frames in asked[:20]) == 11_025 * 400 // 1000
    late = [at - start - 0.02 * number for number, (at, _) in enumerate(asked)]
    assert min(late) >= 0
    assert min(late[10:]) - late[0] < 0.05  # the thread itself may begin late
    parameters, written = content_of(path)
    assert parameters == (2, 2, 11_025, sum(frames for _, frames in asked))
    assert written == b"".join((b"\1\2\3\4").ljust(4 * frames, b"\0") for _, frames in asked)


def test_nothing_is_asked_after_close_from_any_thread_any_number_of_times(path):
    asked = []
    target = WavOutput(path)
    begun = threading.Event()
    target.start(lambda frames: (asked.append(frames), begun.set(), b"")[-1], Failures())
    assert begun.wait(5)
    closing = [InThread(target.close) for _ in range(4)]
    for each in closing:
        each.result()
    count = len(asked)
    assert content_of(path)[0][3] == sum(asked)
    time.sleep(0.05)
    assert len(asked) == count


def test_an_output_is_started_once_and_not_after_close(path):
    target = WavOutput(path)
    target.start(lambda frames: b"", Failures())
    with pytest.raises(AudioDeviceError, match="make a new one"):
        target.start(lambda frames: b"", Failures())
    target.close()
    unused = WavOutput(path.with_name("unused.wav"))
    unused.close()
    with pytest.raises(AudioDeviceError, match="make a new one"):
        unused.start(lambda frames: b"", Failures())
    assert not path.with_name("unused.wav").exists()


KILLED = """
import os, sys, threading
from livesession.audio.files import WavOutput
asked = []
def render(frames):
    asked.append(frames)
    if len(asked) == 6:
        os.kill(os.getpid(), 9)
    return b"\\1\\2" * frames
WavOutput(sys.argv[1]).start(render, print)
threading.Event().wait(10)
"""


def test_a_process_that_is_killed_leaves_a_whole_file(path):
    process = in_a_process(KILLED, path)
    process.communicate()
    parameters, written = content_of(path)
    assert parameters == (1, 2, 24_000, 5 * 480)
    assert written == b"\1\2" * (5 * 480)
    assert WavFile(path).frames == 5 * 480


FULL = """
import resource, sys, threading
from livesession.audio.files import WavOutput
resource.setrlimit(resource.RLIMIT_FSIZE, (2_500, 2_500))
told = threading.Event()
def failed(error):
    output.close()
    print(type(error).__name__, error, flush=True)
    told.set()
output = WavOutput(sys.argv[1])
output.start(lambda frames: b"", failed)
told.wait(10)
output.close()
print(threading.active_count())
"""


def test_a_disk_that_fills_up_is_told_once(path):
    pytest.importorskip("resource", reason="limits of files are for POSIX")
    output, _ = in_a_process(FULL, path).communicate()
    failure, threads = output.splitlines()
    assert failure.startswith(f"AudioDeviceError {path} cannot be written: [Errno 27]")
    assert threads == "1"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_disk_that_is_full_a_folder_and_a_pipe_are_refused_at_once(tmp_path):
    reading, writing = os.pipe()
    try:
        for path in ("/dev/full", tmp_path, tmp_path / "nowhere" / "a.wav", f"/dev/fd/{writing}"):
            with pytest.raises(AudioDeviceError, match=f"{path} cannot be written"):
                WavOutput(path).start(lambda frames: b"", Failures())
    finally:
        os.close(reading)
        os.close(writing)


def test_none_of_this_needs_an_extra(path):
    program = """
import sys
sys.modules.update(dict.fromkeys(["numpy", "soxr", "sounddevice"]))
from livesession.audio.files import WavInput, WavOutput
from livesession.audio.playback import Playback
from livesession.audio.resampler import Converter
from livesession.audio.sources import CallbackOutput, PcmInput
from livesession.audio.wav import write_wav
write_wav(sys.argv[1], bytes(4_800))
playback = Playback(24_000, 2)
for block in WavInput(sys.argv[1], pace=0).blocks():
    playback.put(Converter(24_000, 1, 24_000, 1).feed(block))
print(len(playback.render(2_400)))
"""
    output, _ = in_a_process(program, path).communicate()
    assert output == "9600\n"


def test_an_input_that_was_used_is_not_taken_for_one_that_is_silent(tmp_path):
    path = tmp_path / "sound.wav"
    write_wav(path, bytes(640), 16_000)
    source = WavInput(path, pace=0)
    assert len(list(source.blocks())) == 1
    with pytest.raises(AudioDeviceError, match="used before"):
        next(source.blocks())
