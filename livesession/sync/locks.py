"""Locks that are given back whatever interrupts."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Lock", "take"]


class Lock(Protocol):
    """What `threading.Lock` and `threading.RLock` have in common."""

    def acquire(self, blocking: bool = ..., timeout: float = ...) -> bool: ...

    def release(self) -> None: ...


def take(lock: Lock, taken: list[bool], timeout: float) -> None:
    """Waits for a lock, and notes in `taken`, in the same moment, that it has been acquired.

    After `lock.acquire(timeout=...)` a KeyboardInterrupt may come before its result is known, and the lock would stay
    taken. So the list, which the caller has, is extended by code in C that calls `acquire()` itself; the interpreter
    looks for signals only behind both. To be used so, with no call between `finally` and `release()`:

        taken: list[bool] = []
        try:
            take(lock, taken, timeout)
            if not taken:
                ...  # timed out
            ...
        finally:
            if taken:
                lock.release()

    Args:
        lock: What to acquire.
        taken: An empty list; holds True from then on.
        timeout: Seconds to wait at the most; 0 only tries, -1 waits without an end.
    """
    if timeout == 0:
        taken.extend(filter(None, map(lock.acquire, (False,))))
    else:
        taken.extend(filter(None, map(lock.acquire, (True,), (timeout,))))
