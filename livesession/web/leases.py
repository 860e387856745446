"""The leases of a `SessionPool`: which visitor has which session, in one process. No I/O."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Literal

from attrs import define, field

from livesession.errors import SessionClosedError
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier
from livesession.web.web_errors import PoolFullError, SessionBusyError

if TYPE_CHECKING:
    from livesession.session.live_session import LiveSession

__all__ = ["Lease", "Leases"]

KNOWN_HANDLES = 20  # a visitor's stored handle may be a little older than the session's newest one
SOON = 10  # seconds after which a visitor who found no place may try again


@define(eq=False)
class Lease:
    """One visitor's, from the first request until the session is closed.

    Attributes:
        visitor: The visitor that has it.
        state: `"taken"` by a request, `"free"`, `"leaving"`: to be closed, or `"closing"`: a thread is closing it.
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
    """The leases of one process.

    Args:
        limit: How many there are.
        evict_after: Seconds for which a lease must have been free before another visitor may have its place.

    Attributes:
        notifier: Opened at every change.
        changes: How many there have been.
        closing: Set when no more are given out: until when requests may go on.
    """

    def __init__(self, limit: int, evict_after: float) -> None:
        self._limit = limit
        self._evict_after = evict_after
        # Guards _leases and the state of each; nothing waits while it is held. The same thread may take it again: in
        # a signal handler, and where the garbage collector ends a lease that was forgotten.
        self.lock = threading.RLock()
        self._leases: dict[str, Lease] = {}
        self.notifier = Notifier()
        self.changes = 0
        self.closing: Deadline | None = None

    def __len__(self) -> int:
        return len(self._leases)

    def all(self) -> list[Lease]:
        """A copy, since the garbage collector may end a lease at any time."""
        return list(self._leases.values())

    def at(self, visitor: str) -> Lease | None:
        return self._leases.get(visitor)

    def changed(self) -> None:
        self.changes += 1
        self.notifier.notify()

    # Taking, and giving back.

    def take(self, visitor: str, patience: float) -> tuple[Lease, Lease | None]:
        """Returns the visitor's lease, now taken, and another one that has to be closed first, if there was no room.

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
            lease = self._leases.get(visitor)
            if lease is None:
                victim = self._make_room()
                self._leases[visitor] = lease = Lease(visitor)
                return lease, victim
            if lease.state != "free":
                return None
            lease.state = "taken"
            return lease, None

    def _is_to_be_had(self, visitor: str) -> bool:
        lease = self._leases.get(visitor)
        return lease is None or lease.state == "free" or self.closing is not None

    def _make_room(self) -> Lease | None:
        staying = [lease for lease in self.all() if lease.state in ("taken", "free")]
        if len(staying) < self._limit:
            return None
        free = [lease for lease in staying if lease.state == "free"]
        oldest = min(free, key=lambda lease: lease.free_since, default=None)
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

    def free(self, lease: Lease) -> None:
        """The request is over, and the next one may use the session, unless the visitor has left just now."""
        with self.lock:
            lease.free_since = time.monotonic()
            lease.state = "leaving" if lease.is_unwanted else "free"
        self.changed()

    def give_up(self, lease: Lease) -> None:
        """The request is over, and the session is to be closed."""
        with self.lock:
            lease.state = "leaving"
        self.changed()

    def remove(self, lease: Lease) -> None:
        """Its session is closed."""
        with self.lock:
            if self._leases.get(lease.visitor) is lease:
                del self._leases[lease.visitor]
        self.changed()

    # What is to be closed.

    def due(self, idle_timeout: float) -> list[Lease]:
        """Returns the leases to be closed now, each once; and, when the pool is overdue, those still in use."""
        with self.lock:
            due = [lease for lease in self.all() if self._is_due(lease, idle_timeout)]
            for lease in due:
                lease.state = "closing"
            if self.closing is None or not self.closing.expired():
                return due
            cut = [lease for lease in self.all() if is_in_use(lease)]
            for lease in cut:
                lease.is_unwanted = True
            return due + cut

    def _is_due(self, lease: Lease, idle_timeout: float) -> bool:
        if lease.state != "free":
            return lease.state == "leaving"
        return self.closing is not None or time.monotonic() - lease.free_since >= idle_timeout

    def next_due(self, idle_timeout: float) -> float | None:
        """Seconds until something will be due, if nothing changes; None when nothing will."""
        with self.lock:
            if self.closing is not None:
                return self.closing.remaining() if any(is_in_use(lease) for lease in self.all()) else None
            free = [lease.free_since for lease in self.all() if lease.state == "free"]
        return max(0.0, min(free) + idle_timeout - time.monotonic()) if free else None


def is_in_use(lease: Lease) -> bool:
    """Whether a request uses it, and has not been cut off."""
    return lease.state == "taken" and not lease.is_unwanted
