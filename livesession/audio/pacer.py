"""Real time for sound that no device asks for: files, iterables and callbacks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from livesession.audio.pcm import SAMPLE_BYTES
from livesession.errors import AudioDeviceError, ConfigurationError
from livesession.sync.deadline import Deadline
from livesession.sync.events import Event, Notifier

if TYPE_CHECKING:
    from livesession.audio.device_protocols import Render

__all__ = ["Pace", "PacedPlayer", "Sink"]

PATIENCE = 2.0  # seconds for which close() waits for a block that is being written


class Pace:
    """Waits for points in a stream of sound; being late at one delays none of the next.

    Time begins at the first wait. One thread waits; any may stop it.

    Args:
        rate: Frames a second; `math.inf` waits for nothing.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._start: float | None = None
        self._notifier = Notifier()  # opened when it is stopped
        self.is_stopped = False

    def wait_for(self, frames: int) -> bool:
        """Waits until so many frames have passed; False, and at once, when it was stopped."""
        if self._start is None:
            self._start = time.monotonic()
        left = self._start + frames / self._rate - time.monotonic()
        return not self._notifier.wait_until(lambda: self.is_stopped, Deadline(max(0.0, left)))

    def stop(self) -> None:
        """Ends all waits, now and later; any thread."""
        self.is_stopped = True
        self._notifier.notify()


class Sink(Protocol):
    """The output of a `PacedPlayer`; what it raises ends the playing."""

    def write(self, block: bytes) -> None: ...

    def close(self) -> None: ...


class PacedPlayer:
    """Asks for sound in real time, on a thread of its own, as a sound card does, and fills up with silence.

    Args:
        name: Of the thread.
        rate: Samples a second in each channel.
        channels: Samples in a frame; each is 16 bits wide.
        block_ms: Milliseconds of sound in a block.

    Raises:
        ConfigurationError: One of the numbers is no whole number over 0.
    """

    def __init__(self, name: str, rate: int, channels: int, block_ms: int) -> None:
        if not all(isinstance(each, int) and each > 0 for each in (rate, channels, block_ms)):
            raise ConfigurationError(
                f"rate, channels and block_ms are whole numbers over 0, not {rate!r}, {channels!r} and {block_ms!r}."
            )
        self._name = name
        self._rate = rate
        self._frame_bytes = SAMPLE_BYTES * channels
        self._block_ms = block_ms
        self._pace = Pace(rate)
        self._thread: threading.Thread | None = None
        self._has_ended = Event()  # `render` and the sink are done with

    def start(self, open_sink: Callable[[], Sink], render: Render, on_failure: Callable[[Exception], None]) -> None:
        """Plays into the sink until `close()`; once. What the sink raises goes to `on_failure`, on the thread.

        Raises:
            AudioDeviceError: It was started or closed before, or the system gives no thread.
        """
        if self._thread is not None or self._pace.is_stopped:
            raise AudioDeviceError("This output was started or closed before: make a new one.")
        sink = open_sink()
        work = (sink, render, on_failure)
        self._thread = threading.Thread(target=self._run, args=work, name=self._name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._has_ended.set()
            sink.close()
            raise AudioDeviceError(f"There is no thread for playing: {error}.") from error

    def close(self) -> None:
        """Ends it, and waits until it has ended; 2 seconds at most, while the sink takes a block."""
        self._pace.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._has_ended.wait(PATIENCE)

    def _run(self, sink: Sink, render: Render, on_failure: Callable[[Exception], None]) -> None:
        failure: Exception | None = None
        try:
            with closing(sink):
                self._play(sink, render)
        except Exception as error:
            failure = error
        # First, so that the callback may wait for another thread that is in close().
        self._has_ended.set()
        if failure is not None:
            on_failure(failure)

    def _play(self, sink: Sink, render: Render) -> None:
        done = number = 0
        while self._pace.wait_for(done):
            number += 1
            upto = self._rate * self._block_ms * number // 1000
            sink.write(render(upto - done).ljust((upto - done) * self._frame_bytes, b"\0"))
            done = upto
