"""WebRTC's audio processing as far as it is used here: the types that its package has, its import, its errors."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol, cast

from livesession.errors import AudioDeviceError, MissingExtraError

__all__ = ["FRAME_BYTES", "FRAME_MS", "AudioProcessing"]

RATE = 16_000
FRAME_MS = 10  # the module takes no other
FRAME_BYTES = RATE * FRAME_MS // 1000 * 2


class AudioFrame(Protocol):
    """`livekit.rtc.AudioFrame`; what is processed stands in it afterwards."""

    @property
    def data(self) -> memoryview: ...


class Module(Protocol):
    """`livekit.rtc.apm.AudioProcessingModule`; it has no `close()`, but gives its memory back when it is forgotten."""

    def process_reverse_stream(self, data: AudioFrame) -> None: ...

    def process_stream(self, data: AudioFrame) -> None: ...

    def set_stream_delay_ms(self, delay_ms: int) -> None: ...


class AudioProcessing:
    """An instance of WebRTC's module, 16,000 Hz mono. Works without an event loop, on any thread, one at a time.

    Raises:
        MissingExtraError: The extra `echo` is not installed.
        AudioDeviceError: Its native library does not start, for example in a process forked from one that used it;
            also raised by all methods.
    """

    def __init__(self, delay_ms: int | None, *, noise_suppression: bool, gain_control: bool) -> None:
        try:
            # By name, because the package is large, and mypy must do without it.
            self._new_frame = cast(Callable[..., AudioFrame], importlib.import_module("livekit.rtc").AudioFrame)
            new_module = cast(Callable[..., Module], importlib.import_module("livekit.rtc.apm").AudioProcessingModule)
        except ImportError as error:
            raise MissingExtraError("Cancelling the echo of the loudspeaker", "echo") from error
        try:
            self._module = new_module(
                echo_cancellation=True,  # which cuts off rumble too, as the high-pass filter does
                noise_suppression=noise_suppression,
                auto_gain_control=gain_control,
            )
            if delay_ms is not None:
                self._module.set_stream_delay_ms(delay_ms)
        except Exception as error:  # RuntimeError and ImportError of livekit, OSError of its library
            raise AudioDeviceError(f"The echo canceller does not start: {error}.") from error

    def clean(self, played: list[bytes], heard: bytes) -> bytes:
        """Takes frames that were played and the one that was heard after them; returns that without their echo."""
        for frame in played:
            self._process(self._module.process_reverse_stream, frame)
        return bytes(self._process(self._module.process_stream, heard).data)

    def _process(self, process: Callable[[AudioFrame], None], frame: bytes) -> AudioFrame:
        wrapped = self._new_frame(bytearray(frame), RATE, 1, FRAME_BYTES // 2)
        try:
            process(wrapped)
        except Exception as error:
            raise AudioDeviceError(f"The echo canceller failed: {error}.") from error
        return wrapped
