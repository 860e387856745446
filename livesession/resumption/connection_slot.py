"""The connection that a session has now, and the threads that wait for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesession.sync.events import Notifier
from livesession.sync.owned_lock import OwnedLock

if TYPE_CHECKING:
    from livesession.connection.connection import Connection

__all__ = ["ConnectionSlot"]


class ConnectionSlot:
    """Holds the connection of a session; it changes when the session is resumed.

    Attributes:
        connection: The connection; None before the first.
        replacing: Held by the one thread that replaces the connection; others only try it, so it has no place in the
            order of locks. Connections are opened while it is held.
        notifier: Notified of each change of the connection and of the session's phase.
    """

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.replacing = OwnedLock()
        self.notifier = Notifier()

    @property
    def present(self) -> Connection:
        """The connection of a session that has been opened."""
        assert self.connection is not None
        return self.connection

    def wake_reader(self) -> None:
        """Makes the reader look whether there is room in the queue again."""
        if self.connection is not None:
            self.connection.wake()
