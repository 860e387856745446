"""WAV files in the place of a microphone and of a loudspeaker; on the standard library alone."""

from __future__ import annotations

import math
import os
import struct
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING

from livesession.audio.pacer import Pace, PacedPlayer, Sink
from livesession.audio.pcm import SAMPLE_BYTES
from livesession.audio.wav import WavFile
from livesession.errors import AudioDeviceError, ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from livesession.audio.device_protocols import Render

__all__ = ["WavInput", "WavOutput"]

BLOCK_MS = 20


class WavInput:
    """A WAV file that is heard as if it were spoken now: an `AudioInput`.

    Sound is mono PCM, 16-bit signed little-endian, at the file's own rate.

    Args:
        path: A file of 16-bit PCM; several channels are averaged.
        pace: Seconds of sound in a second: 1, the default, is real time, 0 is as fast as it is taken.
        block_ms: Milliseconds of sound in a block; default 20.
        silence_after: Seconds of silence after the end, in which a server that detects speech by itself hears that
            there is no more; default 0.

    Attributes:
        rate: Samples a second.
        channels: Always 1.
        is_microphone: Always False.
        dropped_ms: Always 0: a file waits.

    Raises:
        ConfigurationError: An option is out of range.
        InvalidRequestError: The file is no WAV file that can be read, or holds no sound.
        OSError: It cannot be read.
    """

    channels = 1
    is_microphone = False
    dropped_ms = 0.0

    def __init__(
        self, path: str | os.PathLike[str], *, pace: float = 1.0, block_ms: int = BLOCK_MS, silence_after: float = 0.0
    ) -> None:
        if not (0 <= pace < math.inf and 0 <= silence_after < math.inf and block_ms >= 1):
            raise ConfigurationError(
                "pace and silence_after must be at least 0, and block_ms at least 1, "
                f"not {pace!r}, {silence_after!r} and {block_ms!r}."
            )
        self._file = WavFile(path)
        self._block_ms = block_ms
        self._silence_after = silence_after
        self._pace = Pace(self.rate * pace or math.inf)
        self._is_used = False

    def __repr__(self) -> str:
        return f"WavInput({self._file.path!r}, {self._file.seconds:.1f} s, {self.rate} Hz)"

    @property
    def rate(self) -> int:
        return self._file.rate

    def blocks(self) -> Iterator[bytes]:
        """The sound, each block when a microphone would have it: at its end; once, and until `close()`.

        Time begins with the first block. What is taken late delays nothing.

        Raises:
            AudioDeviceError: The file cannot be read any more, or this was used before.
        """
        if self._is_used:
            raise AudioDeviceError(f"{self!r} was used before: make a new one.")
        heard = 0
        try:
            for block in chain(self._file.blocks(self._block_ms), self._silence()):
                heard += len(block) // SAMPLE_BYTES
                if not self._pace.wait_for(heard):
                    return
                self._is_used = True
                yield block
        except (OSError, InvalidRequestError) as error:
            raise AudioDeviceError(f"{self._file.path} cannot be read any more: {error}") from error

    def close(self) -> None:
        """Ends `blocks()`, also while it waits. Any thread, any number of times."""
        self._pace.stop()

    def _silence(self) -> Iterator[bytes]:
        left = round(self.rate * self._silence_after)
        block = max(1, self.rate * self._block_ms // 1000)
        for start in range(0, left, block):
            yield bytes(SAMPLE_BYTES * min(block, left - start))


class WavOutput:
    """A WAV file of what would have been heard, silence where there was none: an `AudioOutput`.

    It lasts as long as it was open. It is complete after each 20 ms, also if the process is killed. A file that is
    there already is replaced.

    Args:
        path: The file; 16-bit PCM.
        rate: Samples a second; default 24,000, what the model speaks in, so that nothing is resampled.
        channels: Default 1.

    Attributes:
        rate: Samples a second in each channel.
        channels: Samples in a frame.
        is_loudspeaker: Always False.

    Raises:
        ConfigurationError: `rate` or `channels` is no whole number over 0.
    """

    is_loudspeaker = False

    def __init__(self, path: str | os.PathLike[str], *, rate: int = 24_000, channels: int = 1) -> None:
        self.path = os.fspath(path)
        self.rate = rate
        self.channels = channels
        self._player = PacedPlayer("livesession-wav-output", rate, channels, BLOCK_MS)

    def __repr__(self) -> str:
        return f"WavOutput({self.path!r}, {self.rate} Hz, channels={self.channels})"

    def start(self, render: Render, on_failure: Callable[[Exception], None]) -> None:
        """Opens the file and asks `render` every 20 ms, on the thread "livesession-wav-output", until `close()`.

        `on_failure` is called on that thread, once, with an `AudioDeviceError`, when the file cannot be written any
        more.

        Raises:
            AudioDeviceError: The file cannot be written, or this was started or closed before.
        """
        self._player.start(self._open, render, on_failure)

    def close(self) -> None:
        """Ends it; the file is whole when it returns. Any thread, any number of times.

        Waits 2 seconds at most, for a disk that does not answer; not at all in `render` and `on_failure`.
        """
        self._player.close()

    def _open(self) -> Sink:
        sink = _WavSink(self.path, self.rate, self.channels)
        try:
            sink.begin()
        except AudioDeviceError:
            with suppress(AudioDeviceError):
                sink.close()
            raise
        return sink


class _WavSink:
    """A file whose header says after each block how long it is, which `wave` sees to."""

    def __init__(self, path: str, rate: int, channels: int) -> None:
        self._path = path
        with self._named_errors():
            self._file = open(path, "wb")  # noqa: SIM115 -- left by close()
        self._wave = wave.Wave_write(self._file)
        self._wave.setparams((channels, SAMPLE_BYTES, rate, 0, "NONE", ""))

    def begin(self) -> None:
        """Writes the header, so that a full disk, or a pipe, where one cannot go back to it, is refused at once."""
        with self._named_errors():
            self._file.seek(0)
        self.write(b"")

    def write(self, block: bytes) -> None:
        with self._named_errors():
            self._wave.writeframes(block)
            self._file.flush()

    def close(self) -> None:
        with self._named_errors(), self._file:
            self._wave.close()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, struct.error) as error:  # the latter from 4 GB on, more than the header can say
            raise AudioDeviceError(f"{self._path} cannot be written: {error}") from error
