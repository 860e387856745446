"""Function calls in an audio conversation that no function given as a tool answers: a handler of the user's does."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from livesession.errors import InvalidRequestError, LiveSessionError
from livesession.messages.content import FunctionCall, FunctionResponse
from livesession.session.live_session import LiveSession, core_of
from livesession.sync.worker_pool import WorkerPool

if TYPE_CHECKING:
    from livesession.logs import SessionLog
    from livesession.messages.server import LiveServerToolCall
    from livesession.sync.deadline import Deadline

__all__ = ["CallHandler", "FunctionCallingHandler"]

FunctionCallingHandler = Callable[[Sequence[FunctionCall]], FunctionResponse | Sequence[FunctionResponse]]
"""Is given the calls of one message, and returns their answers, each with the id of its call.

Where it returns none, an empty list, `session.send_function_responses()` is to answer later. What cannot be sent, such
as an answer to another id, is an error for the model, which would wait for ever.
"""

AT_ONCE = 4  # messages with calls that are handled at the same time


class CallHandler:
    """Runs the handler off the thread that receives, so that playing and interrupting go on meanwhile."""

    def __init__(self, session: LiveSession, handler: FunctionCallingHandler | None) -> None:
        self._session = session
        self._log = core_of(session).state.log
        self._handler = handler
        self._pool = WorkerPool(AT_ONCE)
        self._open: set[int] = set()  # messages that are handled, or wait for it
        self._numbers = itertools.count()
        self._threads: set[int] = set()

    @property
    def is_at_work(self) -> bool:
        """Whether the handler, or a function given as a tool, has not answered yet."""
        calls = core_of(self._session).state.calls
        return bool(self._open) or calls.is_at_work or (calls.is_any_open and not calls.waiting)

    @property
    def is_current_thread(self) -> bool:
        """Whether this is called by the handler."""
        return threading.get_ident() in self._threads

    def take(self, message: LiveServerToolCall) -> None:
        """Has those of its calls handled that no function answers."""
        pending = {call.id for call in self._session.pending_calls}
        calls = [call for call in message.function_calls if call.id in pending]
        if calls and self._handler is not None:
            self._open.add(number := next(self._numbers))
            self._pool.submit(functools.partial(self._handle, self._handler, calls, number))

    def _handle(self, handler: FunctionCallingHandler, calls: Sequence[FunctionCall], number: int) -> None:
        self._threads.add(threading.get_ident())
        try:
            if answers := answers_of(handler, calls, self._log):
                self._answer(calls, answers)
        finally:
            self._threads.discard(threading.get_ident())
            self._open.discard(number)

    def _answer(self, calls: Sequence[FunctionCall], answers: Sequence[FunctionResponse]) -> None:
        try:
            self._session.send_function_responses(answers)
        except (InvalidRequestError, TypeError) as error:
            self._log.warning("the answers of the function calling handler were not sent: %s", error)
            pending = {call.id for call in self._session.pending_calls}
            self._tell([error_for(call, error) for call in calls if call.id in pending])
        except LiveSessionError as error:
            self._log.warning("the answers of the function calling handler were not sent: %s", error)

    def _tell(self, errors: Sequence[FunctionResponse]) -> None:
        try:
            if errors:
                self._session.send_function_responses(errors)
        except LiveSessionError as error:
            self._log.warning("the model was not told that the function calling handler failed: %s", error)

    def close(self, deadline: Deadline) -> None:
        """Handles no more; waits for what is being handled."""
        self._pool.stop()
        self._pool.join(deadline)


def answers_of(
    handler: FunctionCallingHandler, calls: Sequence[FunctionCall], log: SessionLog
) -> Sequence[FunctionResponse]:
    """Returns what the handler answers, or what it raised as errors for the model."""
    try:
        answers = handler(calls)
        return [answers] if isinstance(answers, FunctionResponse) else list(answers)
    except BaseException as error:  # the model must not wait for ever for what a handler failed to say
        log.warning("the function calling handler failed", exc_info=error)
        return [error_for(call, error) for call in calls]


def error_for(call: FunctionCall, error: BaseException) -> FunctionResponse:
    from livesession.tools.results import as_error

    return FunctionResponse(id=call.id, name=call.name, response=as_error(error, str))
