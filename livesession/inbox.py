"""What has arrived and was not consumed yet: a queue that counts bytes.

The reader thread never waits here. It puts, and asks `has_room` before it reads on; when the budget is used up it
stops reading until half of it is free again. The end, put by `finish()`, stays at the tail, so that every consumer
finds it, however many there are one after another.

It is no `queue.Queue`, because gevent puts one in that class's place that cannot be subclassed in this way.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable

from attrs import frozen

from livesession.connection.closing import Ending
from livesession.errors import ProtocolError
from livesession.types.server import LiveServerMessage

__all__ = ["Arrival", "Inbox"]


@frozen
class Arrival:
    """A message as it waits in the inbox.

    Attributes:
        item: The message, or the error to raise in its place.
        turn: How many turns the model had completed before it.
        serial: How many frames had come before it.
        ends_turn: Whether it is the last message of the frame that completed a turn.
        cost: Bytes that it counts in the inbox, at least 1.
    """

    item: LiveServerMessage | ProtocolError
    turn: int
    serial: int
    ends_turn: bool
    cost: int


class Inbox:
    """Arrivals in order, then the ending once it is there.

    Args:
        budget: Bytes to hold; what one read of the socket brought is always taken, and one message of any size.
        on_room: Called, by a consumer, when half the budget is free again after it was used up.
    """

    def __init__(self, budget: int, on_room: Callable[[], None]) -> None:
        self._changed = threading.Condition()  # guards all fields
        self._arrivals: deque[Arrival] = deque()
        self._budget = budget
        self._on_room = on_room
        self._bytes = 0
        self._has_room = True
        self._ending: Ending | None = None
        self._freed = False
        self._taken: Arrival | None = None

    def put(self, arrival: Arrival) -> None:
        """Puts one more at the end."""
        with self._changed:
            self._arrivals.append(arrival)
            self._bytes += arrival.cost
            self._has_room = self._has_room and (self._bytes < self._budget or len(self._arrivals) == 1)
            self._changed.notify()

    def _get(self) -> Arrival | Ending:
        if not self._arrivals:
            assert self._ending is not None
            return self._ending
        # In this order an interruption can leave it in both places, which put_back() sees, but not in none.
        self._taken = self._arrivals[0]
        del self._arrivals[0]
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
        return not self._arrivals and self._ending is None

    def finish(self, ending: Ending) -> None:
        """Puts the end."""
        with self._changed:
            self._ending = ending
            self._changed.notify()

    def reopen(self) -> None:
        """Takes the end away again, for a session that goes on over a new connection."""
        with self._changed:
            self._ending = None

    def take(self, timeout: float | None, is_cancelled: Callable[[], bool]) -> Arrival | Ending | None:
        """The next arrival, or the ending; `queue.Empty` after `timeout` seconds, at once with 0.

        None when `is_cancelled` says so, which is asked again after `wake_consumers()`. What is taken can be put
        back until `settle()` is called.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self.is_empty or is_cancelled(), timeout):
                raise queue.Empty
            item = None if is_cancelled() else self._get()
        if self._freed:
            self._on_room()
            self._freed = False
        return item

    def settle(self) -> None:
        """What was taken last has been handed out."""
        self._taken = None

    def put_back(self) -> None:
        """Puts what was taken last at the front again, unless it was handed out."""
        with self._changed:
            taken, self._taken = self._taken, None
            if taken is not None and not (self._arrivals and self._arrivals[0] is taken):
                self._arrivals.appendleft(taken)
                self._bytes += taken.cost
                self._changed.notify()

    def wake_consumers(self) -> None:
        """Makes those who wait ask whether they are cancelled."""
        with self._changed:
            self._changed.notify_all()
