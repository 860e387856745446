"""Runs the functions that were given as tools when the model calls them."""

from __future__ import annotations

import contextvars
import functools
import math
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from livesession.errors import LiveSessionError, ToolCancelled, ToolError
from livesession.messages.content import FunctionCall, FunctionResponse
from livesession.messages.enums import Behavior
from livesession.options import ToolOptions
from livesession.session.function_calls import Outcome, ToolStatistics, TrackedCall
from livesession.session.function_responder import FunctionResponder
from livesession.session.state import SessionState
from livesession.sync.deadline import Deadline
from livesession.sync.worker_pool import WorkerPool
from livesession.tools.answer_sender import AnswerSender
from livesession.tools.declare.arguments import BadArguments
from livesession.tools.function_tool import FunctionTool
from livesession.tools.job import Job, answers, unknown_function
from livesession.tools.job_table import JobTable
from livesession.tools.results import BadAnswer, as_error
from livesession.tools.time_limits import TimeLimits

__all__ = ["ToolRunner"]


class ToolRunner:
    """Runs the functions of one session on threads of its own, and sends their answers.

    A call gets one answer: that of the function, or an error when its time is over, whichever claims the call first.

    Args:
        tools: The functions, by name.
        by_hand: The names of functions whose calls are answered by hand.
        options: How to run the functions.
        state: The session's state.
        responder: Writes the answers to the connection.
        in_parts: Whether the back end takes an answer in several parts.
    """

    def __init__(
        self,
        tools: Mapping[str, FunctionTool],
        by_hand: Collection[str],
        options: ToolOptions,
        state: SessionState,
        responder: FunctionResponder,
        *,
        in_parts: bool,
    ) -> None:
        self._tools = tools
        self._by_hand = by_hand
        self._options = options
        self._state = state
        self._in_parts = in_parts
        self._context = contextvars.copy_context()  # that of connect()
        self._jobs = JobTable()
        self._sender = AnswerSender(self._jobs, state, responder, has_messages=options.messages)
        self._pool = WorkerPool(options.concurrency)
        self._limits: TimeLimits[Job] = TimeLimits(self._expire)

    @property
    def statistics(self) -> ToolStatistics:
        return self._jobs.statistics

    # The call tracker's listener.

    def takes(self, call: FunctionCall) -> bool:
        """Whether the call is answered here. A call of an undeclared function is, with an error."""
        return call.name in self._tools or call.name not in self._by_hand

    def on_calls(self, calls: Sequence[TrackedCall]) -> None:
        """Has new calls run; called on the reader thread."""
        for call in calls:
            tool = self._tools.get(call.call.name) or unknown_function(call.call.name, list(self._tools))
            job = Job(call, tool, self._limit(tool))
            self._jobs.add(job)
            if not call.is_open:  # closed by another thread just before the job was added, so on_gone() missed it
                job.source.cancel(call.why_gone)
            try:
                self._begin(job)
            except RuntimeError as error:
                self._state.log.error(
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
        """Sets the tokens of calls whose answers are not wanted any more; called on any thread."""
        for job in self._jobs.find(calls):
            job.source.cancel(why)

    # On a thread of the pool.

    def _work(self, job: Job) -> None:
        try:
            self._run(job)
        except BaseException as error:  # a fault of this library, or of a log handler
            self._log_failure(job, error)
        finally:
            self._limits.forget(job)
            self._jobs.remove(job)

    def _run(self, job: Job) -> None:
        if job.token.is_cancelled:  # while the job waited for a thread
            self._sender.drop(job, {})
            return
        job.thread = threading.get_ident()
        try:
            for answer in answers(job, in_parts=self._in_parts):
                check_time(job)
                if not self._sender.send_or_drop(job, answer, "answered"):
                    return
                check_time(job)  # the time may have run out while a part was on its way
        except ToolCancelled as error:
            outcome: Outcome = "timed_out" if job.token.is_cancelled else "failed"
            self._sender.send_or_drop(job, self._error(job, error), outcome)
        except BaseException as error:  # SystemExit too: a function must not end the thread
            self._sender.send_or_drop(job, self._error(job, error), "failed")  # first, as a log handler may fail
            self._log(job, error)

    def _error(self, job: Job, error: BaseException) -> FunctionResponse:
        return job.answer(FunctionResponse(response=as_error(error, self._state.redact)))

    def _log(self, job: Job, error: BaseException) -> None:
        if isinstance(error, BadArguments):
            self._state.log.warning("the model called %s wrongly: %s", job.name, error)
        elif isinstance(error, ToolError):
            self._state.log.info("the function %s answered with an error: %s", job.name, error)
        elif isinstance(error, (BadAnswer, LiveSessionError)):
            self._state.log.warning("the function %s, called by the model, failed: %s", job.name, error)
        else:
            self._state.log.warning("the function %s, called by the model, failed", job.name, exc_info=error)

    def _log_failure(self, job: Job, error: BaseException) -> None:
        with suppress(Exception):  # the log handler may be what failed
            self._state.log.error("the call of %s could not be answered", job.name, exc_info=error)

    # On the thread of the time limits.

    def _expire(self, job: Job) -> None:
        waited = "" if job.thread else f"; it was not begun, as {self._options.concurrency} others are running"
        reason = f"{job.name} took longer than {job.limit:g} s{waited}"
        with suppress(Exception):  # a log handler may fail
            self._state.log.warning("%s; the model is told so, and its answer will be dropped", reason)
        job.source.cancel(reason)
        try:
            self._sender.send(job, self._error(job, ToolCancelled(reason)), "timed_out")
        except Exception as error:
            self._log_failure(job, error)

    # The end.

    def stop(self) -> None:
        """Runs no more calls, and drops those that wait for a thread; `on_gone()` sets the tokens of the others."""
        self._jobs.remove_waiting()
        self._pool.stop()
        self._limits.stop()

    def join(self, deadline: Deadline) -> None:
        """Waits for the functions to return, after `stop()`; not for one that calls this itself."""
        self._pool.join(deadline)
        self._limits.join(deadline)
        names = self._jobs.names_running_elsewhere()
        if names:
            self._state.log.warning(
                "close() does not wait any longer for functions that still run: %s", ", ".join(names)
            )


def check_time(job: Job) -> None:
    """Raises `ToolCancelled` when the time of a call is over that the server still wants an answer to."""
    if job.call.is_open:
        job.token.check()
