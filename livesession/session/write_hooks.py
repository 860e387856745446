"""The hooks of messages that change whose turn it is: they count when the message is about to be written.

What is counted earlier, while a message waits for a connection, is forgotten when the connection is replaced, and
later answers are taken for those to other questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from livesession.connection.write_hook import WriteHook
from livesession.messages.enums import FunctionResponseScheduling
from livesession.session.turn_tracker import AnswerWindow

if TYPE_CHECKING:
    from livesession.messages.content import FunctionResponse
    from livesession.session.function_calls import Claimed
    from livesession.session.state import SessionState

__all__ = [
    "ActivityHook",
    "AnswerCrossed",
    "ClientHook",
    "InputHook",
    "InterruptionHook",
    "RequestHook",
    "ResponseHook",
]


class AnswerCrossed(Exception):
    """The answer to a function call may cross its cancellation: it is not to be written now, and perhaps never."""


class ClientHook(WriteHook):
    """The hook of a message of the client; here, one that asks for nothing.

    Attributes:
        answer: The number of the turn that answers the message; None where none does.
        interrupts: Whether the user goes on with it, so that the server may cancel the calls that the model waits for.
    """

    answer: int | None = None
    interrupts = False

    def __init__(self, state: SessionState) -> None:
        self._state = state

    def before_write(self) -> None:
        self.answer = self._count()
        if self.interrupts:
            self._state.calls.put_in_doubt()

    def on_not_sent(self) -> None:
        self._state.turns.withdrawn(self)
        self.answer = None

    def _count(self) -> int | None:
        """Counts the turn that answers the message, where it is counted, and returns its number."""
        return None


class InterruptionHook(ClientHook):
    """The hook of a message with which the user goes on."""

    interrupts = True


class RequestHook(InterruptionHook):
    """The hook of a complete turn of the user.

    Attributes:
        window: Where the answer begins.
    """

    window = AnswerWindow()
    _is_history = False

    def on_not_sent(self) -> None:
        super().on_not_sent()
        if self._is_history:
            self._is_history = False
            self._state.user.is_seeding = True

    def _count(self) -> int | None:
        if self._state.user.is_seeding:  # what comes up to the first turn_complete is history, which is not answered
            self._is_history = True
            self._state.user.is_seeding = False
            self.window = self._state.turns.to_receive()
            return None
        self.window = self._state.turns.requested(self)
        return self.window.answer


class InputHook(InterruptionHook):
    """The hook of realtime input that begins something new.

    Args:
        asks: Whether it asks for an answer.
    """

    def __init__(self, state: SessionState, *, asks: bool) -> None:
        super().__init__(state)
        self._asks = asks

    def _count(self) -> int | None:
        return self._state.turns.spoken(self, asks=self._asks)


class ActivityHook(InputHook):
    """The hook of the mark of where the user begins or ends to speak; the end asks for an answer."""

    def __init__(self, state: SessionState, *, begins: bool) -> None:
        super().__init__(state, asks=not begins)
        self._is_beginning = begins
        self._before: bool | None = None  # None where it was never about to be written

    def before_write(self) -> None:
        super().before_write()
        self._before = self._state.user.is_speaking
        self._state.user.is_speaking = self._is_beginning

    def on_not_sent(self) -> None:
        super().on_not_sent()
        if self._before is not None:
            self._state.user.is_speaking, self._before = self._before, None


class ResponseHook(ClientHook):
    """The hook of answers to function calls.

    Args:
        claimed: The answers and their calls.
        before: Called when it is sure that they go out.
    """

    def __init__(self, state: SessionState, claimed: Sequence[Claimed], before: Callable[[], None]) -> None:
        super().__init__(state)
        self._claimed = claimed
        self._before = before

    def before_write(self) -> None:
        """Raises `AnswerCrossed`."""
        if not all(self._state.calls.wants_answer(call) for call, _ in self._claimed if call is not None):
            raise AnswerCrossed
        super().before_write()
        self._before()

    def _count(self) -> int | None:
        turns = self._state.turns
        spoken_of = [call for call, answer in self._claimed if call is not None and makes_the_model_speak(answer)]
        number = None
        if any(not call.is_waited_for for call in spoken_of):
            number = turns.prompted(self)
        elif spoken_of:
            turns.responded()
        for call, answer in self._claimed:
            if call is not None:
                owed = call.turn if call.is_waited_for else turns.last_owed
                is_last = not answer.will_continue
                self._state.calls.note_response(call, owed if call in spoken_of else None, is_last=is_last)
        return number

    def on_not_sent(self) -> None:
        super().on_not_sent()
        for call, _ in self._claimed:
            if call is not None:
                self._state.calls.withdraw_response(call)


def makes_the_model_speak(answer: FunctionResponse) -> bool:
    """Whether the model will speak of an answer."""
    is_silent = answer.scheduling == FunctionResponseScheduling.SILENT
    return not is_silent and bool(answer.response or answer.parts)
