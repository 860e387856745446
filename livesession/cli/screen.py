"""The screen of `livesession talk`: levels of both sides, the transcript, and what the model does."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Literal

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.layout import Layout
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from livesession.audio.controller import AudioConversationController
from livesession.audio.uplink import SPEECH_LEVEL
from livesession.cli.transcript import LABEL_WIDTH, LABELS, Transcript
from livesession.messages.server import LiveServerContent, LiveServerMessage, LiveServerToolCall

__all__ = ["ModelActivity", "Screen"]

State = Literal["listening", "thinking", "speaking", "over"]
PAUSE = 0.4  # seconds of silence that are no end of the user's speech, only the space between two words
COLOURS = {"user": "cyan", "model": "green"}
STATE_COLOURS = {"listening": "cyan", "thinking": "yellow", "speaking": "green", "over": "dim"}
RANGE_DB = 50  # decibels below full scale at which a meter is empty
FALL = 0.08  # share of its length that a meter falls in a frame at most

# The text in the place of the user's meter while the microphone is muted, and the help for the keys.
OPEN = ("muted", "m mute   q quit")
PUSHED = ("press space to speak", "space speak, again to end   q quit")


class ModelActivity:
    """Tracks whether the model listens, thinks or speaks; no message of the server says that it thinks.

    The model thinks from the user's last words, or from a function call, until its first sound. Only words that the
    server has transcribed count: what it takes for noise is no question. They are the last ones when the microphone
    has been silent for a pause since then. `on_message()` is called on the thread of the conversation, `state()` on
    the one that draws; each only assigns one attribute, so there is no lock.
    """

    def __init__(self) -> None:
        self._turn: Literal["idle", "asked", "answered"] = "idle"
        self._heard_at = 0.0

    def on_message(self, message: LiveServerMessage) -> None:
        """Takes the next message of the session into account."""
        if isinstance(message, LiveServerToolCall):
            self._turn = "asked"
        elif isinstance(message, LiveServerContent):
            self._on_content(message)

    def _on_content(self, content: LiveServerContent) -> None:
        if content.interrupted or content.ends_turn:
            self._turn = "idle"
        elif content.audio:
            self._turn = "answered"
        elif content.input_transcription and self._turn == "idle":  # or late, in the middle of the answer
            self._turn = "asked"

    def state(self, controller: AudioConversationController) -> State:
        """Returns what the model does now; called several times a second, because it follows the user's level, too."""
        now = time.monotonic()
        if not controller.muted and controller.input_level > SPEECH_LEVEL:
            self._heard_at = now
        if controller.state == "listening" and self._turn == "asked" and now - self._heard_at > PAUSE:
            return "thinking"
        return controller.state


class Meter:
    """A level as a bar, in decibels as the ear hears it; rises at once and falls slowly, so that the eye can follow."""

    def __init__(self, colour: str) -> None:
        self._colour = colour
        self._share = 0.0

    def set(self, level: float) -> None:
        """Sets the level of this frame, from 0.0 to 1.0."""
        decibels = 20 * math.log10(level) if level > 0 else -math.inf
        self._share = max(0.0, 1 + decibels / RANGE_DB, self._share - FALL)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        filled = round(self._share * options.max_width)
        yield Text.assemble(("━" * filled, self._colour), ("┈" * (options.max_width - filled), "dim"))


class TranscriptTail:
    """The end of the transcript: as many of its last lines as there is room for."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or options.max_height
        table = rows()
        for role, text in self._transcript.last(height):
            if role == "user" and table.row_count:
                table.add_row()
            table.add_row(label(role), text)
        drawn = console.render_lines(table, options.update(height=None), new_lines=True)
        for line in drawn[-height:]:
            yield from line


class Screen:
    """Draws the whole terminal, anew each time it is rendered.

    Args:
        controller: The conversation.
        transcript: The words of both sides.
        activity: Tracks what the model does.
        title: The name of the model, in the first line.
        is_pushed: Whether the user pushes to talk.
    """

    def __init__(
        self,
        controller: AudioConversationController,
        transcript: Transcript,
        activity: ModelActivity,
        title: str,
        *,
        is_pushed: bool,
    ) -> None:
        self._controller = controller
        self._transcript = transcript
        self._activity = activity
        self._title = title
        self._closed, self._keys = PUSHED if is_pushed else OPEN
        self._user = Meter(COLOURS["user"])
        self._model = Meter(COLOURS["model"])

    def __rich__(self) -> Layout:
        layout = Layout()
        layout.split_column(
            area([self._head(), "", self._levels(), Rule(style="dim")], lines=5),
            Layout(Padding(TranscriptTail(self._transcript), (0, 1))),
            area([Rule(style="dim"), self._foot()], lines=2),
        )
        return layout

    def _head(self) -> Table:
        state = self._activity.state(self._controller)
        return ends(Text(self._title, "bold"), Text(f"● {state}", STATE_COLOURS[state]))

    def _levels(self) -> Table:
        self._user.set(self._controller.input_level)
        self._model.set(self._controller.output_level)
        table = rows()
        table.add_row(label("user"), Text(self._closed, "yellow") if self._controller.muted else self._user)
        table.add_row(label("model"), self._model)
        return table

    def _foot(self) -> Table:
        statistics = self._controller.statistics
        response = "-" if statistics.response_ms is None else f"{statistics.response_ms:,.0f} ms"
        return ends(
            Text.assemble(
                ("answered after ", "dim"), response, ("   dropped ", "dim"), f"{statistics.dropped_ms:,.0f} ms"
            ),
            Text(self._keys, "dim"),
        )


def area(parts: Iterable[RenderableType], lines: int) -> Layout:
    """A layout of parts one below the other, `lines` high together."""
    table = Table.grid(expand=True)
    for part in parts:
        table.add_row(part)
    return Layout(Padding(table, (0, 1)), size=lines)


def rows() -> Table:
    """An empty table with a column for the names of the sides, and one for what belongs to each."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(width=LABEL_WIDTH)
    table.add_column(ratio=1)
    return table


def label(role: str) -> Text:
    """The name of a side, in its colour."""
    return Text(LABELS[role], f"bold {COLOURS[role]}")


def ends(left: Text, right: Text) -> Table:
    """A line with a text at each end; the left one is shortened where there is not enough room."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True)
    table.add_row(left, right)
    return table
