"""A stream of PortAudio: opened, closed, and watched while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from livesession.audio.portaudio import at_exit
from livesession.audio.portaudio.library import RawStream, SoundDevice, Status, TimeInfo, reason
from livesession.audio.portaudio.thread import call, submit
from livesession.errors import AudioDeviceError, ConfigurationError
from livesession.sync.events import Notifier

if TYPE_CHECKING:
    from livesession.audio.portaudio.device_list import Port

__all__ = ["Buffer", "OnBlock", "Stream", "check_numbers"]

OPEN_WITHIN = 10.0  # seconds
CLOSE_WITHIN = 2.0
LOOK_EVERY_MS = 250
SILENT_LOOKS = 5  # so many without a block, beside those that a block lasts: the device has stopped
SETTLES_WITHIN = 5.0  # seconds in which a device that was asleep may take its time


class Buffer(Protocol):
    """PortAudio's memory for one block, valid during the callback; `bytes()` copies it."""

    def __buffer__(self, flags: int, /) -> memoryview: ...

    def __len__(self) -> int: ...

    def __setitem__(self, where: slice, data: bytes, /) -> None: ...


OnBlock = Callable[[Buffer, TimeInfo, Status], None]
"""Takes a block of sound, or fills one; on PortAudio's own thread, must not wait."""


class Stream:
    """Opened once, closed for good. All of it may be called from any thread; one thread at a time waits.

    Args:
        port: The device, and the form of the sound: 16-bit signed, the machine's byte order, channels interleaved.
        block_ms: Milliseconds of sound in a block.
        on_block: Is called with each block.

    Attributes:
        is_closed: Whether `close()` was called.
        latency_ms: Milliseconds from here to the ear, or from the mouth to here, as PortAudio tells; 0 when not open.
    """

    def __init__(self, port: Port, block_ms: int, on_block: OnBlock) -> None:
        self._port = port
        self._block_frames = max(1, port.rate * block_ms // 1000)
        self._patience = SILENT_LOOKS + block_ms // LOOK_EVERY_MS
        self._on_block = on_block
        self._notifier = Notifier()  # opened by each block of a microphone, and by every end
        self._raw: RawStream | None = None  # only touched on PortAudio's thread
        self._has_finished = False
        self._is_used = False
        self._is_released = False
        self._silent_looks = 0
        self._settled_at = 0.0
        self.is_closed = False
        self.latency_ms = 0.0

    def open(self) -> None:
        """Starts the device; does nothing after `close()`.

        Raises:
            AudioDeviceError: It is refused, does not answer, or was opened before.
        """
        if self._is_used:
            raise AudioDeviceError(f"{self._port} was used before: make a new one.")
        self._is_used = True
        try:
            call(self._open, OPEN_WITHIN)
        except BaseException:
            self.is_closed = True
            submit(self._close)  # no thread waits any more, but it may be opened yet
            raise

    def close(self) -> None:
        """Stops the device at once; waits for that, 2 seconds at most where the sound system hangs."""
        self.is_closed = True
        self._notifier.notify()
        if not self._is_released:
            with suppress(AudioDeviceError):
                call(self._close, CLOSE_WITHIN)

    def tell(self) -> None:
        """Lets the waiting thread look again; does not wait itself."""
        self._notifier.notify()

    def wait(self, has_news: Callable[[], bool]) -> None:
        """Waits until there are news, or it is closed.

        Raises:
            AudioDeviceError: The device has vanished.
        """
        while not (self.is_closed or has_news()):
            if self._has_finished:
                raise AudioDeviceError(f"{self._port} has vanished.")
            if self._silent_looks > self._patience and time.monotonic() > self._settled_at:
                raise AudioDeviceError(f"{self._port} has stopped.")
            # Looks are counted, not seconds: after this process was stopped itself, all of them would have passed.
            self._silent_looks += 1
            self._notifier.wait(lambda: self.is_closed or self._has_finished or has_news(), LOOK_EVERY_MS / 1000)

    def _open(self, sounddevice: SoundDevice) -> None:
        if self.is_closed:
            return
        at_exit.remember(self._close)
        kind = sounddevice.RawInputStream if self._port.direction == "input" else sounddevice.RawOutputStream
        try:
            self._raw = kind(
                samplerate=self._port.rate,
                blocksize=self._block_frames,
                device=self._port.index,
                channels=self._port.channels,
                dtype="int16",
                callback=self._called,
                finished_callback=self._finished,
            )
            self._raw.start()
        except (OverflowError, sounddevice.PortAudioError) as error:
            raise self._refused(error) from error
        self._settled_at = time.monotonic() + SETTLES_WITHIN
        self.latency_ms = self._raw.latency * 1000

    def _refused(self, error: Exception) -> AudioDeviceError:
        how = f"{self._port.rate} Hz and {self._port.channels} channels"
        return AudioDeviceError(
            f"{self._port} cannot be opened with {how}: {reason(error)}. See  livesession devices  for what there is."
        )

    def _close(self, sounddevice: SoundDevice) -> None:
        self.is_closed = True
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.abort()
            raw.close()
        at_exit.forget(self._close)
        self._is_released = True

    def _called(self, data: Buffer, frames: int, times: TimeInfo, status: Status) -> None:
        self._silent_looks = 0
        self._on_block(data, times, status)

    def _finished(self) -> None:
        self._has_finished = True
        self._notifier.notify()


def check_numbers(**numbers: int | None) -> None:
    """Raises `ConfigurationError` for one that is no whole number over 0; None is fine."""
    for name, number in numbers.items():
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise ConfigurationError(f"{name} must be a whole number over 0, not {number!r}.")
