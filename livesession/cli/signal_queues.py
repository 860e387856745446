"""Signals of this process as items in a queue, which the main thread takes when it can: end and stop.

Not an `Event`: setting one from a signal handler deadlocks if it strikes while the same thread begins to wait.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

__all__ = ["caught_stops", "stop_process", "until_signalled", "wait_for_signal"]


@contextmanager
def until_signalled() -> Iterator[SimpleQueue[int]]:
    """Ctrl-C and SIGTERM go into a queue for as long as the block lasts."""
    received: SimpleQueue[int] = SimpleQueue()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: received.put(number)) for number in signals]
    try:
        yield received
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def wait_for_signal(received: SimpleQueue[int]) -> None:
    while True:
        with suppress(Empty):
            received.get(timeout=1)  # a wait without an end would not be woken by a signal on Windows
            return


if sys.platform == "win32":

    @contextmanager
    def caught_stops() -> Iterator[SimpleQueue[int]]:
        """Nothing here stops a process."""
        yield SimpleQueue()

    def stop_process() -> None:
        """Is never called here."""

else:

    @contextmanager
    def caught_stops() -> Iterator[SimpleQueue[int]]:
        """For the block, Ctrl-Z goes into a queue; whoever finds it there restores the terminal first."""
        caught: SimpleQueue[int] = SimpleQueue()
        before = signal.signal(signal.SIGTSTP, lambda number, _: caught.put(number))
        try:
            yield caught
        finally:
            signal.signal(signal.SIGTSTP, before)

    def stop_process() -> None:
        """Stops this process as Ctrl-Z does; returns when the shell lets it go on."""
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
