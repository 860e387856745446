"""WAV files in and out: exact samples, real-time pace, and errors that name the file and what to do."""

from __future__ import annotations

import itertools
import os
import struct
import threading
import time
import wave
from array import array

import pytest

from livesession import ConfigurationError, GenerativeContentBlob, InvalidRequestError, PcmAudio
from livesession.audio import WavFile, write_wav
from tests.kit.waiting import InThread


def ramp(samples, step=7):
    return array("h", (step * number % 30_000 for number in range(samples))).tobytes()


@pytest.fixture
def wav(tmp_path):
    """Makes a WAV file with the standard library."""

    def make(pcm, rate=16_000, channels=1, width=2):
        path = tmp_path / "sound.wav"
        with wave.open(str(path), "wb") as writer:
            writer.setnchannels(channels)
            writer.setsampwidth(width)
            writer.setframerate(rate)
            writer.writeframes(pcm)
        return path

    return make


def riff(fmt, data, declared=None):
    """The bytes of a WAV file, header by hand."""
    size = len(data) if declared is None else declared
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(0xFFFFFFFF, 4 + len(body))) + body


def extensible(channels, subformat, bits=16, rate=16_000):
    block = channels * bits // 8
    head = struct.pack("<HHIIHH", 0xFFFE, channels, rate, rate * block, block, bits)
    return head + struct.pack("<HHIH", 22, bits, 0, subformat) + bytes.fromhex("000000001000800000aa00389b71")


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("block_ms", [1, 20, 33, 100])
def test_blocks_hold_every_sample_once_at_the_file_s_own_rate(wav, rate, block_ms):
    pcm = ramp(rate // 2 + 13)
    file = WavFile(wav(pcm, rate))
    blocks = list(file.blocks(block_ms))
    assert b"".join(blocks) == pcm
    assert (file.rate, file.frames, file.mime_type) == (rate, len(pcm) // 2, f"audio/pcm;rate={rate}")
    assert all(abs(len(block) / 2 - rate * block_ms / 1000) < 1 for block in blocks[:-1])


def test_stereo_is_read_as_the_average_of_its_channels(wav):
    samples = array("h", [100, 300, -100, -300, 32_767, 32_767, 0, 1])
    file = WavFile(wav(samples.tobytes(), channels=2))
    assert array("h", b"".join(file.blocks())) == array("h", [200, -200, 32_767, 0])
    assert (file.channels, file.frames) == (2, 4)


def test_a_header_of_the_extensible_form_is_read_too(tmp_path):
    path = tmp_path / "three.wav"
    path.write_bytes(riff(extensible(3, subformat=1), array("h", [3, 6, 9] * 50).tobytes()))
    assert array("h", b"".join(WavFile(path).blocks())) == array("h", [6] * 50)


@pytest.mark.parametrize("declared", [0xFFFFFFFF, 0x7FFFFFF0, 5_000])
def test_a_length_that_a_pipe_left_open_counts_as_far_as_the_file_goes(tmp_path, declared):
    path = tmp_path / "piped.wav"
    path.write_bytes(riff(struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16), ramp(800) + b"\1", declared))
    file = WavFile(path)
    assert (file.frames, file.seconds) == (800, 0.05)
    assert b"".join(file.blocks()) == ramp(800)


@pytest.mark.parametrize(("width", "bits"), [(1, 8), (3, 24), (4, 32)])
def test_another_depth_than_16_bits_is_refused_with_the_command_that_converts_it(wav, width, bits):
    with pytest.raises(InvalidRequestError, match=rf"sound\.wav holds {bits}-bit samples.*sox \S*/sound\.wav -b 16"):
        WavFile(wav(bytes(width * 100), width=width))


@pytest.mark.parametrize("fmt", [struct.pack("<HHIIHH", 3, 1, 16_000, 64_000, 4, 32), extensible(1, 3, bits=32)])
def test_floating_point_is_refused_with_the_command_that_converts_it(tmp_path, fmt):
    path = tmp_path / "float.wav"
    path.write_bytes(riff(fmt, bytes(400)))
    holds = "compressed or floating-point sound|32-bit samples"  # Python 3.15 can read them
    with pytest.raises(InvalidRequestError, match=rf"float\.wav holds ({holds}).*sox \S*/float"):
        WavFile(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"RIFF", "ends before its sound begins"),
        (b"RIFF\x04\0\0\0WAVE", "ends before its sound begins"),
        (b"ID3\x04 this is an MP3, whatever its name says, and long enough", "is no WAV file"),
        (riff(struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16), b""), "holds no sound"),
        (riff(struct.pack("<HHIIHH", 1, 0, 16_000, 32_000, 2, 16), b"1234"), "is no WAV file"),
        (riff(struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16), b"1234"), "holds no sound"),
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path, content, said):
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(InvalidRequestError, match=rf"broken\.wav.*{said}"):
        WavFile(path)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.wav"):
        WavFile(tmp_path / "nowhere.wav")


