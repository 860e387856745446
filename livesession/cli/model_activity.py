"""What the model does in a conversation: it listens, thinks or speaks."""

from __future__ import annotations

import time
from typing import Literal

from livesession.audio import AudioConversationController
from livesession.audio.uplink import SPEECH_LEVEL
from livesession.messages.server import LiveServerContent, LiveServerMessage, LiveServerToolCall

__all__ = ["ModelActivity", "State"]

State = Literal["listening", "thinking", "speaking", "over"]

PAUSE = 0.4  # seconds for which the user is silent between two words


class ModelActivity:
    """Tells when the model thinks, which no message of the server does.

    It thinks from the user's last words, or from a function call, until its first sound. The words are those that the
    server has transcribed: what it takes for noise is no question. They are the last when nothing is heard after them.
    """

    def __init__(self) -> None:
        self._turn: Literal["nobody's", "asked", "answered"] = "nobody's"
        self._heard_at = 0.0

    def take(self, message: LiveServerMessage) -> None:
        """What a message tells of it."""
        if isinstance(message, LiveServerToolCall):
            self._turn = "asked"
        elif isinstance(message, LiveServerContent):
            self._follow(message)

    def _follow(self, content: LiveServerContent) -> None:
        if content.interrupted or content.ends_turn:
            self._turn = "nobody's"
        elif content.audio:
            self._turn = "answered"
        elif content.input_transcription and self._turn == "nobody's":  # it may come late, in the middle of the answer
            self._turn = "asked"

    def state(self, controller: AudioConversationController) -> State:
        """What the model does now; to be asked several times a second, because it listens to the user, too."""
        now = time.monotonic()
        if not controller.muted and controller.input_level > SPEECH_LEVEL:
            self._heard_at = now
        if controller.state == "listening" and self._turn == "asked" and now - self._heard_at > PAUSE:
            return "thinking"
        return controller.state
