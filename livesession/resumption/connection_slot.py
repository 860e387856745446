"""What the threads of a session share about its connection."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from livesession.errors import ResumptionError, SessionClosedError
from livesession.sync.events import Notifier

if TYPE_CHECKING:
    from livesession.connection.connection import Connection

__all__ = ["ConnectionSlot"]


class ConnectionSlot:
    """The connection that a session has now: it changes when the session is resumed.

    Attributes:
        connection: The connection; None before the first.
        is_closed: Whether `close()` was called.
        failure: Why there will be no other connection, after one was tried for in vain.
        replacing: Held by the one thread that replaces the connection; others only try it.
        notifier: Opened at each change of the above.
    """

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.is_closed = False
        self.failure: ResumptionError | None = None
        self.replacing = threading.Lock()
        self.notifier = Notifier()

    @property
    def present(self) -> Connection:
        """The connection of a session that has been opened."""
        assert self.connection is not None
        return self.connection

    def wake(self) -> None:
        """There is room in the inbox again."""
        if self.connection is not None:
            self.connection.wake()

    def check_usable(self) -> None:
        """Raises `SessionClosedError` and `ResumptionError`."""
        if self.is_closed:
            raise SessionClosedError("This session has been closed and cannot be used; connect() a new one.")
        if self.failure is not None:
            raise self.failure.again()
