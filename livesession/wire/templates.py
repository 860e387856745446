"""Frames of audio, read like the ones before them.

While the model speaks, one frame is like the other but for its audio. Such a frame is cut where its base64 begins and
ends. Where the same `head` and `tail` came before, the message is the same but for the bytes, and no JSON is read.

Why that is the same result: base64 that decodes strictly has no quote, backslash or control character, so that it is
one string of the JSON whatever it says, and the frames differ in the value of that string alone. Which field the
value ends up in is not guessed but tried, with the general path and two values. Whatever does not fit (other base64,
two media, anything that could be changed through one message and be seen in the next) takes the general path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from livesession.replicas import replicator
from livesession.types.server import LiveServerContent
from livesession.wire.speedups import base64_in_use

__all__ = ["Templates"]

KEY = b'"data"'
LONGEST = 1000  # bytes of a head or a tail
KEPT = 64
TRIALS = {b"AAAA": b"\0\0\0", b"////": b"\xff\xff\xff"}

Template = Callable[[bytes], LiveServerContent]

Surroundings = tuple[bytes, bytes]
"""Head and tail: what stands round the base64 of a frame, quotes included."""


class Templates:
    """The templates of the frames that came more than once.

    Used by any number of threads without a lock: each access to a `dict` is whole, the latest is one tuple, and what
    two threads do at a time is done twice. A full cache is emptied: what is needed is soon there again, and hostile
    traffic fills no memory.

    Args:
        read: The general path: the messages of a frame.
    """

    def __init__(self, read: Callable[[bytes], Sequence[object]]) -> None:
        self._read = read
        self._seen_once: dict[Surroundings, None] = {}
        self._templates: dict[Surroundings, Template | None] = {}  # None: looked at, and not suitable
        self._latest: tuple[bytes, bytes, Template] | None = None  # head, tail, and what is made between them

    def apply(self, frame: bytes) -> LiveServerContent | None:
        """The one message of a frame of audio; None where the general path has to read it."""
        if self._latest is not None:
            head, tail, template = self._latest
            end = len(frame) - len(tail)
            if frame.startswith(head) and frame.endswith(tail) and end >= len(head):
                return filled(template, frame[len(head) : end])
        return self._find_and_apply(frame)

    def _find_and_apply(self, frame: bytes) -> LiveServerContent | None:
        """The same where the frame is not like the one before it."""
        key = frame.find(KEY, 0, LONGEST)
        if key < 0:
            return None
        start = frame.find(b'"', key + len(KEY)) + 1
        end = frame.find(b'"', start)
        if not 0 < start <= LONGEST or end < start or len(frame) - end > LONGEST:
            return None
        surroundings = (frame[:start], frame[end:])
        template = self._templates.get(surroundings) or self._look_at(surroundings)
        if template is None:
            return None
        self._latest = (*surroundings, template)
        return filled(template, frame[start:end])

    def _look_at(self, surroundings: Surroundings) -> Template | None:
        """Surroundings without a template: they get one at the second sight, because many come only once."""
        if surroundings in self._templates:
            return None
        if surroundings not in self._seen_once:
            if len(self._seen_once) >= KEPT:
                self._seen_once.clear()
            self._seen_once[surroundings] = None
            return None
        if len(self._templates) >= KEPT:
            self._templates.clear()
        template = self._templates[surroundings] = self._try_out(surroundings)
        return template

    def _try_out(self, surroundings: Surroundings) -> Template | None:
        """The template, if two frames show that the base64 becomes the bytes of one medium and nothing else."""
        head, tail = surroundings
        template = None
        for text, data in TRIALS.items():
            message = single(self._read(head + text + tail))
            if message is None:
                return None
            template = template or template_of(message)
            if template is None or template(data) != message:
                return None
        return template


def filled(template: Template, text: bytes) -> LiveServerContent | None:
    """The message with the audio of a text; None where that is not base64."""
    try:
        return template(base64_in_use().decode(text))
    except ValueError:
        return None


def single(messages: Sequence[object]) -> LiveServerContent | None:
    """The only message, if it is a piece of the answer that holds nothing that can be changed."""
    if len(messages) != 1 or not isinstance(messages[0], LiveServerContent):
        return None
    try:
        hash(messages[0])
    except TypeError:
        return None
    return messages[0]


def template_of(message: LiveServerContent) -> Template | None:
    """Makes messages that differ from this one in the bytes of its only part."""
    turn = message.model_turn
    if turn is None or len(turn.parts) != 1 or turn.parts[0].inline_data is None:
        return None
    new_message, new_turn = replicator(message, "model_turn"), replicator(turn, "parts")
    new_part, new_blob = replicator(turn.parts[0], "inline_data"), replicator(turn.parts[0].inline_data, "data")

    def make(data: bytes) -> LiveServerContent:
        return new_message(new_turn((new_part(new_blob(data)),)))

    return make
