"""One answer as a stream of server-sent events, with heartbeats while the model is silent."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from livesession.errors import ConfigurationError, InvalidRequestError, LiveSessionError, ProtocolError
from livesession.messages.client import LiveClientRealtimeInput
from livesession.options import check_timeout
from livesession.resumption.policy import LiveSessionResumed
from livesession.session import requests
from livesession.session.live_session import LiveSession, core_of
from livesession.session.question import Question
from livesession.session.streams import TurnStream
from livesession.sync.deadline import Deadline
from livesession.web.event_data import Describe, describe, end_event, failure_event
from livesession.web.sse import HEARTBEAT

if TYPE_CHECKING:
    from livesession.messages.server import LiveServerMessage
    from livesession.session.requests import Request

__all__ = ["AnswerEvents", "event_stream"]


class Silence(Exception):
    """No message came in time for the next heartbeat."""


class StreamedAnswer(TurnStream):  # type: ignore[misc]  # final for users: here the waits of the library itself are changed
    """A turn whose silences are told of, also those in which the model waits for a function."""

    def __init__(self, session: LiveSession, patience: float) -> None:
        super().__init__(core_of(session).state, patience, session)
        self._patience = patience
        self._heard_at = time.monotonic()

    def next_within(self, seconds: float) -> LiveServerMessage | None:
        """The next message; None when there is none for so many seconds. Raises as `next()` does."""
        self._timeout = min(seconds, self._patience)
        try:
            message = next(self, None)
        except Silence:
            return None
        self._heard_at = time.monotonic()
        return message

    @property
    def is_over(self) -> bool:
        """Whether the last message of the turn has been had."""
        return self._is_finished

    def _waits_on(self) -> bool:
        if self._doubt is not None and self._doubt.expired():
            return False
        now = time.monotonic()
        if self._state.calls.is_at_work:  # the time that functions take does not count as silence of the model
            self._heard_at = now
        if now - self._heard_at < self._patience:
            raise Silence
        self._timeout = self._patience  # which the error names
        return False


class AnswerEvents:
    """Follows one turn of the model.

    Args:
        session: Where the answer comes.
        heartbeat: Seconds without an event after which a comment is written.
        timeout: Seconds of silence of the model; None for `SessionOptions.turn_timeout`.
        describe: Makes events of messages.
    """

    def __init__(self, session: LiveSession, heartbeat: float, timeout: float | None, describe: Describe) -> None:
        if not heartbeat > 0:
            raise ConfigurationError(f"heartbeat is a number of seconds over 0, not {heartbeat!r}.")
        self._session = session
        self._core = core_of(session)
        self._heartbeat = heartbeat
        self._describe = describe
        self._question: Question | None = None
        silence = self._core.options.turn_timeout if timeout is None else check_timeout(timeout)
        self._answer = StreamedAnswer(session, silence)
        self._answer.claim()

    def ask(self, request: Request, *, realtime_text: bool) -> None:
        """Asks for the answer, where it was not asked for before. Raises as sending does."""
        try:
            if not request:
                raise InvalidRequestError("There is nothing to ask: the question is empty.")
            if realtime_text and isinstance(request, str):
                self._question = Question(self._core, requests.text_input(request), self._answer)
            else:
                message = requests.client_content(request, turn_complete=True)
                self._question = Question(self._core, message, self._answer)
            self._question.send()
        except BaseException:
            self._answer.close()
            raise

    def follow(self) -> Generator[str, None, str]:
        """Yields the events of the answer but the last one, which it returns."""
        try:
            yield from self._events()
        except LiveSessionError as error:
            if self._question is not None and isinstance(self._question.message, LiveClientRealtimeInput):
                # What is answered late could not be told from the answer to the next question.
                self._session.close(timeout=0.0)
            return failure_event(error)
        finally:
            self._answer.close()
        return end_event(self._answer.turn)

    def _events(self) -> Iterator[str]:
        due = Deadline(self._heartbeat)
        while not self._answer.is_over:
            message = self._next(due.within(self._heartbeat))
            for event in self._describe(message) if message is not None else ():
                yield event
                due = Deadline(self._heartbeat)
            if due.expired():  # also among messages of which the page is told nothing, such as audio
                yield HEARTBEAT
                due = Deadline(self._heartbeat)

    def _next(self, seconds: float) -> LiveServerMessage | None:
        try:
            message = self._answer.next_within(seconds)
        except ProtocolError as problem:
            self._core.state.log.warning("in the answer to a visitor: %s", problem)
            return None
        if isinstance(message, LiveSessionResumed) and self._question is not None:
            self._question.send_again_if_lost(message)
        return message


def event_stream(
    session: LiveSession,
    *,
    heartbeat: float = 15.0,
    timeout: float | None = None,
    describe: Describe = describe,
) -> Generator[str, None, None]:
    """The model's next turn as server-sent events, for a session that has been asked something.

    Yields what `describe()` makes of each message, a comment whenever there was nothing to yield for `heartbeat`
    seconds, and at last an `end` or a `failure` event. It raises nothing of the session's: what goes wrong is logged,
    and the page is told in words for visitors. Closing it, as a WSGI server does when the browser has gone, lets go of
    the session; the model is not interrupted by that.

    Args:
        session: No other consumer may receive from it meanwhile.
        heartbeat: Seconds; default 15. A closed tab shows only on a write, the second after it at the latest.
        timeout: Seconds of silence of the model; default `SessionOptions.turn_timeout`, 60.
        describe: Makes events of a message.

    Raises (from the first `next()`):
        ConfigurationError: `heartbeat` is not over 0.
        SessionClosedError: The session was closed, or its end has been reported before.
        ConcurrentReceiveError: Another thread is receiving from it.
    """
    core_of(session).check_receivable()
    yield (yield from AnswerEvents(session, heartbeat, timeout, describe).follow())
