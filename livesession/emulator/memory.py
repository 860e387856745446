"""The memory of one conversation: what was said, what is being said, what it costs. No I/O, no threads.

What a client message asks for comes out as actions, for the connection to carry out in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from attrs import field, frozen

from livesession.emulator.protocol.parser import decode_bytes
from livesession.emulator.protocol.refusal import CloseRefusal
from livesession.emulator.protocol.setup_rules import JsonObject, child, objects
from livesession.emulator.protocol.token_counts import Tokens, audio_tokens, content_tokens, image_tokens, text_tokens
from livesession.emulator.speech.sound import INPUT_RATE, seconds


@frozen
class Interrupt:
    """Stop the answer that is being given, if there is one."""


@frozen
class SendFrames:
    """Send this frame."""

    frame: Mapping[str, object]


@frozen
class UserInput:
    """One finished turn of the user, from client content or from realtime input."""

    contents: tuple[JsonObject, ...] = ()
    """What goes into the history for it."""
    preceding: tuple[JsonObject, ...] = ()
    """Contents that came in the same breath but belong before the turn."""
    text: str = ""
    audio: bytes = b""
    images: tuple[tuple[str, bytes], ...] = ()
    parts: tuple[JsonObject, ...] = ()
    tool_responses: tuple[JsonObject, ...] = ()

    @property
    def tokens(self) -> Tokens:
        speech = audio_tokens(seconds(self.audio, INPUT_RATE))
        return text_tokens(self.text) + speech + image_tokens(len(self.images))


@frozen
class Begin:
    """Answer this turn, once no other is being answered."""

    turn: UserInput
    scheduling: Literal["", "INTERRUPT", "WHEN_IDLE"] = ""
    """INTERRUPT: stop the answer that is being given. WHEN_IDLE: the user goes first, and is let finish speaking."""


@frozen
class Note:
    """Enter these contents into the history, and answer nothing."""

    contents: tuple[JsonObject, ...]


Action = Interrupt | SendFrames | Begin | Note


@frozen
class Snapshot:
    """A conversation at a moment at which it can be taken up again."""

    history: tuple[JsonObject, ...] = ()
    open: tuple[JsonObject, ...] = ()
    system: JsonObject = field(factory=dict)
    tokens: Tokens = field(factory=Counter)


class ConversationMemory:
    """The history of one session and the client content that still waits for its turn to be completed."""

    def __init__(self, setup: JsonObject, *, vertex: bool, snapshot: Snapshot | None = None) -> None:
        start = snapshot or Snapshot()
        self._vertex = vertex
        self._history = list(start.history)
        self._open = list(start.open)
        self._noted: list[JsonObject] = []
        self._tokens: Tokens = Counter(start.tokens)
        self._system = child(setup, "systemInstruction") or start.system
        seeding = child(setup, "historyConfig").get("initialHistoryInClientContent")
        self._seeding = bool(seeding) and snapshot is None

    def client_content(self, message: JsonObject) -> list[Action]:
        """Take a `clientContent`.

        Raises:
            Refusal: 1007, for a role that the back end does not know.
        """
        self._open += [content for content in objects(message, "turns") if self._belongs(content)]
        complete = bool(message.get("turnComplete"))
        if self._seeding:
            self._seed(complete)
            return []
        return [Interrupt(), Begin(self._take_open())] if complete else [Interrupt()]

    def open_turn(self, turn: UserInput) -> tuple[tuple[JsonObject, ...], Tokens]:
        """Enter the turn into the history; return the history before it and the prompt's tokens."""
        self._remember([*self._noted, *self._open, *turn.preceding])
        self._noted, self._open = [], []
        before = tuple(self._history)
        self._history += turn.contents
        self._tokens += turn.tokens
        return before, self._tokens + content_tokens([self._system])

    def close_turn(self, contents: Sequence[JsonObject], spent: Tokens) -> None:
        """Enter what was answered, whole or up to an interruption."""
        self._history += contents
        self._tokens += spent

    def note(self, contents: Sequence[JsonObject]) -> None:
        """Enter what came beside the turns, after the answer that is being given, if there is one."""
        self._noted += contents

    def snapshot(self) -> Snapshot:
        return Snapshot((*self._history, *self._noted), tuple(self._open), self._system, Counter(self._tokens))

    def _belongs(self, content: JsonObject) -> bool:
        role = content.get("role") or "user"
        if role == "system" and self._vertex:
            self._system = content
            return False
        if role not in ("user", "model"):
            raise CloseRefusal(1007, "Please use a valid role: user, model.")
        return True

    def _seed(self, complete: bool) -> None:
        if complete:
            self._seeding = False
            self._remember(self._open)
            self._open = []

    def _remember(self, contents: Sequence[JsonObject]) -> None:
        self._history += contents
        self._tokens += content_tokens(contents)

    def _take_open(self) -> UserInput:
        contents, self._open = self._open, []
        start = len(contents)
        while start and contents[start - 1].get("role") != "model":
            start -= 1
        return _from_contents(tuple(contents[start:]), tuple(contents[:start]))


def realtime_input(
    text: str = "", audio: bytes = b"", images: Sequence[tuple[str, bytes]] = (), label: str = ""
) -> UserInput:
    """Make a turn of realtime input; `label` stands for the speech in the history."""
    notes = [label] if label else []
    notes += [f"[{mime}, {len(data)} bytes]" for mime, data in images]
    parts: list[JsonObject] = [{"text": text}] if text else []
    content: JsonObject = {"role": "user", "parts": [*parts, *({"text": note} for note in notes)]}
    return UserInput((content,), (), text, audio, tuple(images), tuple(parts))


def function_responses(responses: Sequence[JsonObject]) -> UserInput:
    """Make a turn of what the client answered to function calls."""
    parts = tuple({"functionResponse": response} for response in responses)
    return UserInput(({"role": "user", "parts": list(parts)},), parts=parts, tool_responses=tuple(responses))


def _from_contents(contents: tuple[JsonObject, ...], preceding: tuple[JsonObject, ...]) -> UserInput:
    parts = tuple(part for content in contents for part in objects(content, "parts"))
    texts = [str(part["text"]) for part in parts if "text" in part]
    blobs = [child(part, "inlineData") for part in parts if "inlineData" in part]
    images = [(str(blob.get("mimeType", "")), decode_bytes(blob.get("data"))) for blob in blobs]
    shown = tuple(image for image in images if image[0].startswith("image/"))
    return UserInput(contents, preceding, "\n".join(texts), b"", shown, parts)
