"""Sound from your own code and for it: an iterable in the place of a microphone, a function for a loudspeaker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from livesession.audio.pacer import PacedPlayer, Sink
from livesession.errors import AudioDeviceError
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

if TYPE_CHECKING:
    from livesession.audio.device_protocols import Render

__all__ = ["CallbackOutput", "PcmInput"]


class PcmInput:
    """An iterable of PCM, as it comes from a telephone line or a web socket, for example: an `AudioInput`.

    It is taken as fast as it gives; one that is not live by itself should wait between its blocks.

    Args:
        pcm_blocks: Blocks of any length, 16-bit signed little-endian, channels interleaved. One is asked for when it
            is due, not before, on the thread "livesession-pcm-input".
        rate: Samples a second in each channel; default 16,000, what the model hears, so that nothing is resampled.
        channels: Samples in a frame; default 1.
        is_microphone: Whether there is a microphone behind it that hears the output, as in a browser or a telephone
            whose loudspeaker is on, and that cancels no echo by itself; default False.

    Attributes:
        rate: Samples a second in each channel.
        channels: Samples in a frame.
        is_microphone: As given.
        dropped_ms: Always 0: the iterable waits.
    """

    is_microphone = False  # a subclass may say otherwise, too
    dropped_ms = 0.0

    def __init__(
        self, pcm_blocks: Iterable[bytes], *, rate: int = 16_000, channels: int = 1, is_microphone: bool = False
    ) -> None:
        self.rate = rate
        self.channels = channels
        self.is_microphone = is_microphone or self.is_microphone
        self._pcm_blocks = pcm_blocks
        self._notifier = Notifier()  # opened when a block is due, when it is there, and by close()
        self._is_due = False
        self._is_closed = False
        self._is_used = False
        self._block: bytes | None = None  # None after the last one
        self._error: BaseException | None = None

    def blocks(self) -> Iterator[bytes]:
        """Yields what the iterable gives, until its end or `close()`; once.

        Raises:
            AudioDeviceError: The iterable raised something, which is the cause; or gave something else than bytes;
                or this was used before.
        """
        if self._is_used:
            raise AudioDeviceError("This input was used before: make a new one.")
        self._is_used = True
        try:
            self._start()
            while (block := self._next()) is not None:
                yield block
        finally:
            self.close()

    def close(self) -> None:
        """Ends `blocks()`, also while it waits for the iterable; any thread, any number of times.

        An iterable that is busy is asked for nothing more; its thread ends when it returns.
        """
        self._is_closed = True
        self._notifier.notify()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="livesession-pcm-input", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise AudioDeviceError(f"There is no thread for the iterable: {error}.") from error

    def _next(self) -> bytes | None:
        self._is_due = True
        self._notifier.notify()
        self._notifier.wait_until(lambda: self._is_closed or not self._is_due, Deadline(None))
        if self._is_closed:
            return None
        if self._error is not None:
            raise AudioDeviceError(f"The iterable of PCM failed: {self._error!r}") from self._error
        return self._block

    def _run(self) -> None:
        try:
            if self._is_asked():
                for block in self._pcm_blocks:
                    self._hand_over(bytes(memoryview(block)))
                    if not self._is_asked():
                        return
        except BaseException as error:  # whatever it is, blocks() must not go on waiting
            self._error = error
        self._hand_over(None)

    def _is_asked(self) -> bool:
        """Waits until a block is due; False when none will be."""
        self._notifier.wait_until(lambda: self._is_closed or self._is_due, Deadline(None))
        return not self._is_closed

    def _hand_over(self, block: bytes | None) -> None:
        self._block = block
        self._is_due = False  # last, because then blocks() looks at the others
        self._notifier.notify()


class CallbackOutput:
    """A function that is called with what a loudspeaker would play, silence where there is none: an `AudioOutput`.

    Args:
        on_audio: Called every `block_ms` milliseconds with a block of that length, 16-bit signed little-endian PCM,
            channels interleaved, on the thread "livesession-callback-output". After a call that took longer, the next
            ones follow sooner.
        rate: Samples a second in each channel; default 24,000, what the model speaks in, so that nothing is
            resampled.
        channels: Samples in a frame; default 1.
        block_ms: Default 20.
        is_loudspeaker: Whether the function hands the sound to a loudspeaker that the input hears; default False.

    Attributes:
        rate: Samples a second in each channel.
        channels: Samples in a frame.
        is_loudspeaker: As given.

    Raises:
        ConfigurationError: `rate`, `channels` or `block_ms` is no whole number over 0.
    """

    is_loudspeaker = False  # a subclass may say otherwise, too

    def __init__(
        self,
        on_audio: Callable[[bytes], None],
        *,
        rate: int = 24_000,
        channels: int = 1,
        block_ms: int = 20,
        is_loudspeaker: bool = False,
    ) -> None:
        self.rate = rate
        self.channels = channels
        self.is_loudspeaker = is_loudspeaker or self.is_loudspeaker
        self._on_audio = on_audio
        self._player = PacedPlayer("livesession-callback-output", rate, channels, block_ms)

    def start(self, render: Render, on_failure: Callable[[Exception], None]) -> None:
        """Asks `render` for a block at a time, in real time, until `close()`.

        `on_failure` is called on that thread, once, with an `AudioDeviceError`, when the function raises; what it
        raised is the cause.

        Raises:
            AudioDeviceError: This was started or closed before.
        """
        self._player.start(self._open, render, on_failure)

    def close(self) -> None:
        """Ends it; the function is not called any more when it returns. Any thread, any number of times.

        Waits 2 seconds at most for a call that is still running; not at all in that function itself.
        """
        self._player.close()

    def _open(self) -> Sink:
        return _CallbackSink(self._on_audio)


class _CallbackSink:
    def __init__(self, on_audio: Callable[[bytes], None]) -> None:
        self._on_audio = on_audio

    def write(self, block: bytes) -> None:
        try:
            self._on_audio(block)
        except BaseException as error:  # also sys.exit(), which would end the thread without a word
            raise AudioDeviceError(f"The function that takes sound failed: {error!r}") from error

    def close(self) -> None:
        pass
