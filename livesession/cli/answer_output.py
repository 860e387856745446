"""What the commands have in common when they talk: sending a question, following the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from livesession.errors import ProtocolError
from livesession.messages.server import LiveServerContent, LiveServerMessage

if TYPE_CHECKING:
    from livesession.session.live_session import LiveSession
    from livesession.session.streams import TurnStream

__all__ = ["follow", "heard", "said", "send_text"]


def send_text(session: LiveSession, text: str, *, realtime: bool) -> None:
    """Asks, in the way that the model takes."""
    if realtime:
        session.send_text_realtime(text)
    else:
        session.send(text, turn_complete=True)


def follow(stream: TurnStream) -> Iterator[LiveServerMessage]:
    """The messages of a turn; frames that cannot be read are skipped, and kept in `Turn.problems`."""
    while True:
        try:
            message = next(stream)
        except StopIteration:
            return
        except ProtocolError:
            continue
        yield message


def said(message: LiveServerMessage) -> str:
    """What the model says in this message: its text, or the transcript of its speech."""
    return message.text or message.transcript


def heard(message: LiveServerMessage) -> str:
    """What the model has understood of the user's speech, as far as this message tells."""
    transcript = message.input_transcription if isinstance(message, LiveServerContent) else None
    return transcript.text if transcript else ""
