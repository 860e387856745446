"""One question and its answer: sent, and sent again where the server lost it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesession.messages.client import LiveClientContent, LiveClientRealtimeInput
from livesession.session import requests
from livesession.session.write_hooks import InputHook

if TYPE_CHECKING:
    from livesession.resumption.policy import LiveSessionResumed
    from livesession.session.core import SessionCore
    from livesession.session.streams import TurnStream
    from livesession.session.turn import Turn

__all__ = ["Question"]


class Question:
    """Asks for a turn, and asks again when the session was resumed and the server knows nothing of it.

    Args:
        core: The session's.
        message: What asks for an answer.
        stream: Receives the answer; claimed already.
    """

    def __init__(
        self, core: SessionCore, message: LiveClientContent | LiveClientRealtimeInput, stream: TurnStream
    ) -> None:
        self._core = core
        self.message = message
        self._stream = stream

    def ask(self) -> Turn:
        """Sends the question and returns the answer, put together. Raises as sending and receiving do."""
        self.send()
        return self._stream.collect(self._ask_again)

    def send(self) -> None:
        """Sends the question. Raises as sending does."""
        if isinstance(self.message, LiveClientContent):
            self._stream.answers(self._core.send_request(self.message, None))
        else:  # what the user typed: its answer begins with the next turn, whichever request that answers
            asks = requests.detects_activity(self._core.setup.generation_config)
            self._core.send_input(self.message, None, InputHook(self._core.state, asks=asks))

    def send_again_if_lost(self, resumed: LiveSessionResumed) -> bool:
        """Sends the question again where the resumption lost it; whether it did."""
        is_lost = any(lost is self.message for lost in resumed.lost)
        if is_lost:
            self.send()
        return is_lost

    def _ask_again(self, resumed: LiveSessionResumed) -> None:
        is_lost = any(lost is self.message for lost in resumed.lost)
        if others := resumed.lost_count - is_lost:  # of which the caller of ask() is not told
            self._core.state.log.warning(
                "the session was resumed during ask(); other messages that were lost: %d", others
            )
        self.send_again_if_lost(resumed)
