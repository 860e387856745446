"""The states of a connection, in one table.

    state       meaning                                       send          receive            close
    ---------   -------------------------------------------   -----------   ----------------   ----------------
    OPENING     name, TCP, proxy, TLS, upgrade                not yet       not yet            gives up
    SETUP       upgraded; `setup` sent, answer awaited        setup only    not yet            starts CLOSING
    OPEN        the conversation                              yes           yes                starts CLOSING
    CLOSING     this side's close frame is going out          raises        what had arrived   waits for the end
    CLOSED      over; `CloseInfo` says how                    raises        what had arrived   returns

All that happens is an event; an event that a state does not list changes nothing (a second close, a failure after
the end). Two threads may report an end at the same time; the first wins.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from livesession.sync.state_machine import StateMachine

if TYPE_CHECKING:
    from livesession.connection.close_info import CloseInfo

__all__ = ["ConnectionEvent", "ConnectionState", "ConnectionStates", "connection_states"]


class ConnectionState(Enum):
    """The states of a connection."""

    OPENING = "opening"
    SETUP = "setup"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class ConnectionEvent(Enum):
    """The events that move a connection on."""

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

ConnectionStates: TypeAlias = "StateMachine[ConnectionState, ConnectionEvent, CloseInfo]"
"""Where one connection stands; the detail is how it ended, from the moment on when that was decided."""


def connection_states() -> ConnectionStates:
    """Returns the states of a new connection, which is OPENING."""
    return StateMachine(TRANSITIONS, ConnectionState.OPENING, keeps_first_detail=True)
