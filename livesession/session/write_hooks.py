"""The journals of messages that change whose turn it is: kept when it is their turn to be written.

What is counted earlier, while a message waits for a connection, is forgotten when the connection is replaced, and
later answers are taken for those to other questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from livesession.messages.enums import FunctionResponseScheduling
from livesession.session.function_calls import Claimed
from livesession.session.state import SessionState
from livesession.session.turn_tracker import AnswerWindow

__all__ = ["Activity", "Asking", "Crossed", "Interruption", "Question", "Reply", "Spoken"]


class Crossed(Exception):
    """The answer to a function call may cross its cancellation: it is not to be written now, and perhaps never."""


class Asking:
    """The journal of one message; `begins()` is called with the write lock held, so that turns are counted in order.

    Attributes:
        answer: The number of the turn that answers it; None where none does.
    """

    def __init__(self, conversation: SessionState) -> None:
        self._conversation = conversation
        self.answer: int | None = None

    def begins(self) -> None:
        """It is about to be written. What raises here stops it."""
        self.answer = self._count()

    def failed(self) -> None:
        """It did not go out after all."""
        if self.answer is not None:
            self._conversation.turns.withdrawn()
            self.answer = None

    def _count(self) -> int | None:
        """The number of the turn that answers it, where it is counted."""
        return None


class Interruption(Asking):
    """The user goes on: the server may cancel the calls that the model waits for."""

    def begins(self) -> None:
        super().begins()
        self._conversation.calls.put_in_doubt()


class Question(Interruption):
    """A turn of the user that is complete.

    Attributes:
        span: Where the answer begins.
    """

    def __init__(self, conversation: SessionState) -> None:
        super().__init__(conversation)
        self.span = AnswerWindow()
        self._is_history = False

    def failed(self) -> None:
        super().failed()
        if self._is_history:
            self._conversation.is_seeding, self._is_history = True, False

    def _count(self) -> int | None:
        conversation = self._conversation
        if conversation.is_seeding:  # what comes up to the first turn_complete is history, which is not answered
            conversation.is_seeding, self._is_history = False, True
            self.span = conversation.turns.to_receive()
            return None
        self.span = conversation.turns.requested()
        return self.span.answer


class Spoken(Interruption):
    """Realtime input that begins something new.

    Args:
        asks: Whether it asks for an answer.
    """

    def __init__(self, conversation: SessionState, *, asks: bool) -> None:
        super().__init__(conversation)
        self._asks = asks

    def _count(self) -> int | None:
        return self._conversation.turns.spoken(asks=self._asks)


class Activity(Spoken):
    """The mark of where the user begins or ends to speak; the end asks for an answer."""

    def __init__(self, conversation: SessionState, *, begins: bool) -> None:
        super().__init__(conversation, asks=not begins)
        self._is_beginning = begins
        self._before: bool | None = None  # None where it was never about to be written

    def begins(self) -> None:
        super().begins()
        self._before, self._conversation.is_speaking = self._conversation.is_speaking, self._is_beginning

    def failed(self) -> None:
        super().failed()
        if self._before is not None:
            self._conversation.is_speaking, self._before = self._before, None


class Reply(Asking):
    """Answers to function calls.

    Args:
        claimed: The answers and their calls.
        before: Called when it is sure that they go out.
    """

    def __init__(self, conversation: SessionState, claimed: Sequence[Claimed], before: Callable[[], None]) -> None:
        super().__init__(conversation)
        self._claimed = claimed
        self._before = before

    def begins(self) -> None:
        """Raises `Crossed`."""
        if not all(self._conversation.calls.wants_answer(call) for call, _ in self._claimed if call is not None):
            raise Crossed
        super().begins()
        self._before()

    def _count(self) -> int | None:
        is_spoken_of = any(map(makes_the_model_speak, self._claimed))
        return self._conversation.turns.prompted() if is_spoken_of else None


def makes_the_model_speak(claimed: Claimed) -> bool:
    """Whether an answer begins a turn of its own, where none is going on."""
    call, answer = claimed
    is_silent = answer.scheduling == FunctionResponseScheduling.SILENT
    return call is not None and not call.is_blocking and not is_silent and bool(answer.response or answer.parts)
