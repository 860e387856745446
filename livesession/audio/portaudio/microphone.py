"""The microphone of this machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from livesession.audio.portaudio.device_list import find_port
from livesession.audio.portaudio.device_stream import Buffer, Stream, check_numbers

if TYPE_CHECKING:
    from livesession.audio.portaudio.library import Status, TimeInfo

__all__ = ["Microphone"]

SAMPLE_BYTES = 2


class Microphone:
    """A microphone, through PortAudio (extra `audio`): an `AudioInput`.

    It is looked up here, and opened by `blocks()`. What it hears is kept until it is taken; when it is not taken,
    the oldest is dropped.

    Args:
        device: Its index or its name, or a part of the name, as `livesession devices` shows them; default the
            system's microphone.
        rate: Samples a second; default what the device works with by itself.
        channels: Default 1.
        block_ms: Milliseconds of sound in a block; default 20.
        buffer_ms: Milliseconds of sound that are kept for a slow consumer; default 1,000, and at least one block.

    Attributes:
        name: The device's full name.
        rate: Samples a second in each channel.
        channels: Samples in a frame.
        is_microphone: Always True.
        dropped_ms: Milliseconds that were dropped, here or (as far as PortAudio tells) before they came here.

    Raises:
        MissingExtraError: The extra `audio` is not installed.
        AudioDeviceError: PortAudio is not installed, or there is no such microphone.
        ConfigurationError: A number is no whole number over 0.
    """

    is_microphone = True

    def __init__(
        self,
        device: int | str | None = None,
        *,
        rate: int | None = None,
        channels: int = 1,
        block_ms: int = 20,
        buffer_ms: int = 1000,
    ) -> None:
        check_numbers(rate=rate, channels=channels, block_ms=block_ms, buffer_ms=buffer_ms)
        port = find_port("input", device, rate, channels)
        self.name = port.name
        self.rate = port.rate
        self.channels = port.channels
        self._capacity = max(1, buffer_ms // block_ms)
        self._kept: deque[bytes] = deque()  # filled by PortAudio's thread, emptied by blocks()
        self._dropped_seconds = 0.0  # changed by PortAudio's thread alone
        self._next_at = 0.0  # when the next block begins, on the device's clock
        self._stream = Stream(port, block_ms, self._hear)

    def __repr__(self) -> str:
        return f"Microphone({self.name!r}, {self.rate} Hz, {self.channels} channels)"

    @property
    def dropped_ms(self) -> float:
        """Milliseconds that were lost so far; any thread, and after `close()` too."""
        return self._dropped_seconds * 1000

    def blocks(self) -> Iterator[bytes]:
        """Opens the microphone at the first `next()`, and yields what it hears until `close()`; once.

        Each block is `block_ms` milliseconds of 16-bit signed little-endian PCM, channels interleaved, `rate` Hz.
        To leave the loop, or to forget the iterator, closes the microphone.

        Raises:
            AudioDeviceError: It is refused, has vanished (told within 2 seconds), or was used before.
        """
        self._stream.open()
        try:
            while (block := self._next()) is not None:
                yield block
        finally:
            self.close()

    def close(self) -> None:
        """Releases the microphone and ends `blocks()` at once: what was not taken is dropped.

        Any thread, any number of times. Waits until the system has it back, at most 2 seconds.
        """
        self._stream.close()

    def _next(self) -> bytes | None:
        """None after `close()`."""
        self._stream.wait(lambda: bool(self._kept))
        return None if self._stream.is_closed else self._kept.popleft()

    def _hear(self, data: Buffer, times: TimeInfo, status: Status) -> None:
        block = bytes(data)
        if status.input_overflow and self._next_at:
            self._dropped_seconds += max(0.0, times.inputBufferAdcTime - self._next_at)
        self._next_at = times.inputBufferAdcTime + self._seconds(block)
        self._kept.append(block)
        with suppress(IndexError):  # the consumer has taken them in this moment
            while len(self._kept) > self._capacity:
                self._dropped_seconds += self._seconds(self._kept.popleft())
        self._stream.tell()

    def _seconds(self, block: bytes) -> float:
        return len(block) / (SAMPLE_BYTES * self.channels * self.rate)