def test_a_stream_yields_blobs_that_state_their_rate(wav):
    blobs = list(WavFile(wav(ramp(4_410), 44_100)).stream(50, pace=0))
    assert {blob.mime_type for blob in blobs} == {"audio/pcm;rate=44100"}
    assert all(isinstance(blob, GenerativeContentBlob) for blob in blobs)
    assert b"".join(blob.data for blob in blobs) == ramp(4_410)


def test_a_stream_takes_as_long_as_the_sound_plays(wav):
    file = WavFile(wav(ramp(4_800)))  # 0.3 s
    start = time.monotonic()
    arrivals = [time.monotonic() - start for _ in file.stream(20)]
    assert len(arrivals) == 15
    assert all(arrival >= 0.02 * number for number, arrival in enumerate(arrivals, 1))
    assert arrivals[-1] < 0.6


def test_a_stream_catches_up_with_a_slow_sender(wav):
    start = time.monotonic()
    slow = threading.Event()
    for _ in itertools.islice(WavFile(wav(ramp(4_800))).stream(20), 15):
        slow.wait(0.018)  # less than a block lasts, so it costs nothing
    assert time.monotonic() - start < 0.5


def test_pace_says_how_many_times_faster_than_real_time(wav):
    start = time.monotonic()
    assert len(list(WavFile(wav(ramp(32_000))).stream(100, pace=20))) == 20
    assert 0.1 <= time.monotonic() - start < 1


def test_a_stream_is_stopped_out_of_its_wait(wav):
    stop = threading.Event()
    sending = InThread(lambda: list(WavFile(wav(ramp(160_000))).stream(10_000, stop=stop)))
    stop.set()
    assert sending.result(5) == []


@pytest.mark.parametrize("misuse", [{"pace": -1}, {"block_ms": 0}])
def test_a_pace_or_block_that_makes_no_sense_is_a_configuration_error(wav, misuse):
    with pytest.raises(ConfigurationError, match=next(iter(misuse))):
        list(WavFile(wav(ramp(100))).stream(**misuse))


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "reply.wav"
    write_wav(path, ramp(1_000))
    file = WavFile(path)
    assert (file.rate, file.channels, b"".join(file.blocks())) == (24_000, 1, ramp(1_000))


@pytest.mark.parametrize(("given", "written"), [((), 16_000), ((8_000,), 8_000)], ids=["its own", "given"])
def test_audio_that_knows_its_rate_is_written_with_it_unless_another_is_given(tmp_path, given, written):
    write_wav(tmp_path / "reply.wav", PcmAudio(ramp(1_000), 16_000), *given)
    assert WavFile(tmp_path / "reply.wav").rate == written


def test_a_path_in_bytes_is_named_as_any_other(tmp_path):
    path = tmp_path / "no.wav"
    path.write_bytes(b"no sound")
    with pytest.raises(InvalidRequestError, match=r"sox \S*/no\.wav"):
        WavFile(os.fsencode(path))


def test_half_a_sample_at_the_end_is_not_written(tmp_path):
    write_wav(tmp_path / "odd.wav", ramp(10) + b"\1", 8_000)
    assert WavFile(tmp_path / "odd.wav").frames == 10
