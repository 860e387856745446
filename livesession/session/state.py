"""The state of a session, in one table; it outlives the connections.

    state        meaning                                    send                     receive            close
    ----------   ----------------------------------------   ----------------------   ----------------   --------
    CONNECTING   the first connection is being opened       not yet                  not yet            gives up
    OPEN         there is a connection                      yes                      yes                ends it
    RESUMING     a lost connection is being replaced        waits for the next one   what had arrived   ends it
    ENDED        over, by the server or the network         raises                   what had arrived   returns
    CLOSED       over, by `close()`                         raises                   what had arrived   returns

"Is it over?" is answered here and nowhere else. An event that a state does not list changes nothing. A connection
reports its end at once, on the thread that meets it, and once more on the reader thread, when all that had arrived has
been put into the queue: only then consumers are told (`finish()`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from livesession.connection.close_info import CLOSED_HERE, CloseInfo
from livesession.errors import ForkedSessionError, SessionClosedError
from livesession.logs import SessionLog
from livesession.observers import Observer, SessionClosed, TurnComplete, tell
from livesession.resumption.unacknowledged import UnacknowledgedMessages
from livesession.session.call_tracker import ENDED, CallTracker
from livesession.session.consumer_lock import ConsumerLock
from livesession.session.receive_queue import QueuedMessage, ReceiveQueue
from livesession.session.turn_tracker import TurnTracker
from livesession.session.unfinished_input import UnfinishedInput
from livesession.session.usage_meter import UsageMeter
from livesession.sync.state_machine import StateMachine

if TYPE_CHECKING:
    from livesession.messages.server import LiveSessionResumptionUpdate
    from livesession.messages.usage import UsageMetadata
    from livesession.session.function_calls import PendingCalls

__all__ = ["SessionPhase", "SessionState"]


class SessionPhase(Enum):
    """The phases of a session."""

    CONNECTING = "connecting"
    OPEN = "open"
    RESUMING = "resuming"
    ENDED = "ended"
    CLOSED = "closed"


class SessionEvent(Enum):
    """The events that move a session on."""

    CONNECTED = "setupComplete came on the first connection"
    RESUMING = "the connection is lost, or goes away, and is to be replaced"
    RESUMED = "the new connection stands, and what had to go first is out"
    LOST = "the connection is lost, and is not to be replaced, as far as is known"
    ENDED = "all that arrived is in the queue, and there will be no other connection"
    CLOSED = "close() was called, or the last reference is gone"


TRANSITIONS: dict[tuple[SessionPhase, SessionEvent], SessionPhase] = {
    (SessionPhase.CONNECTING, SessionEvent.CONNECTED): SessionPhase.OPEN,
    (SessionPhase.CONNECTING, SessionEvent.CLOSED): SessionPhase.CLOSED,
    (SessionPhase.OPEN, SessionEvent.RESUMING): SessionPhase.RESUMING,
    (SessionPhase.OPEN, SessionEvent.LOST): SessionPhase.ENDED,
    (SessionPhase.OPEN, SessionEvent.ENDED): SessionPhase.ENDED,
    (SessionPhase.OPEN, SessionEvent.CLOSED): SessionPhase.CLOSED,
    (SessionPhase.RESUMING, SessionEvent.RESUMED): SessionPhase.OPEN,
    (SessionPhase.RESUMING, SessionEvent.ENDED): SessionPhase.ENDED,
    (SessionPhase.RESUMING, SessionEvent.CLOSED): SessionPhase.CLOSED,
    (SessionPhase.ENDED, SessionEvent.RESUMING): SessionPhase.RESUMING,  # by hand, or by a handle that came last
    (SessionPhase.ENDED, SessionEvent.CLOSED): SessionPhase.CLOSED,
}


class SessionState:
    """The phase of a session, and what it knows whichever connection it has.

    Args:
        queue_bytes: The budget of the queue.
        on_room: Called when the reader may go on.
        unacknowledged_bytes: Bytes of sent messages to keep until the server has acknowledged them.
        transparent: Whether the server says what it has consumed, so that the rest can be sent again.
        handle: The resumption handle that the session begins with.
        seeds_history: Whether what is sent first is history.
        log: Where all records of the session go; they begin with its number.
        observers: Observe the session.

    Attributes:
        queue: The messages that have arrived; filled by the reader thread, emptied by the one consumer.
        consumer: The lock of that consumer.
        turns: Tells which message belongs to which turn.
        usage: The token counts.
        unacknowledged: What was sent since the server's last word on what it has taken in.
        calls: The function calls, and what has become of them.
        user: What the user is in the middle of.
        redact: Takes the secrets of the present connection out of a text; set with each connection.
        session_id: The server's name for the session; set by the reader thread.
        resumption_handle: The newest handle; set by the reader thread as it arrives.
    """

    __slots__ = (
        "_machine", "_pid", "_reported", "_turns_in_handle", "calls", "consumer", "is_transparent", "log", "observers",
        "queue", "redact", "resumption_handle", "session_id", "turns", "unacknowledged", "usage", "user",
    )  # fmt: skip

    def __init__(
        self,
        queue_bytes: int,
        on_room: Callable[[], None],
        *,
        unacknowledged_bytes: int = 0,
        transparent: bool = False,
        handle: str | None = None,
        seeds_history: bool = False,
        log: SessionLog | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._machine: StateMachine[SessionPhase, SessionEvent, CloseInfo] = StateMachine(
            TRANSITIONS, SessionPhase.CONNECTING
        )
        self._reported: CloseInfo | None = None  # the end that a consumer has been told of
        self._pid = os.getpid()
        self.queue = ReceiveQueue(queue_bytes, on_room)
        self.consumer = ConsumerLock()
        self.turns = TurnTracker()
        self.usage = UsageMeter()
        self.unacknowledged = UnacknowledgedMessages(unacknowledged_bytes)
        self.calls = CallTracker(observers)
        self.user = UnfinishedInput(is_seeding=seeds_history)
        self.is_transparent = transparent
        self.session_id: str | None = None
        self.resumption_handle = handle
        self._turns_in_handle = -1
        self.redact: Callable[[str], str] = str
        self.log = log or SessionLog()
        self.observers = observers

    # The phase.

    @property
    def phase(self) -> SessionPhase:
        return self._machine.state

    @property
    def is_closed(self) -> bool:
        """Whether `close()` was called."""
        return self._machine.state is SessionPhase.CLOSED

    @property
    def is_over(self) -> bool:
        """Whether the session has ended or was closed; not while it is being resumed."""
        return self._machine.state in (SessionPhase.ENDED, SessionPhase.CLOSED)

    @property
    def is_resuming(self) -> bool:
        return self._machine.state is SessionPhase.RESUMING

    @property
    def close_info(self) -> CloseInfo | None:
        """The end of the session; None as long as it is not over."""
        return (self._machine.detail or CLOSED_HERE) if self.is_over else None

    def on_connected(self, session_id: str | None, usage: UsageMetadata | None) -> None:
        """Reader: `setupComplete` came."""
        self.session_id = session_id
        if usage is not None:
            self.usage.count(usage, ends_turn=False)
        self._machine.on(SessionEvent.CONNECTED)

    @property
    def step(self) -> object:
        """The present step, for `begin_resuming()` and `lose()`."""
        return self._machine.step

    def begin_resuming(self, since: object = None) -> bool:
        """Notes that the connection is to be replaced; False where that is so already, or the session was closed."""
        return self._machine.on(SessionEvent.RESUMING, since=since)

    def lose(self, info: CloseInfo, since: object) -> bool:
        """Notes that the connection is lost for good; messages that arrived may still be on their way to the queue."""
        return self._machine.on(SessionEvent.LOST, info, since=since)

    def on_resumed(self) -> bool:
        """The new connection can be used."""
        return self._machine.on(SessionEvent.RESUMED)

    def close(self) -> bool:
        """`close()` was called; False if it was before. Neither waits nor takes a lock."""
        return self._machine.on(SessionEvent.CLOSED, self._machine.detail if self.is_over else CLOSED_HERE)

    # What consumers are told of the end.

    def finish(self, info: CloseInfo) -> None:
        """Tells consumers of the end, behind the messages that are left: all that arrived is in the queue."""
        self._machine.on(SessionEvent.ENDED, info)
        is_news = self.queue.end is None
        self.calls.void_all(ENDED)
        self.queue.finish(info)
        if is_news:
            level = logging.INFO if info.failure is None else logging.WARNING  # of the loss it was told as well
            self.log.log(level, "closed: %s", info.describe())
            if self.observers:
                tell(self.observers, SessionClosed(info))

    @property
    def is_finished(self) -> bool:
        """Whether the end has been put into the queue."""
        return self.queue.end is not None

    def reopen(self) -> None:
        """The session goes on over a new connection: there is no end any more."""
        self.turns.on_resumed(transparent=self.is_transparent)  # in transparent mode, what was not answered goes again
        self.usage.count(None, ends_turn=True)  # a turn that broke off counts beside the one that follows
        self._reported = None
        self.queue.reopen()
        self._machine.on(SessionEvent.RESUMING)  # the end of the old connection may have come in between

    def report(self, info: CloseInfo) -> None:
        """A consumer has been told of this end, which may be that of a connection before the present one."""
        if self.queue.end is info:
            self._reported = info

    def check_not_reported(self) -> None:
        """Raises the end once more to a caller who asks for messages after having been told of it."""
        info = self._reported
        if info is not None:
            raise info.error()

    def check_not_closed(self) -> None:
        """Raises `ForkedSessionError`, and `SessionClosedError` after `close()`."""
        if self._pid != os.getpid():
            self.check_process()
        if self._machine.state is SessionPhase.CLOSED:
            raise SessionClosedError("This session has been closed and cannot be used; connect() a new one.")

    def check_usable(self) -> None:
        """Raises `ForkedSessionError`, `SessionClosedError` after `close()`, `ResumptionError` once resuming failed."""
        self.check_not_closed()
        info = self.close_info
        if info is not None and info.failure is not None:
            raise info.error()

    def check_process(self) -> None:
        """Raises in a process that was forked from the one in which the session was opened."""
        if self._pid != os.getpid():
            raise ForkedSessionError(
                "This session was opened before the process was forked, and belongs to the parent. Call connect() in "
                "the child; under gunicorn --preload, that is in the worker and not at import."
            )

    @property
    def is_of_this_process(self) -> bool:
        return self._pid == os.getpid()

    # What arrives.

    def put(self, message: QueuedMessage) -> None:
        """Any thread: a message of this library's own; not after the end."""
        if self.queue.end is None:
            self.queue.put(message)

    def turn_ended(self, turn: int) -> PendingCalls | None:
        """Reader: the server has ended the turn with this number; what still keeps its question from being answered."""
        self.unacknowledged.turn_ended(turn)
        pending = self.calls.turn_ended(turn, last_owed=self.turns.last_owed, has_content=self.turns.has_content)
        if self.observers:
            tell(self.observers, TurnComplete(turn))
        return pending

    def note_handle(self, update: LiveSessionResumptionUpdate) -> None:
        """Reader: where the conversation can be taken up again, and what the server has taken in."""
        if update.resumable and update.new_handle:
            self.resumption_handle = update.new_handle
            self._turns_in_handle = self.turns.completed
            consumed = update.last_consumed_client_message_index
            self.unacknowledged.acknowledge((consumed or 0) if self.is_transparent else None)

    def forget_handle(self) -> None:
        """The server knows nothing of the conversation any more: a new one begins."""
        self.resumption_handle = None
        self._turns_in_handle = -1
        self.turns.on_resumed(transparent=False)

    @property
    def is_at_rest(self) -> bool:
        """Whether replacing the connection would cut nothing off now.

        No turn is going on or due, the handle stands for all of them, and no function is at work.
        """
        return self._turns_in_handle == self.turns.completed and not self.is_going_on

    @property
    def is_going_on(self) -> bool:
        """Whether something is not over, so that the server gives no handle."""
        return not self.turns.is_idle or self.calls.is_any_open or self.user.is_in_progress
