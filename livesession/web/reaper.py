"""Closes the sessions of a pool when it is time: idle ones, those of visitors who have left, and all at the end."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from typing import TYPE_CHECKING

from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.web.leases import Lease, Leases

__all__ = ["Reaper"]

LAST_WAIT = 6.5  # seconds; a session closes within 5.5 by default


class Reaper:
    """A pool's sessions in one process, and the thread "livesession-web-pool", which runs while there are any.

    Args:
        leases: The leases of the sessions.
        idle_timeout: Seconds for which a session may lie unused; 0 closes it with the request.
    """

    def __init__(self, leases: Leases, idle_timeout: float) -> None:
        self.leases = leases
        self._idle_timeout = idle_timeout
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None  # guarded by the lock of the leases
        atexit.register(close_at_exit, weakref.ref(self))

    def take(self, visitor: str, patience: float) -> Lease:
        """Returns the visitor's lease; raises as `Leases.take()`."""
        lease, victim = self.leases.take(visitor, patience)
        try:
            self._watch()
            if victim is not None:
                self.close_lease(victim)
        except BaseException:  # there are no more threads, or Ctrl-C
            for each in (lease, victim):
                if each is not None:
                    each.state = "closing"
                    self.close_lease(each)
            raise
        return lease

    def release(self, lease: Lease, *, keep: bool) -> None:
        """A request is over; `keep` leaves the session to the next one, if it is of any use to it."""
        session = lease.session
        if session is None:
            self.leases.remove(lease)
        elif not keep or session.is_closed:
            self.leases.give_up(lease)
        elif self._idle_timeout:
            self.leases.free(lease)
        else:  # now, so that another process can take the conversation up as soon as the answer is complete
            lease.state = "closing"
            self.close_lease(lease)

    def leave(self, visitor: str) -> None:
        """Closes a visitor's session, also while a request uses it."""
        lease = self.leases.at(visitor)
        if lease is None:
            return
        with self.leases.lock:
            is_free = lease.state == "free"
            if is_free:
                lease.state = "closing"
            lease.is_unwanted = True
        if is_free:
            self.close_lease(lease)
        elif lease.session is not None:  # else who connects it looks whether it is still wanted
            lease.session.close()

    def close_soon(self, grace: float) -> None:
        """Begins to close everything; waits for nothing and takes no lock, for signal handlers."""
        self.leases.closing = Deadline(grace)
        self.leases.changed()

    def close(self, grace: float) -> None:
        """Closes everything, and waits until that is done."""
        self.close_soon(grace)
        if threading.current_thread() is not self._thread:
            self.leases.notifier.wait_until(lambda: not len(self.leases), Deadline(grace + LAST_WAIT))

    @property
    def is_of_this_process(self) -> bool:
        return self._pid == os.getpid()

    def close_lease(self, lease: Lease) -> None:
        """Closes its session; if no request uses it, it leaves the book."""
        try:
            if lease.session is not None:
                lease.session.close()
        finally:
            if lease.state == "closing":
                self.leases.remove(lease)

    def _close_aside(self, lease: Lease) -> None:
        """Closes it on a thread of its own, so that one whose server is silent does not hold up the others."""
        thread = threading.Thread(target=self.close_lease, args=[lease], name="livesession-web-close", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, or there are no more threads
            self.close_lease(lease)

    # The thread.

    def _watch(self) -> None:
        with self.leases.lock:
            if self._thread is not None:
                return
            thread = self._thread = threading.Thread(target=self._run, name="livesession-web-pool", daemon=True)
        try:
            thread.start()
        except BaseException:
            self._thread = None
            raise

    def _run(self) -> None:
        while not self._is_over():
            seen = self.leases.changes
            for lease in self.leases.due(self._idle_timeout):
                self._close_aside(lease)
            self._wait_for_change(seen)

    def _wait_for_change(self, seen: int) -> None:
        patience = self.leases.next_due(self._idle_timeout)
        self.leases.notifier.wait(lambda: self.leases.changes != seen, patience)

    def _is_over(self) -> bool:
        with self.leases.lock:
            if len(self.leases):
                return False
            self._thread = None
            return True


def close_at_exit(reference: weakref.ref[Reaper]) -> None:
    reaper = reference()
    if reaper is not None and reaper.is_of_this_process:
        reaper.close(0)
