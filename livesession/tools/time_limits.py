"""The time limits of the functions that a session runs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from livesession.sync.deadline import Deadline
from livesession.sync.timer import TimerHandle, join_idle_timer, set_timer
from livesession.sync.worker_pool import WorkerPool

__all__ = ["TimeLimits"]

Item = TypeVar("Item", bound=Hashable)


class TimeLimits(Generic[Item]):
    """Calls `on_expired` for each item whose time limit runs out before `forget()`.

    The calls come one after the other, and may wait: they are made on a daemon thread named "livesession-tool-timer",
    which is there for as long as they take.
    """

    def __init__(self, on_expired: Callable[[Item], None]) -> None:
        self._on_expired = on_expired
        # Without a lock: the reader thread adds, the pool's threads and the timer remove, and a signal handler may
        # come on top in close(); each does one operation on the dict.
        self._timers: dict[Item, TimerHandle] = {}
        self._pool = WorkerPool(1, name="livesession-tool-timer", idle=0.0)

    def watch(self, item: Item, seconds: float) -> None:
        """Sets the time limit of an item. Raises `RuntimeError` when the system gives no thread."""
        self._timers[item] = set_timer(seconds, partial(self._expire, item))

    def forget(self, item: Item) -> None:
        """Cancels the time limit of an item, if it has one."""
        timer = self._timers.pop(item, None)
        if timer is not None:
            timer.cancel()

    def stop(self) -> None:
        """Cancels all time limits."""
        for item in list(self._timers):
            self.forget(item)
        self._pool.stop()

    def join(self, deadline: Deadline) -> None:
        """Waits for a call of `on_expired` to return, after `stop()`; not when called by it."""
        self._pool.join(deadline)
        join_idle_timer(deadline)

    def _expire(self, item: Item) -> None:
        self._timers.pop(item, None)
        self._pool.submit(partial(self._on_expired, item))  # on another thread, as the timer must not wait
