"""A spoken conversation with a browser, over a WebSocket that the web framework has accepted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from livesession.audio.transcripts import Transcripts
from livesession.errors import LiveSessionError, ProtocolError
from livesession.logs import logger
from livesession.messages.server import LiveServerContent, LiveServerMessage
from livesession.session.live_session import LiveSession, core_of
from livesession.web.web_errors import refusal

__all__ = ["BrowserSocket", "failure_note", "talk", "tell"]

TICK = 0.5  # seconds after which it is looked whether the session is over, while the browser says nothing
LAST_WAIT = 2.0  # seconds for a message that is on its way to the browser


class BrowserSocket(Protocol):
    """A WebSocket as flask-sock hands it to a view; others are wrapped with little effort."""

    def receive(self, timeout: float | None = None) -> str | bytes | None:
        """The next message; None after `timeout` seconds. Raises anything when the browser has gone."""

    def send(self, data: str | bytes) -> None:
        """Sends a message; raises anything when the browser has gone. Called by one thread, while another receives."""


def talk(
    session: LiveSession, socket: BrowserSocket, *, on_message: Callable[[LiveServerMessage], None] | None = None
) -> None:
    r"""Carries a conversation between a page and the model, until either of them ends it.

    All sound is mono PCM, 16-bit signed little-endian. The page sends what its microphone hears in binary messages,
    16,000 Hz, in pieces of 20 to 100 ms, and is sent what the model says in binary messages, 24,000 Hz, as it comes,
    which is faster than it is spoken: the page puts it into a queue, and empties that when it is told so. The other
    messages are JSON in text:

    - to the page: `{"type": "transcript", "role": "user" or "model", "text": all of it so far, "final": ...}`,
      `{"type": "interrupted"}`: stop playing now, `{"type": "end"}`: the turn is over, and
      `{"type": "failure", "message": ...}`: the conversation is over, and why, in words for visitors;
    - from the page: `{"type": "pause"}` when the microphone pauses (`audioStreamEnd`).

    Returns when the browser has gone, or the session is over; the session is left open then. What the model says goes
    out on the thread "livesession-web-voice".

    Args:
        session: One that answers in audio; transcripts come if it asked for them. No other consumer may receive
            from it.
        socket: The browser's side.
        on_message: Is told of every message, on that thread; what it raises is logged.

    Raises:
        SessionClosedError: The session was closed, or its end has been reported before.
        ConcurrentReceiveError: Another thread is receiving from it.
    """
    mouth = Mouth(session, socket, on_message)
    mouth.start()
    try:
        for data in heard(socket, mouth):
            if isinstance(data, str):
                if is_pause(data):
                    session.send_audio_stream_end()
            elif data:
                session.send_audio_realtime(bytes(data))
    except LiveSessionError as error:
        core_of(session).state.log.debug("in a conversation with a browser: %s", error)
        mouth.fails(error)
    finally:
        mouth.stop()


def heard(socket: BrowserSocket, mouth: Mouth) -> Iterator[str | bytes]:
    """Yields what the page says, until it or the session has gone."""
    while not mouth.is_over:
        try:
            data = socket.receive(timeout=TICK)
        except Exception as error:  # each framework has its own; whatever it is, nothing more will come
            logger.debug("the browser has gone: %r", error)
            return
        if data is not None:
            yield data


def is_pause(text: str) -> bool:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and message.get("type") == "pause"


class Mouth:
    """Sends what the model says to the page."""

    def __init__(
        self,
        session: LiveSession,
        socket: BrowserSocket,
        on_message: Callable[[LiveServerMessage], None] | None,
    ) -> None:
        self._session = session
        self._stream = session.receive()
        self._stream.claim()
        self._log = core_of(session).state.log
        self._socket = socket
        self._on_message = on_message
        self._transcripts = Transcripts()
        self._thread = threading.Thread(target=self._run, name="livesession-web-voice", daemon=True)
        self.is_over = False

    def start(self) -> None:
        self._thread.start()

    def fails(self, error: LiveSessionError) -> None:
        """Something could not be sent. The page is told why: here, unless the session has ended, which comes by itself
        behind what the model has said before.
        """
        if self._session.is_closed:
            self._thread.join(LAST_WAIT)
        else:
            self.stop()
            tell(self._socket, failure_note(error))

    def stop(self) -> None:
        """Lets go of the session."""
        self._stream.close()
        self._thread.join(LAST_WAIT)

    def _run(self) -> None:
        try:
            for message in self._messages():
                self._pass_on(message)
        except LiveSessionError as error:
            tell(self._socket, failure_note(error))
        except Exception as error:
            logger.debug("the browser has gone: %r", error)
        finally:
            self._stream.close()
            self.is_over = True

    def _messages(self) -> Iterator[LiveServerMessage]:
        while True:
            try:
                yield next(self._stream)
            except StopIteration:
                return
            except ProtocolError as problem:
                self._log.warning("in a conversation with a browser: %s", problem)

    def _pass_on(self, message: LiveServerMessage) -> None:
        if isinstance(message, LiveServerContent):
            for note in self._notes(message):
                self._socket.send(note)
        if self._on_message is not None:
            try:
                self._on_message(message)
            except Exception as error:
                self._log.error("on_message failed, in a conversation with a browser", exc_info=error)

    def _notes(self, content: LiveServerContent) -> Iterator[str | bytes]:
        if content.interrupted:
            yield json.dumps({"type": "interrupted"})
        if content.audio:
            yield content.audio
        for said in self._transcripts.add(content):
            yield json.dumps({"type": "transcript", "role": said.role, "text": said.text, "final": said.is_final})
        if content.ends_turn:
            yield json.dumps({"type": "end"})


def failure_note(error: LiveSessionError) -> str:
    """Returns what the page is told when there is no conversation, or no longer."""
    return json.dumps({"type": "failure", "message": refusal(error).body})


def tell(socket: BrowserSocket, note: str) -> None:
    """Sends a note to the page, if there still is one."""
    try:
        socket.send(note)
    except Exception as error:
        logger.debug("the browser has gone: %r", error)
