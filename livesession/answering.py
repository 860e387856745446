"""Answers to function calls on their way out: each goes once, to a call that still wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from livesession import requests
from livesession.calls import Call, Claimed, State
from livesession.conversation import Conversation, logger
from livesession.types.client import LiveClientMessage, LiveClientToolResponse
from livesession.types.content import FunctionResponse
from livesession.types.enums import FunctionResponseScheduling

__all__ = ["Answering"]

Send = Callable[[LiveClientMessage, "float | None"], None]


class Answering:
    """Sends the answers of one session, those given by hand and those of functions that were given as tools.

    Args:
        conversation: The session's.
        send: Sends a message within a number of seconds; None is the default.
        ids_required: Whether the back end wants the calls' ids in their answers.
    """

    def __init__(self, conversation: Conversation, send: Send, *, ids_required: bool) -> None:
        self._conversation = conversation
        self._calls = conversation.calls
        self._send_message = send
        self._ids_required = ids_required

    def by_hand(self, answers: Iterable[FunctionResponse], timeout: float | None) -> None:
        """Sends those that are still wanted, in one message. Raises `InvalidRequestError` and as sending does."""
        message = requests.tool_response(answers, ids_required=self._ids_required)
        claimed = self._calls.claim(message.function_responses)
        if len(claimed) < len(message.function_responses):
            logger.warning("answers to function calls that were cancelled, or that the server has forgotten, not sent")
        if claimed:
            self._send(claimed, timeout)

    def automatic(self, call: Call, answer: FunctionResponse, before: Callable[[], None]) -> bool:
        """Sends one; False where it is not wanted any more, or came too late. Raises the same.

        `before` is called when it is sure that it is wanted, before the model can hear of it.
        """
        requests.tool_response([answer], ids_required=self._ids_required)
        if not self._calls.claim_one(call):
            return False
        before()
        self._send([Claimed(call, answer)], None)
        return call.state is not State.GONE

    def _send(self, claimed: list[Claimed], timeout: float | None) -> None:
        is_counted = any(makes_the_model_speak(*each) for each in claimed) and self._conversation.turns.prompted()
        try:
            self._send_message(LiveClientToolResponse(function_responses=[answer for _, answer in claimed]), timeout)
        except BaseException:
            if is_counted:
                self._conversation.turns.withdrawn()
            for call, _ in claimed:
                self._calls.settle(call, is_answered=False)
            raise
        for call, answer in claimed:
            self._calls.settle(call, is_answered=not answer.will_continue)


def makes_the_model_speak(call: Call | None, answer: FunctionResponse) -> bool:
    """Whether it begins a turn of its own, where none is going on."""
    is_silent = answer.scheduling == FunctionResponseScheduling.SILENT
    return call is not None and not call.is_blocking and not is_silent and bool(answer.response or answer.parts)
