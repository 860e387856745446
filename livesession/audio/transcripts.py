"""The transcripts of both sides of an audio conversation, put together turn by turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from attrs import frozen

if TYPE_CHECKING:
    from livesession.messages.server import LiveServerContent

__all__ = ["SpokenText", "Transcripts"]

Role = Literal["user", "model"]


@frozen
class SpokenText:
    """The words of one side in its turn.

    Attributes:
        role: `"user"` or `"model"`.
        text: All of it so far.
        is_final: Whether the turn is over, and the next text of this side belongs to another one.
    """

    role: Role
    text: str
    is_final: bool


class Transcripts:
    """Adds fragments up; a text is closed when the server says that the turn is over, or that the user cut in.

    The `finished` of a fragment is not relied on: servers leave it out, or set it in the middle.
    """

    def __init__(self) -> None:
        self._texts: dict[Role, str] = {"user": "", "model": ""}
        self._is_cut = False  # the turn was interrupted: what the user says now belongs to the next one

    def add(self, content: LiveServerContent) -> Iterator[SpokenText]:
        """Adds a message, and returns the transcripts that it changes."""
        if content.input_transcription:
            yield from self._heard("user", content.input_transcription.text)
        if content.output_transcription:
            yield from self._heard("model", content.output_transcription.text)
        if content.model_turn:
            self._is_cut = False  # this is the next one: some servers do not end what was interrupted
        if content.interrupted:
            self._is_cut = True
            yield from self._closed("user", "model")
        if content.ends_turn:
            yield from self._closed(*(("model",) if self._is_cut else ("user", "model")))
            self._is_cut = False

    def close(self) -> Iterator[SpokenText]:
        """Returns the transcripts that are still open, when nothing can be added to them any more."""
        return self._closed("user", "model")

    def _heard(self, role: Role, fragment: str) -> Iterator[SpokenText]:
        if fragment:
            self._texts[role] += fragment
            yield SpokenText(role, self._texts[role], is_final=False)

    def _closed(self, *roles: Role) -> Iterator[SpokenText]:
        for role in roles:
            text, self._texts[role] = self._texts[role], ""
            if text:
                yield SpokenText(role, text, is_final=True)
