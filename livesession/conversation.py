"""What a session knows, however many connections it goes through."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from livesession.claim import Claim
from livesession.connection.closing import Ending
from livesession.errors import ForkedSessionError
from livesession.inbox import Inbox
from livesession.turn import TurnLedger
from livesession.usage import UsageMeter

__all__ = ["Conversation", "logger"]

logger = logging.getLogger("livesession")


class Conversation:
    """Messages that wait, turns counted, tokens counted, the newest handle, and how it ended.

    Attributes:
        inbox: What has arrived; filled by the reader thread, emptied by the one consumer.
        claim: Who that consumer is.
        turns: Which message belongs to which turn.
        usage: Token counts.
        session_id: The server's name for the session.
        resumption_handle: The newest handle; set by the reader thread as it arrives.
        turn_left_open: Whether the last `send()` waits for more, so that no answer will come.
        owes_warning: Whether nobody has been told so yet.
    """

    def __init__(self, inbox_bytes: int, on_room: Callable[[], None]) -> None:
        self.inbox = Inbox(inbox_bytes, on_room)
        self.claim = Claim()
        self.turns = TurnLedger()
        self.usage = UsageMeter()
        self.session_id: str | None = None
        self.resumption_handle: str | None = None
        self.turn_left_open = False
        self.owes_warning = False
        self._pid = os.getpid()
        self._lock = threading.Lock()  # guards the two fields below; no other lock is taken inside
        self._ending: Ending | None = None
        self._is_reported = False  # whether a consumer has been told of the end

    def finish(self, ending: Ending) -> None:
        """The conversation is over: consumers get what is left, then the end."""
        with self._lock:
            self._ending = ending
        self.inbox.finish(ending)

    def reopen(self) -> None:
        """It goes on after all, over a new connection."""
        self.turns.restarted()
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
