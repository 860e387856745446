"""Runs the functions that were given as tools when the model calls them, and sends what they answer."""

from __future__ import annotations

import contextvars
import functools
import math
import sys
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from livesession.errors import InvalidRequestError, LiveSessionError, ToolCancelled, ToolError
from livesession.messages.content import FunctionCall, FunctionResponse
from livesession.messages.enums import Behavior
from livesession.messages.fields import JSONObject
from livesession.session.function_calls import Outcome, ToolResult, ToolStatistics, TrackedCall
from livesession.session.function_responder import FunctionResponder
from livesession.session.receive_queue import QueuedMessage
from livesession.session.state import SessionState
from livesession.sync.deadline import Deadline
from livesession.sync.worker_pool import WorkerPool
from livesession.tools.declare.arguments import BadArguments
from livesession.tools.function_tool import FunctionTool
from livesession.tools.job import Job, answers, unknown_function
from livesession.tools.results import BadAnswer, as_error
from livesession.tools.time_limits import TimeLimits
from livesession.tools.tool_options import ToolOptions

__all__ = ["ToolRunner"]

LATEST = sys.maxsize  # behind every frame that has come


class ToolRunner:
    """Answers the calls of one session, on threads of its own.

    Who claims a call in the ledger first gives its one answer: the function, or the timer when its time is over.

    Args:
        tools: The functions, by name.
        by_hand: The names of functions that others answer.
        options: How to run them.
        conversation: The session's.
        answering: Sends the answers.
        in_parts: Whether the back end takes an answer in several parts.
    """

    def __init__(
        self,
        tools: Mapping[str, FunctionTool],
        by_hand: Collection[str],
        options: ToolOptions,
        conversation: SessionState,
        answering: FunctionResponder,
        *,
        in_parts: bool,
    ) -> None:
        self._tools = tools
        self._by_hand = by_hand
        self._options = options
        self._conversation = conversation
        self._answering = answering
        self._in_parts = in_parts
        self._context = contextvars.copy_context()  # that of connect()
        self._pool = WorkerPool(options.concurrency)
        self._limits: TimeLimits[Job] = TimeLimits(self._expire)
        # Guards the two fields below; no other lock is taken inside. A signal handler on top, in close(), may take it
        # again.
        self._lock = threading.RLock()
        self._jobs: dict[TrackedCall, Job] = {}  # those that have not returned yet
        self._counts: Counter[str] = Counter()

    @property
    def statistics(self) -> ToolStatistics:
        with self._lock:
            return ToolStatistics(running=len(self._jobs), **self._counts)

    # What the ledger tells.

    def takes(self, call: FunctionCall) -> bool:
        """Also one of a function that nobody has declared, which is told so."""
        return call.name in self._tools or call.name not in self._by_hand

    def on_calls(self, calls: Sequence[TrackedCall]) -> None:
        """Reader: they were made; has them run."""
        for call in calls:
            tool = self._tools.get(call.call.name) or unknown_function(call.call.name, list(self._tools))
            job = Job(call, tool, self._limit(tool))
            with self._lock:
                self._jobs[call] = job
                self._counts["calls"] += 1
            if not call.is_open:  # the session was closed just before, and nobody knew of the job
                job.source.cancel(call.why_gone)
            try:
                self._begin(job)
            except RuntimeError as error:
                self._conversation.log.error(
                    "the function %s cannot be run, and the call stays unanswered: %s", job.name, error
                )

    def _limit(self, tool: FunctionTool) -> float | None:
        seconds = tool.timeout
        if seconds is None and tool.declaration.behavior != Behavior.NON_BLOCKING:
            seconds = self._options.timeout
        return None if seconds == math.inf else seconds

    def _begin(self, job: Job) -> None:
        if job.limit is not None:
            self._limits.watch(job, job.limit)
        # A copy for each call: a context cannot be entered twice at the same time.
        self._pool.submit(functools.partial(self._context.copy().run, self._work, job))

    def on_gone(self, calls: Sequence[TrackedCall], why: str) -> None:
        """Any thread: nobody wants their answers any more."""
        with self._lock:
            jobs = [self._jobs[call] for call in calls if call in self._jobs]
        for job in jobs:
            job.source.cancel(why)

    # On a thread of the pool.

    def _work(self, job: Job) -> None:
        try:
            self._run(job)
        except BaseException as error:  # a fault of this library, or of a log handler
            self._log_failure(job, error)
        finally:
            self._limits.forget(job)
            with self._lock:
                self._jobs.pop(job.call, None)

    def _run(self, job: Job) -> None:
        if job.token.is_cancelled:  # while it waited for a thread
            self._drop(job, {})
            return
        job.thread = threading.get_ident()
        try:
            for answer in answers(job, in_parts=self._in_parts):
                check_time(job)
                if not self._send_or_drop(job, answer, "answered"):
                    return
                check_time(job)  # which may have come while a part was on its way
        except ToolCancelled as error:
            self._send_or_drop(job, self._error(job, error), "timed_out" if job.token.is_cancelled else "failed")
        except BaseException as error:  # SystemExit too: a function must not end the thread
            self._send_or_drop(job, self._error(job, error), "failed")  # first, as a log handler may fail
            self._log(job, error)

    def _log_failure(self, job: Job, error: BaseException) -> None:
        with suppress(Exception):  # perhaps it was the log handler
            self._conversation.log.error("the call of %s could not be answered", job.name, exc_info=error)

    def _log(self, job: Job, error: BaseException) -> None:
        if isinstance(error, BadArguments):
            self._conversation.log.warning("the model called %s wrongly: %s", job.name, error)
        elif isinstance(error, ToolError):
            self._conversation.log.info("the function %s answered with an error: %s", job.name, error)
        elif isinstance(error, (BadAnswer, LiveSessionError)):
            self._conversation.log.warning("the function %s, called by the model, failed: %s", job.name, error)
        else:
            self._conversation.log.warning("the function %s, called by the model, failed", job.name, exc_info=error)

    def _error(self, job: Job, error: BaseException) -> FunctionResponse:
        return job.answer(FunctionResponse(response=as_error(error, self._conversation.redact)))

    # On the thread of the time limits.

    def _expire(self, job: Job) -> None:
        waited = "" if job.thread else f"; it was not begun, as {self._options.concurrency} others are running"
        reason = f"{job.name} took longer than {job.limit:g} s{waited}"
        with suppress(Exception):  # a log handler may fail
            self._conversation.log.warning("%s; the model is told so, and its answer will be dropped", reason)
        job.source.cancel(reason)
        try:
            self._send(job, self._error(job, ToolCancelled(reason)), "timed_out")
        except Exception as error:
            self._log_failure(job, error)

    # On both.

    def _send_or_drop(self, job: Job, answer: FunctionResponse, outcome: Outcome) -> bool:
        is_sent = self._send(job, answer, outcome)
        if not is_sent:
            self._drop(job, answer.response or job.last)
        return is_sent

    def _send(self, job: Job, answer: FunctionResponse, outcome: Outcome) -> bool:
        """Whether it was sent, and was wanted."""
        response = answer.response or job.last

        def tell() -> None:
            if answer.will_continue:
                job.last = response
            else:  # before the model can go on, and the consumer be past the turn
                self._tell(job, outcome, response)

        try:
            is_sent = self._answering.automatic(job.call, answer, tell)
        except LiveSessionError as error:
            if outcome == "answered" and isinstance(error, InvalidRequestError):
                raise  # as an answer of its own: the model would wait without an end
            self._conversation.log.warning("the answer of the function %s was not sent: %s", job.name, error)
            is_sent = False
        if is_sent and not answer.will_continue:
            self._count(outcome)
            self._conversation.log.debug("the function %s: %s after %.3f s", job.name, outcome, job.seconds)
        return is_sent

    def _drop(self, job: Job, response: JSONObject) -> None:
        self._tell(job, "dropped", response)
        self._count("dropped")
        self._conversation.log.debug("the function %s: its answer is dropped after %.3f s", job.name, job.seconds)

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1

    def _tell(self, job: Job, outcome: Outcome, response: JSONObject) -> None:
        """Gives the consumer the one record of the call."""
        with self._lock:
            is_first, job.is_recorded = not job.is_recorded, True
        if is_first and self._options.messages:
            call, turns = job.call, self._conversation.turns
            result = ToolResult(call=call.call, response=response, outcome=outcome, seconds=job.seconds)
            # That of a call for which the model did not wait belongs to the turn in which it comes.
            turn, serial = (call.turn, call.serial) if call.is_blocking else (turns.completed, LATEST)
            self._conversation.put_aside(QueuedMessage(result, turn, serial, ends_turn=False, cost=0))

    # The end.

    def stop(self) -> None:
        """Runs no more calls, and forgets those that wait for a thread; tokens are set by `on_gone()`."""
        with self._lock:
            self._jobs = {call: job for call, job in self._jobs.items() if job.thread}
        self._pool.stop()
        self._limits.stop()

    def join(self, deadline: Deadline) -> None:
        """Waits for the functions to return, after `stop()`, but not for the one that calls this."""
        self._pool.join(deadline)
        self._limits.join(deadline)
        with self._lock:
            left = sorted(job.name for job in self._jobs.values() if job.thread != threading.get_ident())
        if left:
            self._conversation.log.warning(
                "close() does not wait any longer for functions that still run: %s", ", ".join(left)
            )


def check_time(job: Job) -> None:
    """Raises `ToolCancelled` when the time of a call is up that nobody has given up."""
    if job.call.is_open:
        job.token.check()
