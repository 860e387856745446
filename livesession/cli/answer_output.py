"""Sending a question, and reading the answer: shared by the commands that talk with the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from livesession.errors import ProtocolError
from livesession.messages.server import LiveServerContent, LiveServerMessage

if TYPE_CHECKING:
    from livesession.session.live_session import LiveSession
    from livesession.session.streams import TurnStream

__all__ = ["model_words", "readable_messages", "send_text", "user_words"]


def send_text(session: LiveSession, text: str, *, realtime: bool) -> None:
    """Sends a question: as realtime input, or else as a complete turn of client content."""
    if realtime:
        session.send_text_realtime(text)
    else:
        session.send(text, turn_complete=True)


def readable_messages(stream: TurnStream) -> Iterator[LiveServerMessage]:
    """Yields the messages of a turn; a frame that cannot be read is skipped, and kept in `Turn.problems`."""
    while True:
        try:
            message = next(stream)
        except StopIteration:
            return
        except ProtocolError:
            continue
        yield message


def model_words(message: LiveServerMessage) -> str:
    """The model's words in this message: its text, or the transcript of its speech."""
    return message.text or message.transcript


def user_words(message: LiveServerMessage) -> str:
    """The transcript of the user's speech in this message; empty where there is none."""
    transcript = message.input_transcription if isinstance(message, LiveServerContent) else None
    return transcript.text if transcript else ""
