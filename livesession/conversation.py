"""What a session knows, however many connections it goes through."""

from __future__ import annotations

import logging
from collections.abc import Callable

from livesession.claim import Claim
from livesession.connection.closing import Ending
from livesession.errors import ConnectionClosedError
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
        ending: How the conversation ended; None while it goes on.
        end_reported: Whether a consumer has been told.
    """

    def __init__(self, inbox_bytes: int, on_room: Callable[[], None]) -> None:
        self.inbox = Inbox(inbox_bytes, on_room)
        self.claim = Claim()
        self.turns = TurnLedger()
        self.usage = UsageMeter()
        self.session_id: str | None = None
        self.resumption_handle: str | None = None
        self.turn_left_open = False
        self.ending: Ending | None = None
        self.end_reported = False

    def finish(self, ending: Ending) -> None:
        """The conversation is over: consumers get what is left, then the end."""
        self.ending = ending
        self.inbox.finish()

    def reopen(self) -> None:
        """It goes on after all, over a new connection."""
        self.turns.restarted()
        self.inbox.reopen()
        self.ending = None
        self.end_reported = False

    def end_error(self) -> ConnectionClosedError:
        """What to raise now that it is over."""
        assert self.ending is not None
        return self.ending.error()
