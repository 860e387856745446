"""The handle that another process takes a conversation up by: it comes a moment after the answer it stands for."""

from __future__ import annotations

from collections.abc import Callable

from livesession.logs import logger
from livesession.session.live_session import LiveSession, core_of
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
        core = core_of(session)
        self._state = core.state
        self._is_resumable = core.resumption is not None
        self._turns = core.state.turns.completed

    def wait(self, timeout: float) -> None:
        """Waits at most so many seconds; not at all where no handle is to be expected."""
        state = self._state
        if not self._is_resumable or state.turns.completed == self._turns or state.is_going_on:
            return
        notifier = Notifier()
        notify = notifier.notify  # one object, so that it can be removed
        state.queue.add_listener(notify)
        try:
            is_settled = notifier.wait_until(lambda: state.is_at_rest or state.is_over, Deadline(timeout))
        finally:
            state.queue.remove_listener(notify)
        if not is_settled:
            state.log.warning(
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
