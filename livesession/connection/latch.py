"""Something that happens once, and can be waited for."""

from __future__ import annotations

import threading

__all__ = ["Latch"]


class Latch:
    """A `threading.Event` that is safe in signal handlers.

    An Event holds a lock of its own for a moment, in Python code; a handler that runs on top of that moment, in the
    same thread, and waits for the same Event would never get it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held until it happens, then free but for moments
        self._lock.acquire()
        self._has_happened = False

    def happened(self) -> None:
        """Releases all who wait; to be called by one thread."""
        if not self._has_happened:
            self._has_happened = True
            self._lock.release()

    def wait(self, timeout: float) -> bool:
        """Whether it has happened, after `timeout` seconds at the most."""
        if self._has_happened or not self._lock.acquire(timeout=timeout):
            return self._has_happened
        self._lock.release()
        return True
