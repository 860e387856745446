"""Answers to function calls on their way out: each goes once, to a call that still wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from livesession.messages.client import LiveClientMessage, LiveClientToolResponse
from livesession.messages.content import FunctionResponse
from livesession.session import requests
from livesession.session.function_calls import Claimed, TrackedCall
from livesession.session.state import SessionState
from livesession.session.write_hooks import Asking, Crossed, Reply

__all__ = ["FunctionResponder"]


class SendMessage(Protocol):
    """Sends a message within a number of seconds, None for the default; `asking` is its journal."""

    def __call__(self, message: LiveClientMessage, timeout: float | None, asking: Asking | None = None, /) -> None: ...


class FunctionResponder:
    """Sends the answers of one session, those given by hand and those of functions that were given as tools.

    Args:
        conversation: The session's.
        send: Sends a message.
        ids_required: Whether the back end wants the calls' ids in their answers.
    """

    def __init__(self, conversation: SessionState, send: SendMessage, *, ids_required: bool) -> None:
        self._conversation = conversation
        self._calls = conversation.calls
        self._send_message = send
        self._ids_required = ids_required

    def by_hand(self, answers: Iterable[FunctionResponse], timeout: float | None) -> None:
        """Sends those that are still wanted, in one message. Raises `InvalidRequestError` and as sending does."""
        message = requests.tool_response(answers, ids_required=self._ids_required)
        claimed = self._calls.claim(message.function_responses)
        if self._send(claimed, timeout, lambda: None) < len(message.function_responses):
            self._conversation.log.warning(
                "answers to function calls that were cancelled, or that the server has forgotten, not sent"
            )

    def automatic(self, call: TrackedCall, answer: FunctionResponse, before: Callable[[], None]) -> bool:
        """Sends one; False where it is not wanted any more, or came too late. Raises the same.

        `before` is called when it is sure that it goes out, before the model can hear of it.
        """
        requests.tool_response([answer], ids_required=self._ids_required)
        return self._calls.claim_one(call) and bool(self._send([Claimed(call, answer)], None, before))

    def _send(self, claimed: Sequence[Claimed], timeout: float | None, before: Callable[[], None]) -> int:
        """How many of them were sent."""
        wanted = list(claimed)
        try:
            while wanted and not self._is_sent(wanted, timeout, before):
                self._calls.await_verdict(call for call, _ in wanted if call is not None)
                wanted = [each for each in wanted if each.call is None or each.call.is_open]
        except BaseException:
            for call, _ in wanted:
                self._calls.settle(call, is_answered=False)
            raise
        for call, answer in wanted:
            self._calls.settle(call, is_answered=not answer.will_continue)
        return len(wanted)

    def _is_sent(self, claimed: list[Claimed], timeout: float | None, before: Callable[[], None]) -> bool:
        message = LiveClientToolResponse(function_responses=[answer for _, answer in claimed])
        try:
            self._send_message(message, timeout, Reply(self._conversation, claimed, before))
        except Crossed:
            return False
        return True
