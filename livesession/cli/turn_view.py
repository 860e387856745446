"""The view of one turn of `livesession demo`: how much speech has gone out, and the words of both sides."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from livesession.cli.answer_output import model_words, user_words
from livesession.cli.console import clean
from livesession.messages.server import LiveServerMessage

__all__ = ["TurnView"]

LABEL_WIDTH = 7
BAR_WIDTH = 40


class TurnView:
    """Shows one turn: drawn anew as it grows on a terminal, else printed when it is over.

    The turn lasts as long as the `with` block. Transcripts may come in any order; the user's words are always above.
    """

    def __init__(self, console: Console, speech_seconds: float = 0.0) -> None:
        self._console = console
        self._live = Live(self, console=console, refresh_per_second=15) if console.is_terminal else None
        self._speech_seconds = speech_seconds
        self._you = ""
        self._model = ""
        self.sent = 0.0  # seconds of speech that have gone out; the sending thread sets it, the drawing one reads it

    def __enter__(self) -> TurnView:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
            return
        for label, text in self._rows():
            self._console.print(f"{label:<{LABEL_WIDTH}}  {text}", soft_wrap=True)

    def add_user_text(self, text: str) -> None:
        """Adds text to the user's words."""
        self._you += clean(text)

    def add_message(self, message: LiveServerMessage) -> None:
        """Adds the words of a message, of either side."""
        self.add_user_text(user_words(message))
        self._model += clean(model_words(message))

    def _rows(self) -> list[tuple[str, str]]:
        sending = [("Sending", f"{self.sent:.1f} of {self._speech_seconds:.1f} s")] if self._speech_seconds else []
        return [*sending, ("You", self._you.strip()), ("Model", self._model.strip())]

    def __rich__(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(width=LABEL_WIDTH, style="bold")
        table.add_column()
        for label, text in self._rows():
            table.add_row(label, self._bar(text) if label == "Sending" else text)
        return table

    def _bar(self, amount: str) -> Table:
        row = Table.grid(padding=(0, 2))
        row.add_row(ProgressBar(self._speech_seconds, self.sent, width=BAR_WIDTH), amount)
        return row
