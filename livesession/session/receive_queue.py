"""The queue between the reader thread and the consumer: a `queue.Queue` in what it offers, counted in bytes.

The reader thread never waits here: it puts, and asks `has_room` before it reads on; when the budget is used up it stops
reading until half of it is free again. The end, put by `finish()`, stays at the tail, so that every consumer finds it,
however many there are one after another.

A message passes without a lock: one thread appends and one takes, each of which a deque does in one step. So neither
can be held up by the other, or by a signal handler on top of it. ARCHITECTURE.md says why it is not the class
`queue.Queue` itself.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

if TYPE_CHECKING:
    from livesession.connection.close_info import CloseInfo
    from livesession.errors import ProtocolError
    from livesession.messages.server import LiveServerMessage
    from livesession.session.function_calls import PendingCalls

__all__ = ["QueuedMessage", "ReceiveQueue"]


class QueuedMessage(NamedTuple):
    """A message as it waits in the queue.

    Attributes:
        item: The message, or the error to raise in its place.
        turn: The number of turns that the model had completed before it.
        serial: The number of frames that had come before it.
        ends_turn: Whether it is the last message of the frame that completed a turn.
        cost: The bytes that it counts in the queue, at least 1; 0 for what this library puts in.
        pending: With the end of a turn, the function calls that keep its question from being answered.
    """

    item: LiveServerMessage | ProtocolError
    turn: int
    serial: int
    ends_turn: bool
    cost: int
    pending: PendingCalls | None = None


class ReceiveQueue:
    """Messages in order, then the end once it is there.

    Its methods are those of `queue.Queue`, and `get()` raises `queue.Empty`; beside a message it may return the
    `CloseInfo` of the session's end. A consumer that is interrupted before it hands a message on can put it back.

    Args:
        budget: Bytes to hold; what one read of the socket brought is always taken, and one message of any size.
        on_room: Called, by a consumer, when half the budget is free again after it was used up.
    """

    __slots__ = (
        "_budget", "_end", "_has_news", "_has_room", "_listeners", "_messages", "_notifier", "_on_room", "_put_bytes",
        "_taken", "_taken_bytes", "_taken_bytes_before",
    )  # fmt: skip

    def __init__(self, budget: int, on_room: Callable[[], None]) -> None:
        self._notifier = Notifier()
        self._end: CloseInfo | None = None
        self._messages: deque[QueuedMessage] = deque()
        self._budget = budget
        self._on_room = on_room
        self._put_bytes = 0  # written by the reader only
        self._taken_bytes = 0  # written by the one consumer only
        self._has_room = True
        self._taken: QueuedMessage | None = None
        self._taken_bytes_before = 0
        self._has_news = False  # whether the consumer has not been told of what was put last
        self._listeners: tuple[Callable[[], None], ...] = ()

    # The reader's side.

    def put_many(self, messages: list[QueuedMessage]) -> None:
        """Puts the messages that one read brought at the end; `announce()` is to follow."""
        if not messages:
            return
        self._put_bytes += sum([message.cost for message in messages])
        self._messages.extend(messages)
        if self._put_bytes - self._taken_bytes >= self._budget and len(self._messages) > 1:
            self._has_room = False
            if self._is_half_free():  # a consumer made room just before, and found nothing to announce
                self._has_room = True
        self._has_news = True

    def announce(self) -> None:
        """Tells the consumer of what was put.

        Apart from that, so that the reader can first read the other sessions that are ready: a consumer that is woken
        for each message has the interpreter change threads for each.
        """
        if self._has_news:
            self._has_news = False
            self._tell()

    @property
    def has_room(self) -> bool:
        """Whether the reader may go on: False from when the budget is used up until half of it is free."""
        return self._has_room

    # Any thread.

    def put(self, message: QueuedMessage) -> None:
        """Puts a message of this library's own, which costs nothing, and tells the consumer; never waits."""
        self._messages.append(message)
        self._tell()

    def finish(self, end: CloseInfo) -> None:
        """Puts the end, behind all messages."""
        self._end = end
        self._tell()

    def reopen(self) -> None:
        """Takes the end away again, for a session that goes on over a new connection."""
        self._end = None

    def wake(self) -> None:
        """Makes waiting consumers look again, and ask whether they are cancelled."""
        self._notifier.notify()

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Has a function called at each change, mostly on the reader thread; it must not wait."""
        self._listeners = (*self._listeners, listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """Has it called no more."""
        self._listeners = tuple(each for each in self._listeners if each is not listener)

    def _tell(self) -> None:
        self._notifier.notify()
        for listener in self._listeners:
            listener()

    def _is_half_free(self) -> bool:
        return self._put_bytes - self._taken_bytes <= self._budget // 2

    # The consumer's side.

    def empty(self) -> bool:
        """Whether a consumer would have to wait now."""
        return not self._messages and self._end is None

    def qsize(self) -> int:
        """Returns the number of messages that wait."""
        return len(self._messages)

    @property
    def bytes_waiting(self) -> int:
        """The size of the messages that wait, as the budget counts them."""
        return self._put_bytes - self._taken_bytes

    @property
    def end(self) -> CloseInfo | None:
        """The end of the session, once all that arrived has been put; None as long as it goes on."""
        return self._end

    def get_nowait(self) -> QueuedMessage | CloseInfo:
        """Takes the next message, or returns the end, which stays. Raises `queue.Empty`."""
        end = self._end  # looked at first: all that arrived has been put by then
        taken = self.take() or end
        if taken is None:
            raise queue.Empty
        return taken

    def get(
        self, timeout: float | None = None, is_cancelled: Callable[[], bool] = lambda: False
    ) -> QueuedMessage | CloseInfo | None:
        """Takes the next message, or returns the end, after `timeout` seconds at the most; 0 polls.

        Returns None when `is_cancelled` says so, which is asked again after `wake()`. Raises `queue.Empty`.
        """
        deadline = Deadline(timeout)
        while not is_cancelled():
            end = self._end
            if taken := self.take() or end:
                return taken
            if not self._notifier.wait_until(lambda: not self.empty() or is_cancelled(), deadline):
                raise queue.Empty
        return None

    def take(self) -> QueuedMessage | None:
        """Takes the next message; None when there is none."""
        if not self._messages:
            return None
        # Peeked, noted, popped: an interruption can leave it in both places, which put_back() sees, but not in none.
        self._taken_bytes_before = self._taken_bytes
        self._taken = taken = self._messages[0]
        del self._messages[0]
        self._taken_bytes += taken.cost
        if not self._has_room and self._is_half_free():
            self._has_room = True
            self._on_room()
        return taken

    @property
    def taken(self) -> QueuedMessage | None:
        """The message that was taken last; None where it was put back."""
        return self._taken

    def put_back(self, handed_out: QueuedMessage | None) -> None:
        """Puts the message that was taken last at the front again, unless it was handed out.

        Args:
            handed_out: The value of `taken` before.
        """
        taken = self._taken
        if taken is None or taken is handed_out:
            return
        self._taken = handed_out
        if not (self._messages and self._messages[0] is taken):
            self._messages.appendleft(taken)
        self._taken_bytes = self._taken_bytes_before
        self._on_room()  # of which the reader may not have been told
        self._tell()
