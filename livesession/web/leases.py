"""Who has which session, in one process: the book of a `SessionPool`. No I/O."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from typing import Literal

from attrs import define, field

from livesession.errors import SessionClosedError
from livesession.session.live_session import LiveSession
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier
from livesession.web.web_errors import PoolFullError, SessionBusyError

__all__ = ["Lease", "Leases"]

KNOWN_HANDLES = 20  # a visitor's stored handle may be a little older than the session's newest one
SOON = 10  # seconds after which somebody whom all places were taken from may try again


@define(eq=False)
class Lease:
    """One visitor's, from the first request until the session is closed.

    Attributes:
        visitor: Whose.
        state: `"taken"` by a request, `"free"`, `"leaving"`: to be closed, or `"closing"`: somebody is about it.
        session: None until it is connected.
        is_unwanted: Whether the session was closed while a request used it, or is to be as soon as it is connected.
        free_since: When the last request was over, on the monotonic clock.
        handles: The resumption handles that stand for this session, or for an earlier point in it, the newest last;
            at first, those of the session that was waited for.
    """

    visitor: str
    state: Literal["taken", "free", "leaving", "closing"] = "taken"
    session: LiveSession | None = None
    is_unwanted: bool = False
    free_since: float = 0.0
    handles: deque[str] = field(factory=lambda: deque(maxlen=KNOWN_HANDLES))

    def note_handle(self, handle: str | None) -> None:
        if handle is not None and handle not in self.handles:
            self.handles.append(handle)

    def newest(self, handle: str | None) -> str | None:
        """The handle that the conversation stands at, for one that a request began with."""
        is_known = handle is None or handle in self.handles
        return self.handles[-1] if self.handles and is_known else handle


class Leases:
    """All places of one process.

    Args:
        limit: How many there are.
        evict_after: Seconds for which a place must have been free before another visitor may have it.

    Attributes:
        notifier: Opened at every change.
        changes: How many there have been.
        closing: Set when no more are given out: until when requests may go on.
    """

    def __init__(self, limit: int, evict_after: float) -> None:
        self._limit = limit
        self._evict_after = evict_after
        # Guards _places and the state of each; nothing waits while it is held. The same thread may take it again: in
        # a signal handler, and where the garbage collector ends a lease that was forgotten.
        self.lock = threading.RLock()
        self._places: dict[str, Lease] = {}
        self.notifier = Notifier()
        self.changes = 0
        self.closing: Deadline | None = None

    def __len__(self) -> int:
        return len(self._places)

    def all(self) -> list[Lease]:
        """A copy, since the garbage collector may end a lease at any time."""
        return list(self._places.values())

    def at(self, visitor: str) -> Lease | None:
        return self._places.get(visitor)

    def changed(self) -> None:
        self.changes += 1
        self.notifier.notify()

    # Taking, and giving back.

    def take(self, visitor: str, patience: float) -> tuple[Lease, Lease | None]:
        """The visitor's place, now taken, and another one that has to be closed first, if there was no room.

        Raises:
            SessionBusyError: Another request of the visitor's had it for all of `patience` seconds.
            PoolFullError: There is no room.
            SessionClosedError: The pool was closed.
        """
        deadline = Deadline(patience)
        before = None  # whose request this one waits for: the handle that it began with is an old one by now
        while True:
            if taken := self._take_now(visitor):
                if before is not None and before is not taken[0]:
                    taken[0].handles.extend(before.handles)
                return taken
            before = self.at(visitor) or before
            if not self.notifier.wait_until(lambda: self._is_to_be_had(visitor), deadline):
                raise SessionBusyError(
                    f"Another request of the same visitor has used the session for {patience:g} s; there is one at a "
                    "time. Answer 409."
                )

    def _take_now(self, visitor: str) -> tuple[Lease, Lease | None] | None:
        with self.lock:
            if self.closing is not None:
                raise SessionClosedError("The session pool was closed, and opens no more sessions in this process.")
            place = self._places.get(visitor)
            if place is None:
                victim = self._make_room()
                self._places[visitor] = place = Lease(visitor)
                return place, victim
            if place.state != "free":
                return None
            place.state = "taken"
            return place, None

    def _is_to_be_had(self, visitor: str) -> bool:
        place = self._places.get(visitor)
        return place is None or place.state == "free" or self.closing is not None

    def _make_room(self) -> Lease | None:
        staying = [place for place in self.all() if place.state in ("taken", "free")]
        if len(staying) < self._limit:
            return None
        free = [place for place in staying if place.state == "free"]
        oldest = min(free, key=lambda place: place.free_since, default=None)
        wait = oldest.free_since + self._evict_after - time.monotonic() if oldest is not None else SOON
        if oldest is None or wait > 0:
            retry_after = math.ceil(min(wait, SOON))
            raise PoolFullError(
                f"All {self._limit} places of the session pool are in use. Answer 503 with Retry-After: {retry_after}; "
                "SessionPool(limit=...) allows more.",
                retry_after=retry_after,
            )
        oldest.state = "closing"
        return oldest

    def free(self, place: Lease) -> None:
        """The request is over, and the next one may use the session, unless the visitor has left just now."""
        with self.lock:
            place.free_since = time.monotonic()
            place.state = "leaving" if place.is_unwanted else "free"
        self.changed()

    def give_up(self, place: Lease) -> None:
        """The request is over, and the session is to be closed."""
        with self.lock:
            place.state = "leaving"
        self.changed()

    def remove(self, place: Lease) -> None:
        """Its session is closed."""
        with self.lock:
            if self._places.get(place.visitor) is place:
                del self._places[place.visitor]
        self.changed()

    # What is to be closed.

    def due(self, idle_timeout: float) -> list[Lease]:
        """Those that are to be closed now, handed out once; and, when the pool is overdue, those still in use."""
        with self.lock:
            due = [place for place in self.all() if self._is_due(place, idle_timeout)]
            for place in due:
                place.state = "closing"
            if self.closing is None or not self.closing.expired():
                return due
            cut = [place for place in self.all() if is_in_use(place)]
            for place in cut:
                place.is_unwanted = True
            return due + cut

    def _is_due(self, place: Lease, idle_timeout: float) -> bool:
        if place.state != "free":
            return place.state == "leaving"
        return self.closing is not None or time.monotonic() - place.free_since >= idle_timeout

    def next_due(self, idle_timeout: float) -> float | None:
        """Seconds until something will be due, if nothing changes; None when nothing will."""
        with self.lock:
            if self.closing is not None:
                return self.closing.remaining() if any(is_in_use(place) for place in self.all()) else None
            free = [place.free_since for place in self.all() if place.state == "free"]
        return max(0.0, min(free) + idle_timeout - time.monotonic()) if free else None


def is_in_use(place: Lease) -> bool:
    """Whether a request uses it, and has not been cut off."""
    return place.state == "taken" and not place.is_unwanted
