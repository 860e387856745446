"""The chains of answers and faults of a test: `.reply("Once upon").delay(1).drop()`."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import field, frozen

from livesession.emulator.faults import Close, Delay, Drop, GoAway
from livesession.emulator.protocol.refusal import HttpRefusal
from livesession.emulator.responder import Piece, Raw, Responder, Speech, ToolCall
from livesession.emulator.scripting.occasions import Occasions
from livesession.emulator.scripting.script import TurnStep

if TYPE_CHECKING:
    from typing_extensions import Self

ConnectStep = Delay | Drop | Close | HttpRefusal
"""What happens to a client that connects."""

_TRUNCATED = b'{\n  "serverContent": {\n    "modelTurn": {\n'
_LABELS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Scripted:
    """A chain of what happens at an occasion, in the order of the calls. Any thread may add, also while it is used."""

    def __init__(self, occasions: Occasions[TurnStep] | Occasions[ConnectStep]) -> None:
        self._occasions = occasions

    def delay(self, seconds: float) -> Self:
        """Let so much time pass before what comes next."""
        self._occasions.add(Delay(seconds))
        return self

    def drop(self) -> Self:
        """Cut the TCP connection without a close frame, once what was said before has gone out."""
        self._occasions.add(Drop())
        return self

    def close(self, code: int = 1011, reason: str = "") -> Self:
        """Close the connection.

        Args:
            code: 1000 to 4999, but none of 1004, 1005, 1006 and 1015.
            reason: At most 123 bytes of UTF-8.

        Raises:
            ValueError: For another code, or a longer reason.
        """
        self._occasions.add(Close(code, reason))
        return self

    def next_time(self) -> Self:
        """Begin with what happens the next time; what comes last in a chain happens from then on.

        Only what ends the connection (`drop`, `close`, `go_away`, `reject`) happens once where it comes last, lest a
        client that comes back is thrown out for ever.

        Raises:
            ValueError: Nothing happens this time.
        """
        self._occasions.begin_answer()
        return self


class ScriptedTurn(Scripted):
    """The answer to a kind of turn: `emulator.on_text("Hi").reply("Hello!")`.

    The calls of a chain are one answer, in order: `.reply("Once upon").delay(1).drop()` says the beginning, waits, and
    cuts the connection. After `next_time()` they are the answer to the next such turn.
    """

    def __init__(self, occasions: Occasions[TurnStep]) -> None:
        super().__init__(occasions)
        self._steps = occasions

    def reply(
        self,
        text: str | None = None,
        *,
        audio: bytes | None = None,
        tool_call: ToolCall | Sequence[ToolCall] | None = None,
    ) -> Self:
        """Say something, call functions, or both in this order; without arguments, answer with nothing.

        Args:
            text: What is written in a text session. In an audio session a tone stands for it, or `audio`, and it is
                the transcription, where the session asked for one.
            audio: What is heard in an audio session: 24 kHz, mono, 16-bit little-endian PCM. A text session gets
                `text` alone, so there has to be one.
            tool_call: A call of a function of the client's, or several in one message. What comes next in the chain
                is said once they are answered or cancelled; calls of NON_BLOCKING functions are not waited for, see
                `LiveEmulator.on_tool_response`.

        Raises:
            TypeError: For an argument of another type.
        """
        pieces = _pieces(text, audio, tool_call)
        self._steps.add(lambda turn: iter(pieces))
        return self

    def reply_with(self, responder: Responder) -> Self:
        """Say what a function of the turn returns or yields, see `Responder`: for answers that depend on something.

        Raises:
            TypeError: For what cannot be called.
        """
        if not callable(responder):
            raise TypeError(f"A responder is a callable that takes a UserTurn, not {type(responder).__name__}.")
        self._steps.add(responder)
        return self

    def go_away(self, time_left: float) -> Self:
        """Send `goAway`, and close with 1011 in `time_left` seconds; the answer goes on meanwhile."""
        self._steps.add(GoAway(time_left))
        return self

    def malformed(self, frame: bytes | str = _TRUNCATED) -> Self:
        """Send a frame that is no message, by default JSON that breaks off; bytes go out in a binary frame, a str in a
        text frame, both as they are."""
        self._steps.add(lambda turn: Raw(frame))
        return self


class ScriptedConnection(Scripted):
    """A chain for a client that connects: `emulator.on_connect().reject(429)`.

    `delay`, `drop` and `reject` come before there is a WebSocket; `close` comes instead of `setupComplete`, as from the
    service for a wrong key. A connection that is only delayed is then served like any other.
    """

    def __init__(self, occasions: Occasions[ConnectStep]) -> None:
        super().__init__(occasions)
        self._steps = occasions

    def reject(self, status: int, message: str = "") -> Self:
        """Answer the upgrade with an HTTP error, and a JSON body as Google's.

        Args:
            status: From 400 to 599.
            message: For people; default the status in words.

        Raises:
            ValueError: For another status.
        """
        if not isinstance(status, int) or not 400 <= status < 600:
            raise ValueError(f"A connection is rejected with a status from 400 to 599, not {status!r}.")
        words = message or f"{HTTPStatus(status).phrase}."
        self._steps.add(HttpRefusal(status, _LABELS.get(status, "UNKNOWN"), words))
        return self


@frozen(eq=False)
class Arrivals:
    """The chains for clients that connect. Any thread may add and take."""

    _occasions: list[Occasions[ConnectStep]] = field(factory=list)

    def add(self, occasions: Occasions[ConnectStep]) -> None:
        self._occasions.append(occasions)

    def take(self) -> tuple[ConnectStep, ...]:
        """Return what happens to the next client: by what was added last, as long as it has something left."""
        for occasions in self._occasions[::-1]:
            if (steps := occasions.take()) is not None:
                return steps
        return ()


def _pieces(text: object, audio: object, tool_call: object) -> tuple[Piece, ...]:
    if not isinstance(text, str | None):
        raise TypeError(f"text is a str, not {type(text).__name__}.")
    if not isinstance(audio, bytes | bytearray | None):
        raise TypeError(f"audio is PCM as bytes, not {type(audio).__name__}.")
    if audio is not None and audio.startswith(b"RIFF"):
        raise ValueError("audio is PCM; this is a WAV file: b''.join(WavFile(path).blocks()) is what it holds.")
    calls = [tool_call] if isinstance(tool_call, ToolCall) else tool_call or []
    if not isinstance(calls, list | tuple) or not all(isinstance(call, ToolCall) for call in calls):
        raise TypeError(f"tool_call is a ToolCall or a list of them, not {tool_call!r:.80}.")
    said = text if audio is None else Speech(bytes(audio), text or "")
    return said, list(calls) or None
