"""Resumption handles do not belong in a recording: whoever has one, and a key, can go on with the conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

__all__ = ["HandleNames"]

MEMBER = re.compile(r'("(?:newHandle|new_handle|handle)"\s*:\s*)"((?:[^"\\]|\\.)*)"')
SHORTEST = 8  # characters; what is shorter than that might be a word


class HandleNames:
    """Gives each handle of a recording a name, `handle-1` and so on, and writes that in its place.

    The same handle has the same name everywhere, so that a client that plays the recording resumes with what it was
    given. Everything else in a frame stays as it is.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def hide_in_frame(self, text: str) -> str:
        """A frame, with the names of its handles."""
        if "andle" not in text or not MEMBER.search(text):
            return text
        try:
            handles = set(handles_in(json.loads(text)))
        except (ValueError, RecursionError):
            return MEMBER.sub(lambda found: self._renamed(found), text)
        return MEMBER.sub(lambda found: self._renamed(found) if unescaped(found[2]) in handles else found[0], text)

    def hide_in_words(self, text: str) -> str:
        """Returns what a server says, without the handles that are known."""
        for handle, name in self._names.items():
            if len(handle) >= SHORTEST:
                text = text.replace(handle, name)
        return text

    def _renamed(self, found: re.Match[str]) -> str:
        handle = unescaped(found[2])
        name = self._names.setdefault(handle, f"handle-{len(self._names) + 1}") if handle else ""
        return f'{found[1]}"{name}"'


def handles_in(message: object) -> Iterator[str]:
    """The handles in a message, at the two places where the protocol has them."""
    for outer, middle, inner in (
        ("setup", "sessionResumption", "handle"),
        ("", "sessionResumptionUpdate", "newHandle"),
    ):
        value = member(member(message, outer) if outer else message, middle)
        handle = member(value, inner)
        if isinstance(handle, str) and handle:
            yield handle


def member(message: object, name: str) -> object:
    """A member by its name in either spelling."""
    if not isinstance(message, dict):
        return None
    snake = re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)
    return message.get(name, message.get(snake))


def unescaped(text: str) -> str:
    """The value of a JSON string."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text
