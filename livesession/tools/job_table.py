"""The jobs of one session: the functions that are running or wait for a thread, and counts of what became of all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from livesession.session.function_calls import ToolStatistics, TrackedCall
from livesession.tools.job import Job

__all__ = ["JobTable"]


class JobTable:
    """Holds each job from the call until the function has returned; usable from any thread."""

    def __init__(self) -> None:
        # Guards the fields below and Job.is_recorded: the reader thread adds, the workers remove and count, close()
        # reads. Nothing else is called while it is held. A signal handler on top, in close(), may take it again.
        self._lock = threading.RLock()
        self._jobs: dict[TrackedCall, Job] = {}
        self._counts: Counter[str] = Counter()

    @property
    def statistics(self) -> ToolStatistics:
        with self._lock:
            return ToolStatistics(running=len(self._jobs), **self._counts)

    def add(self, job: Job) -> None:
        with self._lock:
            self._jobs[job.call] = job
            self._counts["calls"] += 1

    def remove(self, job: Job) -> None:
        with self._lock:
            self._jobs.pop(job.call, None)

    def remove_waiting(self) -> None:
        """Removes the jobs that no thread has begun."""
        with self._lock:
            self._jobs = {call: job for call, job in self._jobs.items() if job.thread}

    def find(self, calls: Iterable[TrackedCall]) -> list[Job]:
        """The jobs of some calls, as far as their functions have not returned."""
        with self._lock:
            return [self._jobs[call] for call in calls if call in self._jobs]

    def names_running_elsewhere(self) -> list[str]:
        """The names of the functions that run on other threads than the calling one."""
        with self._lock:
            return sorted(job.name for job in self._jobs.values() if job.thread != threading.get_ident())

    def count(self, outcome: str) -> None:
        with self._lock:
            self._counts[outcome] += 1

    def mark_recorded(self, job: Job) -> bool:
        """Marks a job as told to the consumer; whether this is the first time: there is one record for each call."""
        with self._lock:
            is_first, job.is_recorded = not job.is_recorded, True
        return is_first
