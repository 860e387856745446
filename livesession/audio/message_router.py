"""Routes the messages of an audio conversation: each goes to the parts that it concerns, and to the user."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from livesession.audio.transcripts import SpokenText, Transcripts
from livesession.errors import ProtocolError, ReceiveTimeout
from livesession.messages.server import LiveServerContent, LiveServerMessage, LiveServerToolCall
from livesession.resumption.policy import LiveSessionResumed

if TYPE_CHECKING:
    from livesession.audio.answer_tracker import AnswerTracker
    from livesession.audio.call_handler import CallHandler
    from livesession.audio.downlink import Downlink
    from livesession.logs import SessionLog
    from livesession.session.streams import MessageStream

__all__ = ["MessageRouter"]

T = TypeVar("T")


class MessageRouter:
    """Receives them one by one, on the thread of the conversation.

    Attributes:
        last_at: When something came last, or went on, on the monotonic clock.
    """

    def __init__(
        self,
        stream: MessageStream,
        speaking: Downlink,
        calls: CallHandler,
        answer: AnswerTracker,
        log: SessionLog,
        on_transcript: Callable[[SpokenText], None] | None,
        on_message: Callable[[LiveServerMessage], None] | None,
    ) -> None:
        self._stream = stream
        self._speaking = speaking
        self._calls = calls
        self._answer = answer
        self._log = log
        self._on_transcript = on_transcript
        self._on_message = on_message
        self._transcripts = Transcripts()
        self.last_at = time.monotonic()

    def receive(self) -> None:
        """Waits for the next one for a moment. Raises `StopIteration`, and why the session has ended."""
        try:
            message = next(self._stream)
        except ReceiveTimeout:
            return
        except ProtocolError as error:
            self._log.warning("in an audio conversation: %s", error)
            return
        self.last_at = time.monotonic()
        self._answer.take(message)
        self._take(message)
        self._call_back(self._on_message, message)

    def is_answered(self) -> bool:
        """Whether all that was said to the user's input, which has ended, has been heard."""
        if self._calls.is_at_work:
            self.last_at = time.monotonic()
        if self._speaking.is_heard or time.monotonic() - self.last_at < self._answer.patience:
            return False
        if self._answer.is_owed:
            self._log.warning("the model has not answered within %g s", self._answer.patience)
        return True

    def close(self) -> None:
        """No more will come: what was said and not ended is told as it is."""
        self._tell(self._transcripts.close())

    def _take(self, message: LiveServerMessage) -> None:
        if isinstance(message, LiveServerContent):
            self._speaking.play(message)
            self._tell(self._transcripts.add(message))
        elif isinstance(message, LiveServerToolCall):
            self._calls.take(message)
        elif isinstance(message, LiveSessionResumed):  # the turn that was cut off does not go on
            self._speaking.end_turn()
            self._tell(self._transcripts.close())

    def _tell(self, texts: Iterable[SpokenText]) -> None:
        for text in texts:
            self._call_back(self._on_transcript, text)

    def _call_back(self, callback: Callable[[T], None] | None, value: T) -> None:
        """Calls the user's code, whose failures do not end the conversation."""
        if callback is not None:
            try:
                callback(value)
            except Exception as error:
                self._log.error("a callback of the audio conversation failed", exc_info=error)
