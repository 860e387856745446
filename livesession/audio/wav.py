"""WAV files: read as blocks of mono PCM at the pace of speech, and written; on the standard library alone.

question = WavFile("question.wav")
session.send_media_stream(question.stream())
session.send_audio_stream_end()
write_wav("reply.wav", session.receive_turn().collect().audio)
"""

from __future__ import annotations

import io
import os
import shlex
import struct
import threading
import time
import wave
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from livesession.errors import ConfigurationError, InvalidRequestError
from livesession.messages.content import GenerativeContentBlob
from livesession.messages.display import Displayed
from livesession.messages.pcm_audio import MODEL_RATE, PcmAudio

__all__ = ["WavFile", "write_wav"]

SAMPLE_BYTES = 2
PCM = 1
EXTENSIBLE = 0xFFFE
HEADER_BYTES = 46
ADVICE = "Convert it, for example with  sox {path} -b 16 -e signed -c 1 converted.wav"


class WavFile(Displayed):
    """A WAV file of 16-bit PCM, any rate, any number of channels; read as mono, at the file's own rate.

    The header is read and judged here; the samples are read anew by each iteration, block by block. What was cut off
    (a recorder that was killed, a header written by a pipe) counts as far as it goes. Usable from any thread.

    Args:
        path: The file.

    Attributes:
        path: The file.
        rate: Samples a second.
        channels: Channels in the file; what is read is their average.
        frames: Samples in each channel.

    Raises:
        InvalidRequestError: It is no WAV file, is compressed, is not 16 bits deep, or holds no sound.
        OSError: It cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        with self._opened() as (reader, frames):
            self.rate = reader.getframerate()
            self.channels = reader.getnchannels()
            self.frames = frames
            width = reader.getsampwidth()
        if width != SAMPLE_BYTES:
            raise self._unusable(f"holds {8 * width}-bit samples, and the model hears 16-bit PCM")
        if not self.frames or not self.rate:
            raise InvalidRequestError(f"{self.path} holds no sound: record it again.")

    def __repr__(self) -> str:
        return f"WavFile({self.path!r}, {self.seconds:.1f} s, {self.rate} Hz)"

    @property
    def seconds(self) -> float:
        """The seconds that the file plays."""
        return self.frames / self.rate

    @property
    def mime_type(self) -> str:
        """The media type of its blocks, such as `"audio/pcm;rate=16000"`."""
        return f"audio/pcm;rate={self.rate}"

    def blocks(self, block_ms: int = 100) -> Iterator[bytes]:
        """The sound in blocks of `block_ms` milliseconds: mono PCM, 16-bit signed little-endian, `rate` Hz.

        No sample is lost or made up: where a block is no whole number of samples, some blocks are one longer. The
        last block holds what is left. Raises `ConfigurationError` where `block_ms` is under 1.
        """
        if block_ms < 1:
            raise ConfigurationError(f"block_ms must be at least 1, not {block_ms!r}.")
        with self._opened() as (reader, frames):
            done = number = 0
            while done < frames:
                number += 1
                upto = min(frames, self.rate * block_ms * number // 1000)
                data = reader.readframes(upto - done)
                done = upto
                if data:
                    yield to_mono(data, self.channels)

    def stream(
        self, block_ms: int = 100, *, pace: float = 1.0, stop: threading.Event | None = None
    ) -> Iterator[GenerativeContentBlob]:
        """The sound as blobs for `send_media_stream()`, each when a microphone would have it: at its end.

        The clock starts at the first block. Time that sending takes is not added: a late block does not delay the
        next ones.

        Args:
            block_ms: Milliseconds of sound in a blob; 20 to 100 work best.
            pace: Seconds of sound in a second: 1 is real time, 4 is four times as fast, 0 is without waiting.
            stop: Ends the stream early, also out of a wait; may be set by any thread.

        Raises `ConfigurationError` where `block_ms` is under 1 or `pace` under 0.
        """
        if pace < 0:
            raise ConfigurationError(f"pace must be at least 0, not {pace!r}.")
        stop = stop or threading.Event()
        start = time.monotonic()
        heard = 0
        for block in self.blocks(block_ms):
            heard += len(block) // SAMPLE_BYTES
            due = start + heard / self.rate / pace if pace else start
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            yield GenerativeContentBlob(mime_type=self.mime_type, data=block)

    @contextmanager
    def _opened(self) -> Iterator[tuple[wave.Wave_read, int]]:
        """A reader at the first sample, and how many samples of each channel there really are."""
        with open(self.path, "rb") as file:
            try:
                source = with_plain_header(file)
                reader = wave.open(source, "rb")  # noqa: SIM115 -- left by the `with` below
            except (wave.Error, EOFError, struct.error) as error:
                raise self._unreadable(error) from error
            with reader:
                start = source.tell()
                left = source.seek(0, os.SEEK_END) - start
                source.seek(start)
                frame_bytes = reader.getsampwidth() * reader.getnchannels()
                yield reader, min(reader.getnframes(), left // frame_bytes)

    def _unreadable(self, error: Exception) -> InvalidRequestError:
        what = str(error)
        if what.startswith("unknown"):
            return self._unusable("holds compressed or floating-point sound, and the model hears 16-bit PCM")
        if os.path.getsize(self.path) == 0:
            return InvalidRequestError(f"{self.path} is empty: record it again.")
        if isinstance(error, EOFError) or "missing" in what:
            return InvalidRequestError(f"{self.path} is a broken WAV file: it ends before its sound begins.")
        return self._unusable(f"is no WAV file that can be read ({what})")

    def _unusable(self, why: str) -> InvalidRequestError:
        advice = ADVICE.format(path=shlex.quote(os.fsdecode(self.path)))
        return InvalidRequestError(f"{self.path} {why}. {advice}")


def write_wav(path: str | os.PathLike[str], pcm: bytes, rate: int | None = None) -> None:
    """Writes mono PCM, 16-bit signed little-endian, as a WAV file; one that is there already is replaced.

    Args:
        path: The file.
        pcm: The samples, such as `Turn.audio`; half a sample at the end is left out.
        rate: Samples a second; default that of a `PcmAudio`, such as `Turn.audio`, else 24,000, what the model speaks
            in.

    Raises:
        OSError: It cannot be written.
    """
    if not isinstance(pcm, (bytes, bytearray, memoryview)):
        raise TypeError(f"write_wav(path, pcm): pcm is bytes, not {type(pcm).__name__}.")
    own_rate = pcm.rate if isinstance(pcm, PcmAudio) else MODEL_RATE
    with open(path, "wb") as file:
        write_samples(file, pcm, own_rate if rate is None else rate)


def wav_bytes(pcm: bytes, rate: int = 24_000) -> bytes:
    """Returns the bytes that `write_wav()` writes."""
    file = io.BytesIO()
    write_samples(file, pcm, rate)
    return file.getvalue()


def write_samples(file: BinaryIO, pcm: bytes, rate: int) -> None:
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(SAMPLE_BYTES)
        writer.setframerate(rate)
        writer.writeframes(pcm[: len(pcm) - len(pcm) % SAMPLE_BYTES])


def to_mono(pcm: bytes, channels: int) -> bytes:
    """The average of interleaved channels."""
    if channels == 1:
        return pcm
    samples = array("h", pcm[: len(pcm) - len(pcm) % (SAMPLE_BYTES * channels)])
    apart = [samples[channel::channels] for channel in range(channels)]
    return array("h", (sum(together) // channels for together in zip(*apart, strict=True))).tobytes()


def with_plain_header(file: BinaryIO) -> BinaryIO:
    """The file, or a copy with format tag 1 where it has the longer header that says the same.

    `wave` knows WAVE_FORMAT_EXTENSIBLE only since Python 3.12, and some programs write it for three channels or more.
    """
    head = file.read(HEADER_BYTES)
    file.seek(0)
    if len(head) < HEADER_BYTES or head[12:16] != b"fmt ":
        return file
    tag, subformat = struct.unpack("<20xH22xH", head)
    if (tag, subformat) != (EXTENSIBLE, PCM):
        return file
    data = bytearray(file.read())
    struct.pack_into("<H", data, 20, PCM)
    return io.BytesIO(data)
