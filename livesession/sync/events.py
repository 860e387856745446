"""Ways to wait that hold no lock, so that a signal handler, or the reader thread, can never be kept waiting by them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from livesession.sync.deadline import LONGEST, Deadline

__all__ = ["Event", "Notifier"]

FIRST_LOOK, LAST_LOOK = 0.1, 10.0  # seconds between which the main thread looks for a signal that it has missed


def acquire(lock: threading.Lock, deadline: Deadline) -> bool:
    """Waits for a lock, until the deadline, and lets no signal go unseen.

    One that comes between the interpreter's last look for signals and the system call that waits is not seen before
    that call returns: Ctrl-C would do nothing. Signals are the main thread's, so others need not look.
    """
    patience = FIRST_LOOK if threading.get_ident() == threading.main_thread().ident else LONGEST
    while not lock.acquire(timeout=deadline.within(patience)):
        if deadline.expired():
            return False
        patience = min(10 * patience, LAST_LOOK)
    return True


class Notifier:
    """Lets threads wait for news, whatever it is.

    A `threading.Condition` would be held for moments by both sides, in Python code, with the same danger.
    """

    __slots__ = ("_shut",)

    def __init__(self) -> None:
        self._shut: deque[threading.Lock] = deque()  # of those who wait; each is released once

    def notify(self) -> None:
        """Lets all who wait look again; callable from any thread."""
        while self._shut:
            with suppress(IndexError):  # another thread may have let the last one go
                self._shut.popleft().release()

    def wait(self, has_news: Callable[[], bool], timeout: float | None) -> bool:
        """Waits for `open()`, at most `timeout` seconds; False when it was not called and there are no news."""
        return self._wait(has_news, Deadline(timeout))

    def _wait(self, has_news: Callable[[], bool], deadline: Deadline) -> bool:
        gate = threading.Lock()
        gate.acquire()
        self._shut.append(gate)  # before it is looked once more, so that what comes after that opens it
        try:
            return has_news() or acquire(gate, deadline)
        finally:
            if gate in self._shut:  # not opened
                with suppress(ValueError):  # or just now
                    self._shut.remove(gate)

    def wait_until(self, is_so: Callable[[], bool], deadline: Deadline) -> bool:
        """Looks again at each `open()`; whether it is so, at the deadline at the latest."""
        while not is_so():
            if not self._wait(is_so, deadline):
                return False
        return True


class Event:
    """A `threading.Event` that is safe in signal handlers, and with Ctrl-C at any moment.

    An Event of `threading` holds a lock for a moment, in Python code; a handler that runs on top of that moment, in the
    same thread, and waits for the same Event would never get it.
    """

    __slots__ = ("_notifier", "is_set")

    def __init__(self) -> None:
        self._notifier = Notifier()
        self.is_set = False

    def set(self) -> None:
        """Releases all who wait; callable from any thread, and any number of times."""
        self.is_set = True
        self._notifier.notify()

    def wait(self, timeout: float | None) -> bool:
        """Waits until it is set, `timeout` seconds at the most, None without an end; whether it is set."""
        return self._notifier.wait_until(lambda: self.is_set, Deadline(timeout))
