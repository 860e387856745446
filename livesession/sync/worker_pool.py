"""A pool of worker threads, on which the functions run that the model calls."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["WorkerPool"]

IDLE = 10.0  # seconds

Task = Callable[[], None]


class WorkerPool:
    """Runs tasks, which must not raise, on daemon threads that are started when needed.

    The interpreter does not wait for them when it exits, as it does for those of `concurrent.futures`.

    Args:
        limit: The most threads; further tasks wait for one to be free.
        name: The name of each thread.
        idle: Seconds for which a thread waits for another task before it ends.
    """

    def __init__(self, limit: int, *, name: str = "livesession-tool", idle: float = IDLE) -> None:
        # Guards all fields; no other lock is taken inside. A signal handler on top, in close(), may take it again.
        self._lock = threading.RLock()
        self._limit = limit
        self._name = name
        self._patience = idle
        self._tasks: deque[Task] = deque()
        self._threads: set[threading.Thread] = set()
        self._idle = 0  # threads that wait for a task
        self._is_stopped = False
        self._notifier = Notifier()  # notified when there is a task, and when there will be none

    def submit(self, task: Task) -> None:
        """Has a task run as soon as a thread is free. Raises `RuntimeError` when the system gives no thread at all."""
        thread: threading.Thread | None = None
        with self._lock:
            self._tasks.append(task)
            if len(self._tasks) > self._idle and len(self._threads) < self._limit and not self._is_stopped:
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
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
                    return  # one of them will take the task
                self._tasks.clear()
            raise

    def stop(self) -> None:
        """Drops the tasks that wait; each thread ends as soon as the task that it runs has returned."""
        with self._lock:
            self._is_stopped = True
            self._tasks.clear()
        self._notifier.notify()

    def join(self, deadline: Deadline) -> None:
        """Waits for the threads to end, except for the calling one."""
        with self._lock:
            threads = [each for each in self._threads if each.is_alive() and each is not threading.current_thread()]
        for thread in threads:
            thread.join(deadline.remaining())

    def _work(self) -> None:
        while task := self._next():
            task()

    def _next(self) -> Task | None:
        """Waits for a task; None ends the thread."""
        deadline = Deadline(self._patience)
        while True:
            with self._lock:
                if self._tasks:
                    return self._tasks.popleft()
                if self._is_stopped or deadline.expired():
                    self._threads.discard(threading.current_thread())
                    return None
                self._idle += 1
            self._notifier.wait(self._has_news, deadline.remaining())
            with self._lock:
                self._idle -= 1

    def _has_news(self) -> bool:
        return bool(self._tasks) or self._is_stopped
