"""What was said in a conversation, line by line, as it is shown and printed."""

from __future__ import annotations

import threading

from rich.console import Console

from livesession.audio.transcripts import SpokenText
from livesession.cli.console import clean

__all__ = ["LABELS", "LABEL_WIDTH", "Transcript"]

LABELS = {"user": "You", "model": "Model"}
LABEL_WIDTH = 5


class Transcript:
    """Finished lines, and one of each side that grows. One thread adds, another one reads.

    What the user says is above what the model answers, in whichever order the transcripts come.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all below; no other lock is taken inside
        self._finished: list[SpokenText] = []
        self._growing: dict[str, SpokenText] = {}
        self._printed = 0

    def add(self, text: SpokenText) -> None:
        """The next state of what one side says."""
        with self._lock:
            if text.is_final:
                self._growing.pop(text.role, None)
                self._finished.append(text)
            else:
                self._growing[text.role] = text

    def last(self, lines: int) -> list[tuple[str, str]]:
        """At most so many lines, the newest last: the role, and what was said."""
        with self._lock:
            texts = [*self._finished[-lines:], *self._in_order()]
        return [(text.role, clean(text.text).strip()) for text in texts]

    def print_finished(self, console: Console) -> None:
        """Prints the lines that have been finished since it was called last."""
        with self._lock:
            new = self._finished[self._printed :]
            self._printed += len(new)
        for text in new:
            console.print(f"{LABELS[text.role]:<{LABEL_WIDTH}}  {clean(text.text).strip()}", soft_wrap=True)

    def print_rest(self, console: Console) -> None:
        """Prints all that was not printed, for nothing grows any more."""
        with self._lock:
            self._finished += self._in_order()
            self._growing.clear()
        self.print_finished(console)

    def _in_order(self) -> list[SpokenText]:
        return [self._growing[role] for role in LABELS if role in self._growing]
