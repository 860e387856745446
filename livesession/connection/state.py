"""The states of a connection, in one table.

    state       meaning                                       send          receive            close
    ---------   -------------------------------------------   -----------   ----------------   ----------------
    OPENING     name, TCP, proxy, TLS, upgrade                not yet       not yet            gives up
    SETUP       upgraded; `setup` sent, answer awaited        setup only    not yet            starts CLOSING
    OPEN        the conversation                              yes           yes                starts CLOSING
    CLOSING     this side's close frame is going out          raises        what had arrived   waits for the end
    CLOSED      over; `Ending` says how                       raises        what had arrived   returns

Whatever happens is an event; an event that a state does not list changes nothing (a second close, a failure after
the end). Two threads may report an end at the same time; the first wins.
"""

from __future__ import annotations

import threading
from enum import Enum

from livesession.connection.closing import Ending

__all__ = ["Event", "State", "StateMachine"]


class State(Enum):
    OPENING = "opening"
    SETUP = "setup"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class Event(Enum):
    UPGRADED = "the WebSocket stands"
    SETUP_COMPLETE = "setupComplete came"
    LOCAL_CLOSE = "close() was called"
    ENDED = "close frame, end of stream, failure, or the close deadline"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.OPENING, Event.UPGRADED): State.SETUP,
    (State.OPENING, Event.LOCAL_CLOSE): State.CLOSED,
    (State.OPENING, Event.ENDED): State.CLOSED,
    (State.SETUP, Event.SETUP_COMPLETE): State.OPEN,
    (State.SETUP, Event.LOCAL_CLOSE): State.CLOSING,
    (State.SETUP, Event.ENDED): State.CLOSED,
    (State.OPEN, Event.LOCAL_CLOSE): State.CLOSING,
    (State.OPEN, Event.ENDED): State.CLOSED,
    (State.CLOSING, Event.ENDED): State.CLOSED,
}


class StateMachine:
    """Where a connection is, and how it ended."""

    __slots__ = ("_ending", "_lock", "_state")

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the two fields below; held for assignments only, no other lock inside
        self._state = State.OPENING
        self._ending: Ending | None = None

    @property
    def state(self) -> State:
        return self._state

    @property
    def ending(self) -> Ending | None:
        """How it ended, from the moment on when that was decided; None before."""
        return self._ending

    def on(self, event: Event, ending: Ending | None = None) -> bool:
        """Moves on; False when the event changes nothing here. The first `ending` given is kept."""
        with self._lock:
            following = TRANSITIONS.get((self._state, event))
            if following is None:
                return False
            self._state = following
            self._ending = self._ending or ending
            return True
