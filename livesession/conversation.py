"""What a session knows, however many connections it goes through."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable

from livesession.claim import Claim
from livesession.connection.closing import Ending
from livesession.errors import ForkedSessionError
from livesession.inbox import Inbox
from livesession.outbox import Outbox
from livesession.turn import TurnLedger
from livesession.types.server import LiveSessionResumptionUpdate
from livesession.usage import UsageMeter

__all__ = ["Conversation", "logger"]

logger = logging.getLogger("livesession")


class OpenCalls:
    """Function calls that wait for an answer, and those that need none any more since their connection has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the two fields below; no other lock is taken inside
        self._open: dict[str, None] = {}
        self._void: set[str] = set()

    def made(self, ids: Iterable[str | None]) -> None:
        with self._lock:
            named = [each for each in ids if each]
            self._open.update(dict.fromkeys(named))
            self._void.difference_update(named)

    def settled(self, ids: Iterable[str | None]) -> None:
        """They have been answered, or cancelled by the server."""
        with self._lock:
            for each in ids:
                self._open.pop(each or "", None)

    def void_all(self) -> tuple[str, ...]:
        """The server has forgotten them; gives their ids."""
        with self._lock:
            ids = tuple(self._open)
            self._void.update(ids)
            self._open.clear()
            return ids

    def is_void(self, call_id: str | None) -> bool:
        with self._lock:
            return call_id in self._void


class Conversation:
    """Messages that wait, turns counted, tokens counted, the newest handle, and how it ended.

    Attributes:
        inbox: What has arrived; filled by the reader thread, emptied by the one consumer.
        claim: Who that consumer is.
        turns: Which message belongs to which turn.
        usage: Token counts.
        outbox: What was sent since the server's last word on what it has taken in.
        calls: The function calls that wait for an answer.
        session_id: The server's name for the session.
        is_transparent: Whether the server says what it has consumed, so that the rest can be sent again.
        resumption_handle: The newest handle; set by the reader thread as it arrives.
        turn_left_open: Whether the last `send()` waits for more, so that no answer will come.
        owes_warning: Whether nobody has been told so yet.
    """

    def __init__(self, inbox_bytes: int, on_room: Callable[[], None], *, transparent: bool = False) -> None:
        self.inbox = Inbox(inbox_bytes, on_room)
        self.claim = Claim()
        self.turns = TurnLedger()
        self.usage = UsageMeter()
        self.outbox = Outbox()
        self.calls = OpenCalls()
        self.session_id: str | None = None
        self.resumption_handle: str | None = None
        self._turns_in_handle = -1
        self.is_transparent = transparent
        self.turn_left_open = False
        self.owes_warning = False
        self._pid = os.getpid()
        # Guards the two fields below; no other lock is taken inside. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._ending: Ending | None = None
        self._is_reported = False  # whether a consumer has been told of the end

    def finish(self, ending: Ending) -> None:
        """The conversation is over: consumers get what is left, then the end."""
        with self._lock:
            self._ending = ending
        self.inbox.finish(ending)

    @property
    def ending(self) -> Ending | None:
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
        """Whether nothing would be cut off now: no turn is going on or due, and the handle stands for all of them."""
        is_handled = self._turns_in_handle == self.turns.completed
        return is_handled and self.turns.is_idle and not self.turn_left_open

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

    def report(self, ending: Ending) -> None:
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
