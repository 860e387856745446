"""Names that stand for resumption handles in a recording: with a handle and a key anyone could resume the session."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

__all__ = ["HandleNames"]

# A member that may be a handle. Frames are changed as text: parsed and written again they would not be what was sent.
MEMBER = re.compile(r'("(?:newHandle|new_handle|handle)"\s*:\s*)"((?:[^"\\]|\\.)*)"')
SHORTEST = 8  # characters; a shorter handle might be a word of the sentence that it is looked for in


class HandleNames:
    """Replaces each handle of a recording by a name: `handle-1` and so on.

    A handle has the same name everywhere, so a client that is run against the recording resumes with the name that it
    was given. Everything else in a frame stays as it is.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def hide_in_frame(self, text: str) -> str:
        """Replaces the handles in a frame."""
        if "andle" not in text or not MEMBER.search(text):
            return text
        try:
            handles = set(handles_in(json.loads(text)))
        except (ValueError, RecursionError):  # not JSON, or nested too deeply: every member with such a name is taken
            return MEMBER.sub(lambda found: self._renamed(found), text)
        return MEMBER.sub(lambda found: self._renamed(found) if unescaped(found[2]) in handles else found[0], text)

    def hide_in_words(self, text: str) -> str:
        """Replaces the known handles in a text of the server, such as a close reason."""
        for handle, name in self._names.items():
            if len(handle) >= SHORTEST:
                text = text.replace(handle, name)
        return text

    def _renamed(self, found: re.Match[str]) -> str:
        handle = unescaped(found[2])
        name = self._names.setdefault(handle, f"handle-{len(self._names) + 1}") if handle else ""
        return f'{found[1]}"{name}"'


def handles_in(message: object) -> Iterator[str]:
    """Yields the handles in a message, from the two places where the protocol has them."""
    for outer, middle, inner in (
        ("setup", "sessionResumption", "handle"),
        ("", "sessionResumptionUpdate", "newHandle"),
    ):
        value = member(member(message, outer) if outer else message, middle)
        handle = member(value, inner)
        if isinstance(handle, str) and handle:
            yield handle


def member(message: object, name: str) -> object:
    """Gets a member by its name in camel or snake case: servers accept both."""
    if not isinstance(message, dict):
        return None
    snake = re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)
    return message.get(name, message.get(snake))


def unescaped(text: str) -> str:
    """The value of a JSON string without its quotes."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text
