"""Answers to function calls on their way out: each goes once, to a call that still wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from livesession.messages.client import LiveClientMessage, LiveClientToolResponse
from livesession.session import requests
from livesession.session.function_calls import Claimed, TrackedCall
from livesession.session.write_hooks import AnswerCrossed, ClientHook, ResponseHook

if TYPE_CHECKING:
    from livesession.messages.content import FunctionResponse
    from livesession.session.state import SessionState

__all__ = ["FunctionResponder", "SendMessage"]


class SendMessage(Protocol):
    """Sends a message within a number of seconds, None for the default."""

    def __call__(self, message: LiveClientMessage, timeout: float | None, hook: ClientHook | None = None, /) -> None:
        """Raises as sending does."""


class FunctionResponder:
    """Sends the answers of one session, those given by hand and those of functions that were given as tools.

    Args:
        state: The session's.
        send: Sends a message.
        ids_required: Whether the back end wants the calls' ids in their answers.
    """

    def __init__(self, state: SessionState, send: SendMessage, *, ids_required: bool) -> None:
        self._state = state
        self._calls = state.calls
        self._send_message = send
        self._ids_required = ids_required

    def answer_by_hand(self, answers: Iterable[FunctionResponse], timeout: float | None) -> None:
        """Sends those that are still wanted, in one message. Raises `InvalidRequestError` and as sending does."""
        message = requests.tool_response(answers, ids_required=self._ids_required)
        claimed = self._calls.claim(message.function_responses)
        if self._send(claimed, timeout, lambda: None) < len(message.function_responses):
            self._state.log.warning(
                "answers to function calls that were cancelled, or that the server has forgotten, not sent"
            )

    def answer(self, call: TrackedCall, answer: FunctionResponse, before: Callable[[], None]) -> bool:
        """Sends one; False where it is not wanted any more, or came too late. Raises the same.

        `before` is called when it is sure that it goes out, before the model can hear of it.
        """
        requests.tool_response([answer], ids_required=self._ids_required)
        return self._calls.claim_one(call) and bool(self._send([Claimed(call, answer)], None, before))

    def _send(self, claimed: Sequence[Claimed], timeout: float | None, before: Callable[[], None]) -> int:
        """Sends the answers that are wanted, and returns their number."""
        wanted = list(claimed)
        hook = ResponseHook(self._state, wanted, before)
        try:
            while wanted and not self._is_sent(wanted, timeout, hook):
                self._calls.await_verdict(call for call, _ in wanted if call is not None)
                wanted = [each for each in wanted if each.call is None or each.call.is_open]
                hook = ResponseHook(self._state, wanted, before)
        except BaseException:
            for call, answer in wanted:  # Ctrl-C may come when they are out already
                self._calls.settle(call, is_answered=hook.is_sent and not answer.will_continue)
            raise
        for call, answer in wanted:
            self._calls.settle(call, is_answered=not answer.will_continue)
        return len(wanted)

    def _is_sent(self, claimed: Sequence[Claimed], timeout: float | None, hook: ResponseHook) -> bool:
        message = LiveClientToolResponse(function_responses=[answer for _, answer in claimed])
        try:
            self._send_message(message, timeout, hook)
        except AnswerCrossed:
            return False
        return True
