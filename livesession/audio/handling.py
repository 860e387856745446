"""Function calls in an audio conversation that no function given as a tool answers: a handler of the user's does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from livesession.connection.deadline import Deadline
from livesession.conversation import logger
from livesession.errors import LiveSessionError
from livesession.tools.pool import WorkerPool
from livesession.types.content import FunctionCall, FunctionResponse
from livesession.types.server import LiveServerToolCall

if TYPE_CHECKING:
    from livesession.session import LiveSession

__all__ = ["CallHandler", "FunctionCallingHandler"]

FunctionCallingHandler = Callable[[Sequence[FunctionCall]], FunctionResponse | Sequence[FunctionResponse]]
"""Is given the calls of one message, and returns their answers, each with the id of its call."""

AT_ONCE = 4  # messages with calls that are handled at the same time


class CallHandler:
    """Runs the handler off the thread that receives, so that playing and interrupting go on meanwhile."""

    def __init__(self, session: LiveSession, handler: FunctionCallingHandler | None) -> None:
        self._session = session
        self._handler = handler
        self._pool = WorkerPool(AT_ONCE)

    def take(self, message: LiveServerToolCall) -> None:
        """Has those of its calls handled that nobody else answers."""
        pending = {call.id for call in self._session.pending_calls}
        calls = [call for call in message.function_calls if call.id in pending]
        if calls and self._handler is not None:
            self._pool.submit(functools.partial(self._handle, self._handler, calls))

    def _handle(self, handler: FunctionCallingHandler, calls: Sequence[FunctionCall]) -> None:
        from livesession.tools.answers import as_error

        try:
            answers = handler(calls)
            responses = [answers] if isinstance(answers, FunctionResponse) else list(answers)
        except BaseException as error:  # the model must not wait for ever for what a handler failed to say
            logger.warning("the function calling handler failed", exc_info=error)
            response = as_error(error, str)
            responses = [FunctionResponse(id=call.id, name=call.name, response=response) for call in calls]
        try:
            self._session.send_function_responses(responses)
        except (LiveSessionError, TypeError) as error:
            logger.warning("the answers of the function calling handler were not sent: %s", error)

    def close(self, deadline: Deadline) -> None:
        """Handles no more; waits for what is being handled."""
        self._pool.stop()
        self._pool.join(deadline)
