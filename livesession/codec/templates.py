"""Frames of speech and of words, read like the ones before them.

While the model speaks, one frame is like the other but for its audio, or for the next words of its text or transcript.
Such a frame is cut where that string begins and ends. Where the same `head` and `tail` came before, the message is the
same but for the string, and no JSON is read.

Why that is the same result: base64 that decodes strictly, and text without quote, backslash and control character, is
one string of the JSON whatever it says; so the frames differ in the value of that string alone. Which field the value
ends up in is not guessed but tried, with the general path and two values. Whatever does not fit (other base64, two
media, anything that could be changed through one message and be seen in the next) takes the general path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from livesession.codec.base64_speedups import base64_in_use
from livesession.messages.content import Content
from livesession.messages.fast_evolve import fast_evolver
from livesession.messages.server import LiveServerContent, Transcription

__all__ = ["Templates"]

LONGEST = 1000  # bytes of a head or a tail
KEPT = 64

Template = Callable[[bytes], LiveServerContent]
"""The message of a frame, from what stands between its head and tail; `ValueError` where that is not what it was."""

Make = Callable[[object], LiveServerContent]

Surroundings = tuple[bytes, bytes]
"""Head and tail: what stands round the string that differs, quotes included."""


class VariableField(NamedTuple):
    """A string that differs from frame to frame.

    Attributes:
        key: The name before it.
        trials: Two such strings, and what they are read as.
        read: What any such string is read as; `ValueError` where the general path has to say.
    """

    key: bytes
    trials: Mapping[bytes, object]
    read: Callable[[bytes], object]


def read_medium(text: bytes) -> bytes:
    return base64_in_use().decode(text)


special = re.compile(rb'["\\\x00-\x1f]').search


def read_words(text: bytes) -> str:
    if special(text):
        raise ValueError("more than one plain string")
    return text.decode("utf-8")


HOLES = (
    VariableField(b'"data"', {b"AAAA": b"\0\0\0", b"////": b"\xff\xff\xff"}, read_medium),
    VariableField(b'"text"', {b"one": "one", b"two": "two"}, read_words),
)


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
        """The one message of a frame of speech or of words; None where the general path has to read it."""
        if self._latest is not None:
            head, tail, template = self._latest
            end = len(frame) - len(tail)
            is_alike = frame.startswith(head) and frame.endswith(tail) and end >= len(head)
            # What lies between the ends may still be more than the string, with other members behind it.
            if is_alike and (message := filled(template, frame[len(head) : end])):
                return message
        for hole in HOLES:
            key = frame.find(hole.key, 0, LONGEST)
            if key >= 0:
                return self._find_and_apply(frame, hole, key + len(hole.key))
        return None

    def _find_and_apply(self, frame: bytes, hole: VariableField, behind_key: int) -> LiveServerContent | None:
        """The same where the frame is not like the one before it."""
        start = frame.find(b'"', behind_key) + 1
        end = frame.find(b'"', start)
        if not 0 < start <= LONGEST or end < start or len(frame) - end > LONGEST:
            return None
        surroundings = (frame[:start], frame[end:])
        template = self._templates.get(surroundings) or self._look_at(surroundings, hole)
        if template is None:
            return None
        self._latest = (*surroundings, template)
        return filled(template, frame[start:end])

    def _look_at(self, surroundings: Surroundings, hole: VariableField) -> Template | None:
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
        template = self._templates[surroundings] = self._try_out(surroundings, hole)
        return template

    def _try_out(self, surroundings: Surroundings, hole: VariableField) -> Template | None:
        """The template, if two frames show that the string becomes the value of one field and nothing else."""
        head, tail = surroundings
        trials = [(value, single(self._read(head + text + tail))) for text, value in hole.trials.items()]
        for make in ways_to_make(trials[0][1]):
            if all(make(value) == message for value, message in trials):
                return lambda text: make(hole.read(text))
        return None


def filled(template: Template, text: bytes) -> LiveServerContent | None:
    """The message with what a text says; None where the general path has to read that."""
    try:
        return template(text)
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


def ways_to_make(message: LiveServerContent | None) -> Iterator[Make]:
    """Makers of messages that differ from this one in one value: the bytes or the text of its part, or a transcript."""
    if message is None:
        return
    turn = message.model_turn
    if turn is not None and len(turn.parts) == 1:
        yield with_text(message, turn)
        if turn.parts[0].inline_data is not None:
            yield with_medium(message, turn)
    for name in ("input_transcription", "output_transcription", "interim_input_transcription"):
        if (transcription := getattr(message, name)) is not None:
            yield with_transcript(message, name, transcription)


def with_medium(message: LiveServerContent, turn: Content) -> Make:
    [part] = turn.parts
    assert part.inline_data is not None
    new_message, new_turn = fast_evolver(message, "model_turn"), fast_evolver(turn, "parts")
    new_part, new_blob = fast_evolver(part, "inline_data"), fast_evolver(part.inline_data, "data")
    return lambda data: new_message(new_turn((new_part(new_blob(data)),)))


def with_text(message: LiveServerContent, turn: Content) -> Make:
    new_message, new_turn = fast_evolver(message, "model_turn"), fast_evolver(turn, "parts")
    new_part = fast_evolver(turn.parts[0], "text")
    return lambda text: new_message(new_turn((new_part(text),)))


def with_transcript(message: LiveServerContent, name: str, transcription: Transcription) -> Make:
    new_message, new_transcription = fast_evolver(message, name), fast_evolver(transcription, "text")
    return lambda text: new_message(new_transcription(text))
