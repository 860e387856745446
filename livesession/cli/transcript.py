"""The transcript of a spoken conversation, line by line."""

from __future__ import annotations

import threading

from rich.console import Console

from livesession.audio.transcripts import SpokenText
from livesession.cli.console import clean

__all__ = ["LABELS", "LABEL_WIDTH", "Transcript"]

LABELS = {"user": "You", "model": "Model"}
LABEL_WIDTH = 5


class Transcript:
    """The finished lines, and one of each side that still grows.

    The conversation's thread adds texts, the main thread reads and prints them.
    The user's line is above the model's, in whichever order their transcripts come.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all below; no other lock is taken inside
        self._finished: list[SpokenText] = []
        self._growing: dict[str, SpokenText] = {}
        self._printed = 0

    def add(self, text: SpokenText) -> None:
        """Adds or replaces the line that one side speaks, and finishes it where the text is final."""
        with self._lock:
            if text.is_final:
                self._growing.pop(text.role, None)
                self._finished.append(text)
            else:
                self._growing[text.role] = text

    def last(self, lines: int) -> list[tuple[str, str]]:
        """Returns the last lines, `lines` at most, the newest at the end: pairs of role and text."""
        with self._lock:
            texts = [*self._finished[-lines:], *self._in_order()]
        return [(text.role, clean(text.text).strip()) for text in texts]

    def print_finished(self, console: Console) -> None:
        """Prints the lines that have been finished since the last call."""
        with self._lock:
            new = self._finished[self._printed :]
            self._printed += len(new)
        for text in new:
            console.print(f"{LABELS[text.role]:<{LABEL_WIDTH}}  {clean(text.text).strip()}", soft_wrap=True)

    def print_rest(self, console: Console) -> None:
        """Prints all lines that were not printed; those that still grow are finished, as the conversation is over."""
        with self._lock:
            self._finished += self._in_order()
            self._growing.clear()
        self.print_finished(console)

    def _in_order(self) -> list[SpokenText]:
        return [self._growing[role] for role in LABELS if role in self._growing]
