"""A lock with a time limit that Ctrl-C cannot leave taken."""

from __future__ import annotations

import threading
from collections.abc import Callable

from livesession.sync.deadline import Deadline

__all__ = ["OwnedLock"]


class OwnedLock:
    """A lock that knows which thread holds it, and notes in the same step that it was taken.

    After `lock.acquire()` Ctrl-C may come before its result is known, or before the next line, also when that is
    `try:`, and the lock would stay taken. So the caller gives a list, which is extended by code in C that calls
    `acquire()` itself; the interpreter looks for signals only behind both. To be used so, with no call between
    `finally` and `release()`:

        taken: list[bool] = []
        if lock.is_owned():  # a signal handler, on top of the thread's own use of it
            ...
        try:
            lock.take(taken, deadline)
            if not taken:
                ...
        finally:
            if taken:
                lock.release()

    Attributes:
        is_owned: Returns whether the calling thread holds it; then it must not be taken once more.
        release: Gives it back; the calling thread must hold it.
    """

    __slots__ = ("_lock", "is_owned", "release")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        # The lock's own functions, in C: they are called for each message.
        self.is_owned: Callable[[], bool] = self._lock._is_owned  # type: ignore[attr-defined]  # as Condition asks it
        self.release: Callable[[], None] = self._lock.release

    def take(self, taken: list[bool], deadline: Deadline | None = None) -> None:
        """Waits for the lock until the deadline, without one not at all.

        Args:
            taken: An empty list, which holds True as soon as the lock is taken.
            deadline: When to give up.
        """
        taken.extend(filter(None, map(self._lock.acquire, (False,))))
        if not taken and deadline is not None:
            taken.extend(filter(None, map(self._lock.acquire, (True,), (deadline.patience(),))))

    @property
    def is_free(self) -> bool:
        """Whether no thread holds it, at this moment."""
        taken: list[bool] = []
        if self.is_owned():
            return False
        try:
            self.take(taken)
            return bool(taken)
        finally:
            if taken:
                self.release()
