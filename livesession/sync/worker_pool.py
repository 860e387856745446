"""Threads on which functions run when the model calls them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["WorkerPool"]

IDLE = 10.0  # seconds for which a thread waits for more to do

Job = Callable[[], None]


class WorkerPool:
    """Runs jobs, which must not raise, on daemon threads named "livesession-tool" that are made when needed.

    The interpreter does not wait for them when it exits, as it does for those of `concurrent.futures`.

    Args:
        limit: Threads; further jobs wait for one to be free.
    """

    def __init__(self, limit: int) -> None:
        # Guards all fields; no other lock is taken inside. A signal handler on top, in close(), may take it again.
        self._lock = threading.RLock()
        self._limit = limit
        self._jobs: deque[Job] = deque()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._is_stopped = False
        self._notifier = Notifier()  # opened when there is a job, and when there will be none

    def submit(self, job: Job) -> None:
        """Has it run as soon as a thread is free. Raises `RuntimeError` when the system gives no thread at all."""
        thread: threading.Thread | None = None
        with self._lock:
            self._jobs.append(job)
            if len(self._jobs) > self._idle and len(self._threads) < self._limit and not self._is_stopped:
                thread = threading.Thread(target=self._work, name="livesession-tool", daemon=True)
                self._threads.add(thread)
        self._notifier.notify()
        if thread is not None:
            self._start(thread)

    def _start(self, thread: threading.Thread) -> None:
        try:
            thread.start()
        except RuntimeError:
            with self._lock:
                self._threads.discard(thread)
                if self._threads:
                    return  # one of them will do it
                self._jobs.clear()
            raise

    def stop(self) -> None:
        """Forgets the jobs that wait; threads end as soon as they are done with what they run."""
        with self._lock:
            self._is_stopped = True
            self._jobs.clear()
        self._notifier.notify()

    def join(self, deadline: Deadline) -> None:
        """Waits for the threads, but not for the one that calls this."""
        with self._lock:
            threads = [each for each in self._threads if each.is_alive() and each is not threading.current_thread()]
        for thread in threads:
            thread.join(deadline.remaining())

    def _work(self) -> None:
        while job := self._next():
            job()

    def _next(self) -> Job | None:
        """Waits for a job; None ends the thread."""
        deadline = Deadline(IDLE)
        while True:
            with self._lock:
                if self._jobs:
                    return self._jobs.popleft()
                if self._is_stopped or deadline.expired():
                    self._threads.discard(threading.current_thread())
                    return None
                self._idle += 1
            self._notifier.wait(self._has_news, deadline.remaining())
            with self._lock:
                self._idle -= 1

    def _has_news(self) -> bool:
        return bool(self._jobs) or self._is_stopped
