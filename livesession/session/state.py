"""What a session knows, however many connections it goes through."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from livesession.connection.close_info import CloseInfo
from livesession.errors import ForkedSessionError
from livesession.logs import SessionLog
from livesession.messages.server import LiveSessionResumptionUpdate
from livesession.resumption.unacknowledged import UnacknowledgedMessages
from livesession.session.call_tracker import ENDED, CallTracker
from livesession.session.consumer_lock import ConsumerLock
from livesession.session.receive_queue import QueuedMessage, ReceiveQueue
from livesession.session.turn_tracker import TurnTracker
from livesession.session.usage_meter import UsageMeter

if TYPE_CHECKING:
    from livesession.recording.session_recording import SessionRecording

__all__ = ["SessionState"]


class SessionState:
    """Messages that wait, turns counted, tokens counted, the newest handle, and how it ended.

    Attributes:
        inbox: What has arrived; filled by the reader thread, emptied by the one consumer.
        claim: Who that consumer is.
        turns: Which message belongs to which turn.
        usage: Token counts.
        outbox: What was sent since the server's last word on what it has taken in.
        calls: The function calls, and what has become of them.
        session_id: The server's name for the session.
        is_transparent: Whether the server says what it has consumed, so that the rest can be sent again.
        resumption_handle: The newest handle; set by the reader thread as it arrives.
        turn_left_open: Whether the last `send()` waits for more, so that no answer will come.
        open_turn_warning_due: Whether nobody has been told so yet.
        is_seeding: Whether what is sent up to the first `turn_complete` is history.
        is_speaking: Whether the user is between `activityStart` and `activityEnd`.
        redact: Takes the secrets of the present connection out of a text.
        log: Where all records of the session go; they begin with its number.
        recording: What the connections are recorded to; None where nothing is.
    """

    __slots__ = (
        "_ending", "_is_reported", "_lock", "_pid", "_turns_in_handle", "calls", "claim", "inbox", "is_seeding",
        "is_speaking", "is_transparent", "log", "open_turn_warning_due", "outbox", "recording", "redact",
        "resumption_handle", "session_id", "turn_left_open", "turns", "usage",
    )  # fmt: skip

    def __init__(self, inbox_bytes: int, on_room: Callable[[], None], *, transparent: bool = False) -> None:
        self.inbox = ReceiveQueue(inbox_bytes, on_room)
        self.claim = ConsumerLock()
        self.turns = TurnTracker()
        self.usage = UsageMeter()
        self.outbox = UnacknowledgedMessages()
        self.calls = CallTracker()
        self.session_id: str | None = None
        self.resumption_handle: str | None = None
        self._turns_in_handle = -1
        self.is_transparent = transparent
        self.turn_left_open = False
        self.is_seeding = False
        self.is_speaking = False
        self.open_turn_warning_due = False
        self.redact: Callable[[str], str] = str
        self.log = SessionLog()
        self.recording: SessionRecording | None = None
        self._pid = os.getpid()
        # Guards the two fields below; no other lock is taken inside. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._ending: CloseInfo | None = None
        self._is_reported = False  # whether a consumer has been told of the end

    def finish(self, ending: CloseInfo) -> None:
        """The conversation is over: consumers get what is left, then the end."""
        with self._lock:
            is_news, self._ending = self._ending is None, ending
        self.calls.void_all(ENDED)
        self.inbox.finish(ending)
        if is_news:
            level = logging.INFO if ending.failure is None else logging.WARNING  # of the loss it was told as well
            self.log.log(level, "closed: %s", ending.describe())

    def turn_ended(self, turn: int) -> None:
        """The reader: the server has ended the turn with this number."""
        self.outbox.turn_ended(turn)
        self.calls.turn_ended()

    def put_aside(self, arrival: QueuedMessage) -> None:
        """Any thread: something to be received that is not of the server; not after the end."""
        if self._ending is None:
            self.inbox.put_aside(arrival)

    @property
    def ending(self) -> CloseInfo | None:
        """How it ended; None as long as it goes on."""
        return self._ending

    def note_handle(self, update: LiveSessionResumptionUpdate) -> None:
        """The reader: where the conversation can be taken up again, and what the server has taken in."""
        if update.resumable and update.new_handle:
            self.resumption_handle = update.new_handle
            self._turns_in_handle = self.turns.completed
            consumed = update.last_consumed_client_message_index
            self.outbox.acknowledge((consumed or 0) if self.is_transparent else None)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing would be cut off now.

        No turn is going on or due, the handle stands for all of them, and no function is at work.
        """
        return self._turns_in_handle == self.turns.completed and not self.is_going_on

    @property
    def is_going_on(self) -> bool:
        """Whether something is not over, so that the server gives no handle."""
        is_busy = not self.turns.is_idle or self.calls.is_any_open
        return is_busy or self.turn_left_open or self.is_speaking

    def forget_handle(self) -> None:
        """The server knows nothing of the conversation any more: a new one begins."""
        self.resumption_handle = None
        self._turns_in_handle = -1
        self.turns.restarted()

    def reopen(self) -> None:
        """It goes on after all, over a new connection."""
        if self.is_transparent:  # what was not answered is sent again
            self.turns.replayed()
        else:
            self.turns.restarted()
        self.usage.count(None, ends_turn=True)  # a turn that broke off counts beside the one that follows
        with self._lock:
            self._ending = None
            self._is_reported = False
        self.inbox.reopen()

    def report(self, ending: CloseInfo) -> None:
        """A consumer has been told of this end, which may be that of a connection before the present one."""
        with self._lock:
            self._is_reported = self._is_reported or self._ending is ending

    def check_not_reported(self) -> None:
        """Raises the end once more to who asks for messages after having been told of it."""
        with self._lock:
            ending = self._ending if self._is_reported else None
        if ending is not None:
            raise ending.error()

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
