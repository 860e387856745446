"""Closes the sessions of a pool when it is time: idle ones, those of visitors who have left, and all at the end."""

from __future__ import annotations

import atexit
import os
import threading
import weakref

from livesession.sync.deadline import Deadline
from livesession.web.leases import Lease, Leases

__all__ = ["Reaper"]

LAST_WAIT = 6.5  # seconds; a session closes within 5.5 by default


class Reaper:
    """A pool's sessions in one process, and the thread "livesession-web-pool", which runs while there are any.

    Args:
        places: Whose sessions they are.
        idle_timeout: Seconds for which a session may lie unused; 0 closes it with the request.
    """

    def __init__(self, places: Leases, idle_timeout: float) -> None:
        self.places = places
        self._idle_timeout = idle_timeout
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None  # guarded by the lock of the places
        atexit.register(close_at_exit, weakref.ref(self))

    def take(self, visitor: str, patience: float) -> Lease:
        """The visitor's place; raises as `Leases.take()`."""
        place, victim = self.places.take(visitor, patience)
        try:
            self._watch()
            if victim is not None:
                self.close_place(victim)
        except BaseException:  # there are no more threads, or Ctrl-C
            for each in (place, victim):
                if each is not None:
                    each.state = "closing"
                    self.close_place(each)
            raise
        return place

    def release(self, place: Lease, *, keep: bool) -> None:
        """A request is over; `keep` leaves the session to the next one, if it is of any use to it."""
        session = place.session
        if session is None:
            self.places.remove(place)
        elif not keep or session.is_closed:
            self.places.give_up(place)
        elif self._idle_timeout:
            self.places.free(place)
        else:  # now, so that another process can take the conversation up as soon as the answer is complete
            place.state = "closing"
            self.close_place(place)

    def leave(self, visitor: str) -> None:
        """Closes a visitor's session, also while a request uses it."""
        place = self.places.at(visitor)
        if place is None:
            return
        with self.places.lock:
            is_free = place.state == "free"
            if is_free:
                place.state = "closing"
            place.is_unwanted = True
        if is_free:
            self.close_place(place)
        elif place.session is not None:  # else who connects it looks whether it is still wanted
            place.session.close()

    def close_soon(self, grace: float) -> None:
        """Begins to close everything; waits for nothing and takes no lock, for signal handlers."""
        self.places.closing = Deadline(grace)
        self.places.changed()

    def close(self, grace: float) -> None:
        """Closes everything, and waits until that is done."""
        self.close_soon(grace)
        if threading.current_thread() is not self._thread:
            self.places.notifier.wait_until(lambda: not len(self.places), Deadline(grace + LAST_WAIT))

    @property
    def is_of_this_process(self) -> bool:
        return self._pid == os.getpid()

    def close_place(self, place: Lease) -> None:
        """Closes its session; if no request uses it, it leaves the book."""
        try:
            if place.session is not None:
                place.session.close()
        finally:
            if place.state == "closing":
                self.places.remove(place)

    def _close_aside(self, place: Lease) -> None:
        """Closes it on a thread of its own, so that one whose server is silent does not hold up the others."""
        thread = threading.Thread(target=self.close_place, args=[place], name="livesession-web-close", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, or there are no more threads
            self.close_place(place)

    # The thread.

    def _watch(self) -> None:
        with self.places.lock:
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
            seen = self.places.changes
            for place in self.places.due(self._idle_timeout):
                self._close_aside(place)
            self._wait_for_change(seen)

    def _wait_for_change(self, seen: int) -> None:
        patience = self.places.next_due(self._idle_timeout)
        self.places.notifier.wait(lambda: self.places.changes != seen, patience)

    def _is_over(self) -> bool:
        with self.places.lock:
            if len(self.places):
                return False
            self._thread = None
            return True


def close_at_exit(reference: weakref.ref[Reaper]) -> None:
    keeper = reference()
    if keeper is not None and keeper.is_of_this_process:
        keeper.close(0)
