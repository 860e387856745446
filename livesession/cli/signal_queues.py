"""Queues of the signals that end the process and of Ctrl-Z, which the main thread takes up where it can.

The handlers put into a `SimpleQueue`, whose `put()` is documented as re-entrant. An `Event` would deadlock: its handler
may strike while the same thread, about to wait, holds the lock of the event.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

__all__ = ["end_signals", "stop_process", "stop_signals", "wait_for_signal"]


@contextmanager
def end_signals() -> Iterator[SimpleQueue[int]]:
    """Puts Ctrl-C and SIGTERM into a queue, instead of raising, for as long as the block lasts."""
    received: SimpleQueue[int] = SimpleQueue()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: received.put(number)) for number in signals]
    try:
        yield received
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def wait_for_signal(received: SimpleQueue[int]) -> None:
    """Waits until there is a signal in the queue."""
    while True:
        with suppress(Empty):
            received.get(timeout=1)  # on Windows, a signal does not wake a wait without a time-out
            return


if sys.platform == "win32":

    @contextmanager
    def stop_signals() -> Iterator[SimpleQueue[int]]:
        """Yields a queue that stays empty: Windows has no signal that stops a process."""
        yield SimpleQueue()

    def stop_process() -> None:
        """Does nothing; never called on Windows."""

else:

    @contextmanager
    def stop_signals() -> Iterator[SimpleQueue[int]]:
        """Puts Ctrl-Z into a queue, instead of stopping, for as long as the block lasts."""
        caught: SimpleQueue[int] = SimpleQueue()
        before = signal.signal(signal.SIGTSTP, lambda number, _: caught.put(number))
        try:
            yield caught
        finally:
            signal.signal(signal.SIGTSTP, before)

    def stop_process() -> None:
        """Stops this process as Ctrl-Z does; returns when the shell continues it."""
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
