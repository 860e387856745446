"""The states of a connection, in one table.

    state       meaning                                       send          receive            close
    ---------   -------------------------------------------   -----------   ----------------   ----------------
    OPENING     name, TCP, proxy, TLS, upgrade                not yet       not yet            gives up
    SETUP       upgraded; `setup` sent, answer awaited        setup only    not yet            starts CLOSING
    OPEN        the conversation                              yes           yes                starts CLOSING
    CLOSING     this side's close frame is going out          raises        what had arrived   waits for the end
    CLOSED      over; `CloseInfo` says how                       raises        what had arrived   returns

Whatever happens is an event; an event that a state does not list changes nothing (a second close, a failure after
the end). Two threads may report an end at the same time; the first wins.
"""

from __future__ import annotations

import threading
from enum import Enum

from livesession.connection.close_info import CloseInfo

__all__ = ["ConnectionEvent", "ConnectionState", "StateMachine"]


class ConnectionState(Enum):
    OPENING = "opening"
    SETUP = "setup"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class ConnectionEvent(Enum):
    UPGRADED = "the WebSocket stands"
    SETUP_COMPLETE = "setupComplete came"
    LOCAL_CLOSE = "close() was called"
    ENDED = "close frame, end of stream, failure, or the close deadline"


TRANSITIONS: dict[tuple[ConnectionState, ConnectionEvent], ConnectionState] = {
    (ConnectionState.OPENING, ConnectionEvent.UPGRADED): ConnectionState.SETUP,
    (ConnectionState.OPENING, ConnectionEvent.LOCAL_CLOSE): ConnectionState.CLOSED,
    (ConnectionState.OPENING, ConnectionEvent.ENDED): ConnectionState.CLOSED,
    (ConnectionState.SETUP, ConnectionEvent.SETUP_COMPLETE): ConnectionState.OPEN,
    (ConnectionState.SETUP, ConnectionEvent.LOCAL_CLOSE): ConnectionState.CLOSING,
    (ConnectionState.SETUP, ConnectionEvent.ENDED): ConnectionState.CLOSED,
    (ConnectionState.OPEN, ConnectionEvent.LOCAL_CLOSE): ConnectionState.CLOSING,
    (ConnectionState.OPEN, ConnectionEvent.ENDED): ConnectionState.CLOSED,
    (ConnectionState.CLOSING, ConnectionEvent.ENDED): ConnectionState.CLOSED,
}


class StateMachine:
    """Where a connection is, and how it ended."""

    __slots__ = ("_ending", "_lock", "_state")

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the two fields below; held for assignments only, no other lock inside
        self._state = ConnectionState.OPENING
        self._ending: CloseInfo | None = None

    @property
    def state(self) -> ConnectionState:
        return self._state

    @property
    def ending(self) -> CloseInfo | None:
        """How it ended, from the moment on when that was decided; None before."""
        return self._ending

    def on(self, event: ConnectionEvent, ending: CloseInfo | None = None) -> bool:
        """Moves on; False when the event changes nothing here. The first `ending` given is kept."""
        with self._lock:
            following = TRANSITIONS.get((self._state, event))
            if following is None:
                return False
            self._state = following
            self._ending = self._ending or ending
            return True
