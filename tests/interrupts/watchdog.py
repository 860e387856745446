"""Ends a try that hangs: an alarm raises `Stuck` in the main thread, with the stack at which it hung."""

from __future__ import annotations

import contextlib
import signal
import traceback
from collections.abc import Iterator
from types import FrameType

AGAIN = 1.0  # seconds after which it is raised once more, where what it ended hangs again


class Stuck(BaseException):
    """The main thread hung; the text is where."""


def on_alarm(number: int, frame: FrameType | None) -> None:
    stack = traceback.extract_stack(frame)
    ours = [f"{each.filename.rpartition('/')[2]}:{each.lineno} {each.name}" for each in stack[-7:]]
    raise Stuck(" > ".join(ours))


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """The block ends within so many seconds, or is ended by `Stuck`."""
    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
