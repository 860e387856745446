"""The loudspeaker of this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from livesession.audio.portaudio.device_list import find_port
from livesession.audio.portaudio.device_stream import Buffer, Stream, check_numbers
from livesession.errors import AudioDeviceError

if TYPE_CHECKING:
    from livesession.audio.device_protocols import Render
    from livesession.audio.portaudio.library import Status, TimeInfo

__all__ = ["Speaker"]

SAMPLE_BYTES = 2


class Speaker:
    """A loudspeaker or headphones, through PortAudio (extra `audio`): an `AudioOutput`.

    It is looked up here, and opened by `start()`.

    Args:
        device: Its index or its name, or a part of the name, as `livesession devices` shows them; default the
            system's loudspeaker.
        rate: Samples a second; default what the device works with by itself.
        channels: Default 1.
        block_ms: Milliseconds of sound that are asked for at a time; default 20.
        is_loudspeaker: False for headphones, which no microphone hears; default True.

    Attributes:
        name: The device's full name.
        rate: Samples a second in each channel.
        channels: Samples in a frame.
        is_loudspeaker: Whether a microphone in the same room hears it.

    Raises:
        MissingExtraError: The extra `audio` is not installed.
        AudioDeviceError: PortAudio is not installed, or there is no such loudspeaker.
        ConfigurationError: A number is no whole number over 0.
    """

    def __init__(
        self,
        device: int | str | None = None,
        *,
        rate: int | None = None,
        channels: int = 1,
        block_ms: int = 20,
        is_loudspeaker: bool = True,
    ) -> None:
        check_numbers(rate=rate, channels=channels, block_ms=block_ms)
        port = find_port("output", device, rate, channels)
        self.name = port.name
        self.rate = port.rate
        self.channels = port.channels
        self.is_loudspeaker = is_loudspeaker
        self._render: Render | None = None
        self._failure: Exception | None = None  # what `render` has raised
        self._stream = Stream(port, block_ms, self._fill)

    def __repr__(self) -> str:
        return f"Speaker({self.name!r}, {self.rate} Hz, {self.channels} channels)"

    @property
    def latency(self) -> float:
        """Milliseconds from `render` to the ear, as PortAudio tells; 0.0 before `start()`."""
        return self._stream.latency_ms

    def start(self, render: Render, on_failure: Callable[[Exception], None]) -> None:
        """Opens the loudspeaker and asks `render(frames)` for sound, every `block_ms` milliseconds, until `close()`.

        Args:
            render: Gives 16-bit signed little-endian PCM, channels interleaved, `rate` Hz, for that many frames;
                fewer are followed by silence, what is too much is cut off. Runs on PortAudio's thread and must not
                wait: while it does, the loudspeaker stutters. It must not call `close()`.
            on_failure: Is told once, on the thread "livesession-speaker", what `render` has raised, or an
                `AudioDeviceError` within 2 seconds after the loudspeaker has vanished. Silence follows. It may call
                `close()`.

        Raises:
            AudioDeviceError: The loudspeaker is refused, or was started or closed before; or there is no thread.
        """
        if self._stream.is_closed:
            raise AudioDeviceError(f"{self!r} is closed: make a new one.")
        self._render = render
        self._stream.open()
        watch = threading.Thread(target=self._watch, args=[on_failure], name="livesession-speaker", daemon=True)
        try:
            watch.start()
        except RuntimeError as error:
            self.close()
            raise AudioDeviceError(f"There is no thread for the loudspeaker: {error}.") from error

    def close(self) -> None:
        """Releases the loudspeaker at once: what PortAudio still holds is not played.

        Any thread, any number of times. Waits until the system has it back and `render` has returned, at most 2
        seconds; `render` is not called any more.
        """
        self._stream.close()

    def _watch(self, on_failure: Callable[[Exception], None]) -> None:
        try:
            self._stream.wait(lambda: self._failure is not None)
        except AudioDeviceError as error:
            self._failure = error
        if self._failure is not None and not self._stream.is_closed:
            on_failure(self._failure)

    def _fill(self, data: Buffer, times: TimeInfo, status: Status) -> None:
        size = len(data)
        data[:] = self._rendered(size)[:size].ljust(size, b"\0")

    def _rendered(self, size: int) -> bytes:
        if self._render is None or self._failure is not None or self._stream.is_closed:
            return b""
        try:
            return self._render(size // (SAMPLE_BYTES * self.channels))
        except Exception as error:
            self._failure = error
            self._stream.tell()
            return b""
