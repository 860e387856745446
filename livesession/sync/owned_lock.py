"""A lock with a time limit that Ctrl-C cannot leave taken."""

from __future__ import annotations

import threading
from collections.abc import Callable

from livesession.sync.deadline import Deadline

__all__ = ["OwnedLock"]


class OwnedLock:
    """A lock that knows which thread holds it, and is taken inside of the `try` whose `finally` gives it back.

    Ctrl-C may come between the moment in which a lock is taken and the next line, also when that is `try:`. Thus:

        if lock.is_owned():  # a signal handler, on top of the thread's own use of it
            ...
        try:
            if not lock.acquire(deadline):
                ...
        finally:
            lock.release_if_owned()

    It is a `threading.RLock` inside, which notes its owner in the same step in which it is taken.

    Attributes:
        is_owned: Returns whether the calling thread holds it; then it must not ask for it once more.
        release: Gives it back; the calling thread must hold it.
    """

    __slots__ = ("_lock", "is_owned", "release")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        # The lock's own functions, in C: they are called for each message.
        self.is_owned: Callable[[], bool] = self._lock._is_owned  # type: ignore[attr-defined]  # as Condition asks it
        self.release: Callable[[], None] = self._lock.release

    @property
    def is_free(self) -> bool:
        """Whether no thread holds it, at this moment."""
        if self.is_owned() or not self._lock.acquire(blocking=False):
            return False
        self._lock.release()
        return True

    def try_to_acquire(self) -> bool:
        """Takes it if that needs no waiting."""
        return self._lock.acquire(blocking=False)

    def acquire(self, deadline: Deadline) -> bool:
        """Waits for it until the deadline; whether it was taken."""
        return self._lock.acquire(blocking=False) or self._lock.acquire(timeout=deadline.patience())

    def release_if_owned(self) -> None:
        """Gives it back, if the calling thread holds it."""
        if self.is_owned():
            self.release()
