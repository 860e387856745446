"""The devices of an audio conversation, as two small protocols: an input and an output of any kind.

Sound is PCM everywhere, 16-bit signed little-endian, channels interleaved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

__all__ = ["AudioInput", "AudioOutput", "Render"]

Render = Callable[[int], bytes]
"""Gives the next so many frames (samples of each channel) to be played, or fewer where there are none: silence."""


@runtime_checkable
class AudioInput(Protocol):
    """The source of the user's speech.

    Attributes:
        rate: Samples a second in each channel.
        channels: Samples in a frame.
        is_microphone: Whether it hears a loudspeaker in the same room.
        dropped_ms: Milliseconds that were lost because they were not taken in time; a file waits, and loses nothing.
    """

    @property
    def rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def is_microphone(self) -> bool: ...

    @property
    def dropped_ms(self) -> float: ...

    def blocks(self) -> Iterator[bytes]:
        """Opens the device and yields what it hears, block by block, as it is heard; once.

        Ends when there is no more, and after `close()`. Raises `AudioDeviceError` when the device is refused or
        vanishes.
        """

    def close(self) -> None:
        """Releases the device and ends `blocks()`, also while it waits. Any thread, any number of times."""


@runtime_checkable
class AudioOutput(Protocol):
    """The output of the model's speech.

    Attributes:
        rate: Samples a second in each channel.
        channels: Samples in a frame.
        is_loudspeaker: Whether a microphone in the same room hears it.
    """

    @property
    def rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def is_loudspeaker(self) -> bool: ...

    def start(self, render: Render, on_failure: Callable[[Exception], None]) -> None:
        """Opens the device, which then asks `render` for sound, on a thread of its own, until `close()`.

        `render` never waits. Raises `AudioDeviceError` when the device is refused; `on_failure` is told, once, when
        it vanishes later.
        """

    def close(self) -> None:
        """Releases the device; `render` is not called any more when it returns. Any thread, any number of times."""
