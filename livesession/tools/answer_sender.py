"""Sends the answers of functions, and tells the consumer, the log and the statistics what became of each call."""

from __future__ import annotations

import sys

from livesession.errors import InvalidRequestError, LiveSessionError
from livesession.messages.content import FunctionResponse
from livesession.messages.fields import JSONObject
from livesession.session.function_calls import Outcome, ToolResult
from livesession.session.function_responder import FunctionResponder
from livesession.session.receive_queue import QueuedMessage
from livesession.session.state import SessionState
from livesession.tools.job import Job
from livesession.tools.job_table import JobTable

__all__ = ["AnswerSender"]

LATEST = sys.maxsize  # a serial behind that of every frame


class AnswerSender:
    """Sends the answers of one session's jobs; used by the worker threads and by that of the time limits.

    The call tracker decides which of them answers: the first one that claims the call.

    Args:
        jobs: The session's jobs, which are counted and marked there.
        state: The session's state.
        responder: Writes the answers to the connection.
        has_messages: Whether the consumer gets a `ToolResult` for each call.
    """

    def __init__(
        self, jobs: JobTable, state: SessionState, responder: FunctionResponder, *, has_messages: bool
    ) -> None:
        self._jobs = jobs
        self._state = state
        self._responder = responder
        self._has_messages = has_messages

    def send_or_drop(self, job: Job, answer: FunctionResponse, outcome: Outcome) -> bool:
        """Sends an answer as `send()` does; one that is not sent is counted as dropped."""
        is_sent = self.send(job, answer, outcome)
        if not is_sent:
            self.drop(job, answer.response or job.last)
        return is_sent

    def send(self, job: Job, answer: FunctionResponse, outcome: Outcome) -> bool:
        """Sends an answer, or a part of one; False where it is not wanted any more, or could not be sent.

        Raises `InvalidRequestError` for what a function returned and the server would refuse.
        """
        response = answer.response or job.last

        def before_write() -> None:
            if answer.will_continue:
                job.last = response
            else:  # now, before the model can go on and the consumer be past the turn
                self._tell(job, outcome, response)

        try:
            is_sent = self._responder.answer(job.call, answer, before_write)
        except LiveSessionError as error:
            if outcome == "answered" and isinstance(error, InvalidRequestError):
                raise  # it is answered as an error of the function: the model would wait without an end
            self._state.log.warning("the answer of the function %s was not sent: %s", job.name, error)
            is_sent = False
        if is_sent and not answer.will_continue:
            self._jobs.count(outcome)
            self._state.log.debug("the function %s: %s after %.3f s", job.name, outcome, job.seconds)
        return is_sent

    def drop(self, job: Job, response: JSONObject) -> None:
        """Counts an answer that is not sent."""
        self._tell(job, "dropped", response)
        self._jobs.count("dropped")
        self._state.log.debug("the function %s: its answer is dropped after %.3f s", job.name, job.seconds)

    def _tell(self, job: Job, outcome: Outcome, response: JSONObject) -> None:
        """Gives the consumer the one record of a call."""
        if not self._jobs.mark_recorded(job) or not self._has_messages:
            return
        call, turns = job.call, self._state.turns
        result = ToolResult(call=call.call, response=response, outcome=outcome, seconds=job.seconds)
        # The result of a call for which the model did not wait belongs to the turn in which it comes.
        turn, serial = (call.turn, call.serial) if call.is_waited_for else (turns.completed, LATEST)
        self._state.put(QueuedMessage(result, turn, serial, ends_turn=False, cost=0))
