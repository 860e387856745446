"""Waits and wake-ups that a signal handler, or Ctrl-C, can come into at any place.

`threading.Event` and `threading.Condition` hold a lock for moments, in Python code. A signal handler that runs on top
of such a moment, in the same thread, would wait for that lock for ever; and a KeyboardInterrupt that comes between
its acquiring and the block that releases it leaves it taken. Here each wait has a gate of its own, a lock that only
its waiter acquires, and no step of waking can be divided.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from operator import methodcaller

from livesession.sync.deadline import LONGEST, Deadline

__all__ = ["Event", "Notifier"]

FIRST_LOOK, LAST_LOOK = 0.1, 10.0  # seconds between which the main thread looks for a signal that it has missed

release = methodcaller("release")


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
    """Lets threads wait for news, whatever the news is.

    What is news is kept elsewhere, and looked at by the waiting thread itself: an interrupted wait loses nothing.
    """

    __slots__ = ("_gates",)

    def __init__(self) -> None:
        self._gates: deque[threading.Lock] = deque()  # of waiting threads, all shut; each is opened once

    @property
    def is_awaited(self) -> bool:
        """Whether a thread waits here now."""
        return bool(self._gates)

    def notify(self) -> None:
        """Lets all waiting threads look again; callable from any thread, and from signal handlers.

        An interrupted one may be repeated, and does no harm: either all were woken or none.
        """
        if not self._gates:
            return
        with suppress(IndexError):  # raised behind the last one
            # One step for the interpreter, which looks for signals only after a call has returned to byte code: a gate
            # that was taken out and not opened would keep its waiter for good. Two threads may do it at a time.
            any(map(release, iter(self._gates.popleft, None)))

    def wait(self, has_news: Callable[[], bool], timeout: float | None) -> bool:
        """Waits for `notify()`, at most `timeout` seconds; False when it was not called and there are no news."""
        return self._wait(has_news, Deadline(timeout))

    def _wait(self, has_news: Callable[[], bool], deadline: Deadline) -> bool:
        gate = threading.Lock()
        gate.acquire()
        try:
            self._gates.append(gate)  # before it is looked once more, so that what comes after that opens it
            return has_news() or acquire(gate, deadline)
        finally:
            # One that stays, after an interruption in this very line, wakes no thread.
            forget(self._gates, gate)

    def wait_until(self, is_so: Callable[[], bool], deadline: Deadline) -> bool:
        """Looks again at each `notify()`; whether it is so, at the deadline at the latest."""
        while not is_so():
            if not self._wait(is_so, deadline):
                return is_so()
        return True


def forget(gates: deque[threading.Lock], gate: threading.Lock) -> None:
    if gate in gates:  # not opened
        with suppress(ValueError):  # or just now
            gates.remove(gate)


class Event:
    """A flag that is set once, and waited for by any number of threads; like `threading.Event`, and interruptible.

    Attributes:
        is_set: Whether it has been set.
    """

    __slots__ = ("_notifier", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._notifier = Notifier()

    def set(self) -> None:
        """Releases all waiting threads; callable from any thread, also again, as after an interruption."""
        self.is_set = True
        self._notifier.notify()

    def wait(self, timeout: float | None) -> bool:
        """Waits until it is set, `timeout` seconds at the most, None without an end; whether it is set."""
        return self.is_set or self._notifier.wait_until(lambda: self.is_set, Deadline(timeout))
