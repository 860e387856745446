"""Tells when the time limit of a running function is over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["TimeLimits"]

Watched = TypeVar("Watched")


class TimeLimits(Generic[Watched]):
    """Calls `on_expired` for what is still watched at its deadline, on a thread that lives while anything is.

    The thread is a daemon named "livesession-tool-timer".
    """

    def __init__(self, on_expired: Callable[[Watched], None]) -> None:
        # Guards the two fields below; no other lock is taken inside. A signal handler on top, in close(), may take it
        # again.
        self._lock = threading.RLock()
        self._watched: dict[Watched, Deadline] = {}
        self._thread: threading.Thread | None = None
        self._on_expired = on_expired
        self._notifier = Notifier()  # notified of an earlier deadline, and at the end

    def watch(self, item: Watched, deadline: Deadline) -> None:
        """Watches it until the deadline. Raises `RuntimeError` when the system gives no thread."""
        with self._lock:
            self._watched[item] = deadline
            thread = None
            if self._thread is None:
                thread = self._thread = threading.Thread(target=self._run, name="livesession-tool-timer", daemon=True)
        self._notifier.notify()
        if thread is not None:
            self._start(thread)

    def _start(self, thread: threading.Thread) -> None:
        try:
            thread.start()
        except RuntimeError:
            self._thread = None
            raise

    def forget(self, item: Watched) -> None:
        """Watches it no more."""
        with self._lock:
            self._watched.pop(item, None)

    def stop(self) -> None:
        """Watches nothing any more; the thread ends."""
        with self._lock:
            self._watched.clear()
        self._notifier.notify()

    def join(self, deadline: Deadline) -> None:
        """Waits for the thread to end, after `stop()`."""
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(deadline.remaining())

    def _run(self) -> None:
        while (next_one := self._nearest()) is not None:
            item, deadline = next_one
            self._notifier.wait(lambda deadline=deadline: self._is_overtaken(deadline), deadline.remaining())  # type: ignore[misc]
            if deadline.expired() and self._take(item):
                self._on_expired(item)

    def _nearest(self) -> tuple[Watched, Deadline] | None:
        with self._lock:
            if not self._watched:
                self._thread = None
                return None
            return min(self._watched.items(), key=lambda pair: pair[1].at or 0.0)

    def _is_overtaken(self, deadline: Deadline) -> bool:
        """Whether something else comes first now."""
        with self._lock:
            return not self._watched or any(deadline.ends_after(other) for other in self._watched.values())

    def _take(self, item: Watched) -> bool:
        with self._lock:
            return self._watched.pop(item, None) is not None
