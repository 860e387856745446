"""The handle that another process takes a conversation up by: it comes a moment after the answer it stands for."""

from __future__ import annotations

from collections.abc import Callable

from livesession.logs import logger
from livesession.session.live_session import LiveSession
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["HandleWaiter", "OnHandle", "log_errors"]

OnHandle = Callable[[str], None]
"""Stores the newest handle."""


class HandleWaiter:
    """Waits, at the end of a lease, for the handle that stands for all turns of that lease.

    The server sends it behind `turnComplete`, as `sessionResumptionUpdate`; a handle that is stored before that stands
    for an earlier point, and who goes on from there has forgotten the last answer.
    """

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._turns = session._conversation.turns.completed

    def wait(self, timeout: float) -> None:
        """Waits at most so many seconds; not at all where no handle is to be expected."""
        session, conversation = self._session, self._session._conversation
        if session._resumption is None or conversation.turns.completed == self._turns or conversation.is_going_on:
            return
        notifier, inbox = Notifier(), conversation.inbox
        before, inbox.on_arrival = inbox.on_arrival, notifier.notify
        try:
            is_settled = notifier.wait_until(lambda: conversation.is_at_rest or session.is_closed, Deadline(timeout))
        finally:
            inbox.on_arrival = before
        if not is_settled:
            conversation.log.warning(
                "no resumption handle came within %g s: another process goes on before this turn", timeout
            )


def log_errors(on_handle: OnHandle | None) -> OnHandle | None:
    """Stores a handle; what goes wrong with that is logged, since the answer is complete all the same."""
    if on_handle is None:
        return None

    def store(handle: str) -> None:
        try:
            on_handle(handle)
        except Exception as error:
            logger.error("the handle of an answer could not be stored: on_handle failed", exc_info=error)

    return store
