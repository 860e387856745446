"""Responders decide the answers: the turn that one is given, the pieces it may answer with, and the default one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

from attrs import field, frozen

from livesession.emulator.faults import Close, Delay, Drop, Fault, GoAway
from livesession.emulator.protocol.routes import BackEndKind
from livesession.emulator.protocol.setup_rules import JsonObject, child, declared_functions, modality
from livesession.emulator.speech.sound import INPUT_RATE, seconds, to_output_rate


@frozen
class UserTurn:
    """The turn of the user, and everything said before: the argument of a responder.

    Objects inside are as the client sent them, with the protocol's keys in camelCase; do not change them.
    """

    text: str
    """The text parts of the turn, joined by newlines; "" when the turn was spoken."""
    audio: bytes
    """The speech of the turn as 16 kHz, mono, 16-bit little-endian PCM, silence around it left out; often b""."""
    audio_rate: int
    """Samples a second in `audio`: always 16,000, whatever the client declared."""
    images: tuple[tuple[str, bytes], ...]
    """MIME type and bytes of each still frame and inline image."""
    parts: tuple[JsonObject, ...]
    """The turn's parts as they came; audio sent as realtime input is in `audio` alone."""
    history: tuple[JsonObject, ...]
    """The contents before this turn. Realtime media stand in it as text such as "[speech, 1.9 s]"."""
    setup: JsonObject
    """The session's `setup`."""
    backend: BackEndKind
    """The back end that the client talks to."""
    session_id: str
    """The same for every connection of one conversation, through resumptions."""
    tool_responses: tuple[JsonObject, ...] = ()
    """What the client answered to calls of NON_BLOCKING functions, and on Vertex to no call at all. The user has said
    nothing then; the turns of the user have none."""
    interrupted: threading.Event = field(factory=threading.Event, eq=False, repr=False)
    """Set when the answer is not wanted any more: an interruption, a disconnect, or the emulator stopping."""

    @property
    def wants_audio(self) -> bool:
        """Whether the session answers in audio (also the default) rather than in text."""
        return modality(self.setup) == "AUDIO"


@frozen
class ToolCall:
    """A call of one of the client's functions.

    Yielded from a generator, alone or as a list (one message with several calls): `yield` gives the list of the
    client's function responses, as dicts, once every call is answered or cancelled.

    Calls of functions that the setup declares as NON_BLOCKING are not waited for: with no others, `yield` gives []
    at once. What the client answers to them comes in a later turn, as `UserTurn.tool_responses`.
    """

    name: str
    args: Mapping[str, object] = field(factory=dict)
    id: str | None = None
    """None: made up in the manner of the back end."""


@frozen
class Speech:
    """Speech and what it says: 24 kHz, mono, 16-bit little-endian PCM. In a text session only `text` is sent."""

    audio: bytes
    text: str = ""


@frozen
class Raw:
    """A server frame sent as it is: a mapping as pretty-printed JSON, bytes in a binary frame, str in a text frame."""

    frame: Mapping[str, object] | str | bytes


Answers = list[dict[str, object]]
"""What the client answered to a tool call: its function responses, in the order they came."""

Piece = str | bytes | Speech | ToolCall | Sequence[ToolCall] | Raw | Fault | None
"""One piece of an answer. A str is said or written, as the session wants; bytes are audio as in `Speech`. `Delay`,
`Drop`, `Close` and `GoAway` are what goes wrong in the middle of it."""

Reply = Piece | Iterable[Piece]
"""A whole answer: one piece, or an iterable or generator of them, taken one at a time as they are sent."""

Responder = Callable[[UserTurn], Reply]
"""Answers turns. Called on a thread of its own for each turn, so it may block; it must not touch asyncio."""

_PIECES = (str, bytes, bytearray, Speech, ToolCall, Raw, Delay, Drop, Close, GoAway)

PieceGenerator = Generator[Piece, Answers | None, None]


def echo(turn: UserTurn) -> PieceGenerator:
    """Answer with what came in: the emulator's default responder, which understands nothing.

    Text is quoted. Speech is played back, with a transcription that says how long it was. When the text holds the
    name of a declared function, that function is called, with empty arguments of the right types, and its answer is
    quoted: in the same turn, or, for a NON_BLOCKING function, in a turn of its own.
    """
    function = _function_named_in(turn)
    if turn.tool_responses:
        yield "\n".join(_quoted(response.get("name"), [response]) for response in turn.tool_responses)
    elif function is not None:
        answers = yield ToolCall(str(function["name"]), _empty_arguments(function))
        if answers:
            yield _quoted(function["name"], answers)
    elif turn.audio:
        yield Speech(to_output_rate(turn.audio), f"You spoke for {seconds(turn.audio, INPUT_RATE):.1f} s.")
    else:
        yield _description(turn)


def as_pieces(reply: Reply) -> PieceGenerator:
    """Return any reply as a generator of pieces; a generator is returned as it is, so that it can be sent answers."""
    if isinstance(reply, Generator):
        return reply
    if reply is None or isinstance(reply, _PIECES):
        return _each([reply])
    if isinstance(reply, Sequence) and reply and all(isinstance(piece, ToolCall) for piece in reply):
        return _each([[piece for piece in reply if isinstance(piece, ToolCall)]])
    if not isinstance(reply, Iterable):
        raise TypeError(f"A responder cannot answer with {type(reply).__name__}: {reply!r:.80}")
    return _each(reply)


def _each(pieces: Iterable[Piece]) -> PieceGenerator:
    # Not `yield from`, which would send the answers of a call on to a plain iterator.
    for piece in pieces:  # noqa: UP028
        yield piece


def _quoted(name: object, answers: Sequence[JsonObject]) -> str:
    results = [answer.get("response", {}) for answer in answers]
    return f"{name} answered: {json.dumps(results[0] if len(results) == 1 else results, ensure_ascii=False)}"


def _description(turn: UserTurn) -> str:
    said = f"You said: {turn.text}" if turn.text else "You said nothing."
    if not turn.images:
        return said
    shown = f"You showed {len(turn.images)} image{'s' if len(turn.images) > 1 else ''}."
    return f"{said} {shown}" if turn.text else shown


def _function_named_in(turn: UserTurn) -> JsonObject | None:
    text = turn.text.lower()
    for function in declared_functions(turn.setup):
        name = str(function.get("name", "")).lower()
        if name and (name in text or name.replace("_", " ") in text):
            return function
    return None


_EMPTY_VALUES: Mapping[str, object] = {
    "STRING": "",
    "NUMBER": 0.0,
    "INTEGER": 0,
    "BOOLEAN": False,
    "NULL": None,
}


def _empty_arguments(function: JsonObject) -> dict[str, object]:
    schema = child(function, "parameters") or child(function, "parametersJsonSchema")
    return _empty_object(schema)


def _empty_object(schema: JsonObject) -> dict[str, object]:
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    return {str(name): _empty_value(child(schema, "properties", str(name))) for name in names}


def _empty_value(schema: JsonObject) -> object:
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    kind = str(schema.get("type", "STRING")).upper()
    if kind == "ARRAY":
        return []
    return _empty_object(schema) if kind == "OBJECT" else _EMPTY_VALUES.get(kind, "")
