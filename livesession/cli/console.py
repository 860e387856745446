"""Output of the commands: text as it comes, notes, and errors in one line."""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.console import Console

__all__ = ["AnswerWriter", "clean", "new_console", "note", "one_line"]


def new_console(*, stderr: bool = False) -> Console:
    """Makes a console that adds nothing of its own: no markup, no emoji codes, no coloured numbers."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def note(text: str) -> None:
    """Prints a remark on stderr, beside the answer, which is on stdout."""
    new_console(stderr=True).print(clean(text), soft_wrap=True, style="dim")


def clean(text: str) -> str:
    """Removes the control characters with which text from elsewhere would steer the terminal."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


def one_line(error: BaseException) -> str:
    """The text of an error as one line; the name of its class where it has no text."""
    return clean(" ".join(str(error).split())) or type(error).__name__


class AnswerWriter:
    """Writes an answer to stdout as it comes; on a terminal, lines break between words."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._column = 0
        self._gap = ""  # blanks that are written only if a word follows on the same line
        self.is_empty = True

    def write(self, text: str) -> None:
        """Writes the next piece of text, however small."""
        pieces = [self._fit(token) for token in re.findall(r"\n|[^\S\n]+|\S+", clean(text))]
        if any(pieces):
            self._write_now("".join(pieces))
            self.is_empty = False

    def end(self) -> None:
        """Ends the line, if there is one."""
        if not self.is_empty:
            self._write_now("\n")
        self._column, self._gap, self.is_empty = 0, "", True

    def _write_now(self, text: str) -> None:
        # Not by console.print(): what is in its buffer when Ctrl-C strikes would be printed twice.
        self._console.file.write(text)
        self._console.file.flush()

    def _fit(self, token: str) -> str:
        """The text to write for a word, a line feed or blanks, so that no word crosses the edge of the terminal."""
        if token.isspace() and token != "\n":
            self._gap += token
            return ""
        gap, self._gap = self._gap, ""
        if token == "\n":
            self._column = 0
            return token
        needed = cell_len(gap + token)
        if self._console.is_terminal and self._column and self._column + needed > self._console.width:
            self._column = cell_len(token)
            return "\n" + token
        self._column += needed
        return gap + token
