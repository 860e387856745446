"""WAV to WAV with the extra `cli` only: at the file's own rate, and not a sample more or less in either direction."""

from __future__ import annotations

import base64
import wave
from array import array

import pytest

from livesession.emulator import LiveEmulator, Speech

# The packages that the extra `cli` does not bring along; hidden, whether they are installed or not.
OTHER_EXTRAS = [
    "PIL", "docstring_parser", "google.auth", "mcp", "orjson", "pybase64", "python_socks", "sounddevice",
]  # fmt: skip
HIDING = f"""
import sys
sys.modules.update(dict.fromkeys({OTHER_EXTRAS}))
from livesession.__main__ import main
main()
"""
ANSWER = array("h", (7 * number % 30_000 for number in range(24_000 // 5 + 13))).tobytes()


@pytest.fixture
def emulator():
    with LiveEmulator(lambda turn: Speech(ANSWER, "hi")) as emulator:
        yield emulator


@pytest.fixture
def with_cli_only(python, emulator):
    """Runs the command where the packages of the other extras are missing."""
    aim = {"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": emulator.url}
    return lambda *args: python("-c", HIDING, *args, **aim)


def write(path, rate, channels):
    """Writes a file of a third of a second and a bit; returns the samples to be sent, the average of its channels."""
    frames = [[(11 * number + 5 * channel) % 20_000 for channel in range(channels)] for number in range(rate // 3 + 7)]
    with wave.open(str(path), "wb") as writer:
        writer.setparams((channels, 2, rate, 0, "NONE", ""))
        writer.writeframes(array("h", (sample for frame in frames for sample in frame)).tobytes())
    return array("h", (sum(frame) // channels for frame in frames)).tobytes()


def heard(emulator):
    """The MIME types and all bytes of the audio that the server received."""
    inputs = [received.message.get("realtimeInput", {}) for received in emulator.received]
    blobs = [message["audio"] for message in inputs if "audio" in message]
    return {blob["mimeType"] for blob in blobs}, b"".join(base64.b64decode(blob["data"]) for blob in blobs)


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 1), (22_050, 2), (44_100, 1), (48_000, 2)])
def test_wav_to_wav_needs_the_extra_cli_only_and_goes_out_at_its_own_rate_sample_by_sample(
    with_cli_only, emulator, tmp_path, rate, channels
):
    said = write(tmp_path / "q.wav", rate, channels)
    done = with_cli_only("ask", "--audio-in", "q.wav", "--audio-out", "a.wav")
    assert (done.returncode, done.stdout) == (0, "hi\n"), done.stderr
    assert heard(emulator) == ({f"audio/pcm;rate={rate}"}, said)
    with wave.open(str(tmp_path / "a.wav")) as reader:
        assert reader.getparams()[:4] == (1, 2, 24_000, len(ANSWER) // 2)
        assert reader.readframes(len(ANSWER)) == ANSWER


@pytest.mark.slow
def test_a_conversation_from_file_to_file_needs_the_extra_cli_only(with_cli_only, emulator, tmp_path):
    write(tmp_path / "q.wav", 16_000, 1)
    done = with_cli_only("talk", "--input", "q.wav", "--output", "a.wav")
    assert (done.returncode, done.stderr) == (0, "a.wav: what was heard, 0.2 s of speech\n")
    assert heard(emulator)[0] == {"audio/pcm;rate=16000"}
    with wave.open(str(tmp_path / "a.wav")) as reader:
        assert reader.getparams()[:3] == (1, 2, 24_000)


def test_a_microphone_without_the_extra_audio_is_an_error_that_names_the_package(with_cli_only):
    done = with_cli_only("talk", "--output", "a.wav")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert 'pip install "livesession[audio]"' in done.stderr
