"""Waiting for other threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE = 20.0


def wait_until(condition: Callable[[], object]) -> None:
    """Waits for what no event tells of: looks again and again, and fails after a while."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.001)


class InThread(Generic[T]):
    """Runs a callable on a thread; `result()` waits for it and raises what it raised."""

    def __init__(self, work: Callable[[], T], name: str = "test-worker") -> None:
        self._outcome: list[T] = []
        self._error: list[BaseException] = []
        self.thread = threading.Thread(target=self._run, args=(work,), name=name)
        self.thread.start()

    def _run(self, work: Callable[[], T]) -> None:
        try:
            self._outcome.append(work())
        except BaseException as error:
            self._error.append(error)

    def result(self, timeout: float = PATIENCE) -> T:
        self.thread.join(timeout)
        assert not self.thread.is_alive(), f"{self.thread.name} did not end within {timeout} s"
        if self._error:
            raise self._error[0]
        return self._outcome[0]
