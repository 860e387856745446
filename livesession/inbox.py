"""What has arrived and was not consumed yet: a `queue.Queue` that counts bytes.

The reader thread never waits here. It puts, and asks `has_room` before it reads on; when the budget is used up it
stops reading until half of it is free again. An end put by `finish()` stays at the tail, so that every consumer
finds it, however many there are one after another.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable

from attrs import frozen

from livesession.errors import ProtocolError
from livesession.types.server import LiveServerMessage

__all__ = ["Arrival", "Inbox"]


@frozen
class Arrival:
    """A message as it waits in the inbox.

    Attributes:
        item: The message, or the error to raise in its place.
        turn: How many turns the model had completed before it.
        ends_turn: Whether it is the last message of the frame that completed a turn.
        cost: Bytes that it counts in the inbox, at least 1.
    """

    item: LiveServerMessage | ProtocolError
    turn: int
    ends_turn: bool
    cost: int


class Inbox(queue.Queue["Arrival | None"]):
    """Arrivals in order, then None once the end is there.

    Args:
        budget: Bytes to hold; what one read of the socket brought is always taken, and one message of any size.
        on_room: Called, by a consumer, when half the budget is free again after it was used up.
    """

    def __init__(self, budget: int, on_room: Callable[[], None]) -> None:
        super().__init__()
        self._budget = budget
        self._on_room = on_room
        self._bytes = 0
        self._has_room = True
        self._finished = False
        self._freed = False
        self._taken: Arrival | None = None

    # What queue.Queue asks of its subclasses; it calls these with its own mutex held, which guards all fields.

    def _init(self, maxsize: int) -> None:
        self._arrivals: deque[Arrival] = deque()

    def _qsize(self) -> int:
        return self._bytes + self._finished

    def _put(self, item: Arrival | None) -> None:
        if item is None:
            self._finished = True
            return
        self._arrivals.append(item)
        self._bytes += item.cost
        self._has_room = self._has_room and self._bytes < self._budget

    def _get(self) -> Arrival | None:
        if not self._arrivals:
            return None
        self._taken = self._arrivals.popleft()
        self._bytes -= self._taken.cost
        if not self._has_room and self._bytes <= self._budget // 2:
            self._has_room = self._freed = True
        return self._taken

    @property
    def has_room(self) -> bool:
        """False from when the budget is used up until half of it is free."""
        return self._has_room

    @property
    def is_empty(self) -> bool:
        """Whether a consumer would have to wait now."""
        return not self._qsize()

    def finish(self) -> None:
        """Puts the end."""
        self.put(None)

    def reopen(self) -> None:
        """Takes the end away again, for a session that goes on over a new connection."""
        with self.mutex:
            self._finished = False

    def take(self, timeout: float | None) -> Arrival | None:
        """The next arrival, or None for the end; `queue.Empty` after `timeout` seconds, at once with 0.

        An interruption (Ctrl-C) loses nothing: what had been taken already goes back.
        """
        self._taken = None
        try:
            arrival = self.get(block=timeout != 0, timeout=timeout)
            if self._freed:
                self._freed = False
                self._on_room()
        except BaseException:
            self.put_back()
            raise
        return arrival

    def put_back(self) -> None:
        """Puts what was taken last at the front again, if it has not gone back already."""
        with self.not_empty:
            if self._taken is not None:
                self._arrivals.appendleft(self._taken)
                self._bytes += self._taken.cost
                self._taken = None
                self.not_empty.notify()
