"""Opens the session of a lease: the one that is there, or another one that goes on where the conversation stands."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from livesession.errors import SessionClosedError, SetupRejectedError
from livesession.logs import logger
from livesession.session.live_session import LiveSession
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.web.leases import Lease

__all__ = ["Connect", "session_at"]

Connect = Callable[[str | None], LiveSession]
"""Opens a session: a new conversation for None, else the one that the resumption handle stands for."""

NO_SUCH_SESSION = 1008  # the close code for a handle that the server does not know, or not any more, and
OPEN_ELSEWHERE = 1011  # for one whose session is open still, such as in a process that is about to close it
STILL_OPEN = 3.0  # seconds for which that is tried again
PAUSE = 0.2  # seconds in between


def session_at(lease: Lease, handle: str | None, connect: Connect) -> LiveSession:
    """Returns the session of a lease that was taken; opens one if there is none that stands at the handle or behind it.

    Raises `SessionClosedError` when the visitor has left meanwhile, and what `connect` raises.
    """
    session = lease.session
    if session is not None:
        lease.note_handle(session.resumption_handle)
        if not session.is_closed and (handle is None or handle in lease.handles):
            return session
        session.close()
    handle = lease.newest(handle)
    lease.session = session = open_session(handle, connect)
    if lease.is_unwanted:
        session.close()
        raise SessionClosedError("The visitor left, or the pool was closed, while the session was being opened.")
    lease.handles.clear()
    lease.note_handle(handle)
    return session


def open_session(handle: str | None, connect: Connect) -> LiveSession:
    """A session that goes on at the handle; a new conversation, where the server does not know that any more."""
    patience = Deadline(STILL_OPEN)
    while True:
        try:
            return connect(handle)
        except SetupRejectedError as error:
            if handle is None or error.code not in (NO_SUCH_SESSION, OPEN_ELSEWHERE):
                raise
            if error.code == NO_SUCH_SESSION:
                logger.warning("a conversation cannot be taken up again, and a new one begins: %s", error)
                handle = None
            elif patience.expired():
                raise
            else:
                time.sleep(patience.within(PAUSE))
