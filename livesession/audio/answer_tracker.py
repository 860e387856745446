"""Whether the model has answered an input that has ended, or something is still to come; without any I/O."""

from __future__ import annotations

from livesession.messages.server import LiveServerContent, LiveServerMessage, LiveServerToolCall
from livesession.resumption.policy import LiveSessionResumed
from livesession.session.function_calls import ToolResult

__all__ = ["QUIET", "AnswerTracker"]

QUIET = 2.0  # seconds without a message after which a model that owes no answer has said all
DOUBT = 10.0  # the same, where the user has made a sound after the last answer, which may have been speech


class AnswerTracker:
    """Tells for how long silence of the model means nothing.

    No message tells that the user was heard, and a model may think for long before its first word: what the user has
    said is owed an answer. It may still never come, where he only coughed; so all waiting has an end.

    Args:
        patience: Seconds to wait for an answer that is owed.

    Attributes:
        is_owed: Whether the model is sure to go on, as far as can be known: it was asked, or is in the middle of it.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._has_answered = False  # anything, ever
        self._is_in_doubt = False
        self._is_cut = False  # the turn was interrupted: its end is no answer to what cut in
        self.is_owed = False

    def asked(self) -> None:
        """The user has spoken, and has said so."""
        self.is_owed = True

    def heard(self, *, is_loud: bool) -> None:
        """The user has made a sound. Until the model has answered anything, the softest counts: he may speak softly."""
        self.is_owed = self.is_owed or not self._has_answered
        self._is_in_doubt = self._is_in_doubt or is_loud

    def take(self, message: LiveServerMessage) -> None:
        """Notes what a message tells of the answer."""
        if isinstance(message, LiveServerContent):
            self._follow(message)
        elif isinstance(message, (LiveServerToolCall, ToolResult, LiveSessionResumed)):
            self.is_owed = True

    def _follow(self, content: LiveServerContent) -> None:
        if content.model_turn:
            self._has_answered = self.is_owed = True
        self._is_cut = self._is_cut or content.interrupted
        if content.ends_turn:
            self._has_answered, self.is_owed = True, self._is_cut
            self._is_in_doubt = self._is_cut = False

    @property
    def patience(self) -> float:
        """Seconds without a message after which nothing more is to be expected."""
        if self.is_owed:
            return max(QUIET, self._patience)
        return max(QUIET, min(DOUBT, self._patience)) if self._is_in_doubt else QUIET
