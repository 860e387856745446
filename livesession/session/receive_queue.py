"""What has arrived and was not consumed yet: a queue that counts bytes.

The reader thread never waits here. It puts, and asks `has_room` before it reads on; when the budget is used up it
stops reading until half of it is free again. The end, put by `finish()`, stays at the tail, so that every consumer
finds it, however many there are one after another.

A message passes without a lock: one thread appends and one takes, each of which a deque does in one step. So neither
can be held up by the other, or by a signal handler on top of it. It is no `queue.Queue`, because gevent puts one in
that class's place that cannot be subclassed in this way, and because its locks cost more than reading the message.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from livesession.connection.close_info import CloseInfo
from livesession.errors import ProtocolError
from livesession.messages.server import LiveServerMessage
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["QueuedMessage", "ReceiveQueue"]


class QueuedMessage(NamedTuple):
    """A message as it waits in the inbox.

    Attributes:
        item: The message, or the error to raise in its place.
        turn: How many turns the model had completed before it.
        serial: How many frames had come before it.
        ends_turn: Whether it is the last message of the frame that completed a turn.
        cost: Bytes that it counts in the inbox, at least 1; 0 for what this library puts in.
    """

    item: LiveServerMessage | ProtocolError
    turn: int
    serial: int
    ends_turn: bool
    cost: int


class ReceiveQueue:
    """Arrivals in order, then the ending once it is there.

    Args:
        budget: Bytes to hold; what one read of the socket brought is always taken, and one message of any size.
        on_room: Called, by a consumer, when half the budget is free again after it was used up.
    """

    __slots__ = (
        "_arrivals", "_budget", "_ending", "_has_room", "_is_news", "_notifier", "_on_room", "_put_bytes", "_taken",
        "_taken_bytes", "on_arrival",
    )  # fmt: skip

    def __init__(self, budget: int, on_room: Callable[[], None]) -> None:
        self._notifier = Notifier()
        self._ending: CloseInfo | None = None
        self._arrivals: deque[QueuedMessage] = deque()
        self._budget = budget
        self._on_room = on_room
        self._put_bytes = 0  # written by the reader only
        self._taken_bytes = 0  # written by the one consumer only
        self._has_room = True
        self._taken: QueuedMessage | None = None
        self._is_news = False  # whether the consumer has not been told of what was put last
        self.on_arrival: Callable[[], None] | None = None  # called by the reader whenever there is news

    def put(self, arrivals: Sequence[QueuedMessage]) -> None:
        """Puts some more at the end; `announce()` is to follow."""
        if not arrivals:
            return
        self._put_bytes += sum([arrival.cost for arrival in arrivals])
        self._arrivals.extend(arrivals)
        if self._put_bytes - self._taken_bytes >= self._budget and len(self._arrivals) > 1:
            self._has_room = False
            if self._is_half_free():  # a consumer made room just before, and found nothing to announce
                self._has_room = True
        self._is_news = True

    def put_aside(self, arrival: QueuedMessage) -> None:
        """Puts one that costs nothing, from another thread than the reader's, and tells the consumer."""
        self._arrivals.append(arrival)
        self._tell()

    def announce(self) -> None:
        """Tells the consumer of what was put.

        Apart from that, so that the reader can first read the other sessions that are ready: a consumer that is woken
        for each message has the interpreter change threads for each.
        """
        if self._is_news:
            self._is_news = False
            self._tell()

    def _tell(self) -> None:
        self._notifier.notify()
        if self.on_arrival is not None:
            self.on_arrival()

    def _is_half_free(self) -> bool:
        return self._put_bytes - self._taken_bytes <= self._budget // 2

    def take_now(self) -> QueuedMessage | None:
        """The next arrival; None when there is none."""
        if not self._arrivals:
            return None
        # In this order an interruption can leave it in both places, which put_back() sees, but not in none.
        self._taken = taken = self._arrivals[0]
        del self._arrivals[0]
        self._taken_bytes += taken.cost
        if not self._has_room and self._is_half_free():
            self._has_room = True
            self._on_room()
        return taken

    @property
    def has_room(self) -> bool:
        """False from when the budget is used up until half of it is free."""
        return self._has_room

    @property
    def is_empty(self) -> bool:
        """Whether a consumer would have to wait now."""
        return not self._arrivals and self._ending is None

    def finish(self, ending: CloseInfo) -> None:
        """Puts the end."""
        self._ending = ending
        self._tell()

    def reopen(self) -> None:
        """Takes the end away again, for a session that goes on over a new connection."""
        self._ending = None

    def take(self, timeout: float | None, is_cancelled: Callable[[], bool]) -> QueuedMessage | CloseInfo | None:
        """The next arrival, or the ending; `queue.Empty` after `timeout` seconds, at once with 0.

        None when `is_cancelled` says so, which is asked again after `wake_consumers()`. What is taken can be put
        back until `settle()` is called.
        """
        deadline = Deadline(timeout)
        while not is_cancelled():
            ending = self._ending  # looked at first: all that arrived has been put by then
            if item := self.take_now() or ending:
                return item
            if not self._notifier.wait_until(lambda: not self.is_empty or is_cancelled(), deadline):
                raise queue.Empty
        return None

    def settle(self) -> None:
        """What was taken last has been handed out."""
        self._taken = None

    def put_back(self) -> None:
        """Puts what was taken last at the front again, unless it was handed out."""
        taken, self._taken = self._taken, None
        if taken is not None and not (self._arrivals and self._arrivals[0] is taken):
            self._arrivals.appendleft(taken)
            self._taken_bytes -= taken.cost
            self._on_room()  # of which the reader may not have been told
            self._tell()

    def wake_consumers(self) -> None:
        """Makes those who wait look again, and ask whether they are cancelled."""
        self._notifier.notify()
