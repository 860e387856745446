"""A recording as lines of text: time, sender and kind of each frame, with a run of sound in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from livesession.connection.frame_summary import summarise

if TYPE_CHECKING:
    from livesession.emulator.replay.recorded_session import RecordedConnection, RecordedFrame, Recording

__all__ = ["lines_of"]

LONGEST_TEXT = 100  # characters of a message that are shown
ARROWS = {"client": ">", "server": "<"}


@frozen
class RecordingLine:
    """The line of one frame, or of several neighbours of the same kind.

    Attributes:
        at: Seconds since the beginning of the recording; None in recordings without times.
        sender: `"client"` or `"server"`.
        kind: The kinds of message in the frame.
        text: All text in it.
        count: The number of frames.
    """

    at: float | None
    sender: str
    kind: str
    text: str
    count: int = 1

    def __str__(self) -> str:
        time = f"{self.at:9.3f}" if self.at is not None else " " * 9
        times = f"  x{self.count}" if self.count > 1 else ""
        said = f"  {shortened(self.text)!r}" if self.text else ""
        return f"{time}  {ARROWS[self.sender]} {self.kind}{times}{said}"


def lines_of(recording: Recording) -> Iterator[str]:
    """Yields the lines; `>` marks frames of the client, `<` those of the server."""
    yield f"{recording.session}: {recording.backend}, frames: {len(recording.frames)}"
    for number, connection in enumerate(recording.connections, 1):
        yield f"connection {number}"
        yield from map(str, folded_lines(connection))
        if connection.end is not None:
            end = connection.end
            yield f"{end.at:9.3f}  closed by the {end.by}, code {end.code} {end.reason}".rstrip()


def folded_lines(connection: RecordedConnection) -> Iterator[RecordingLine]:
    """Yields a line for each frame; neighbours of the same kind share one."""
    before: RecordingLine | None = None
    for frame in connection.frames:
        line = line_of(frame)
        if before is not None and (before.sender, before.kind) == (line.sender, line.kind):
            before = evolve(before, text=before.text + line.text, count=before.count + 1)
            continue
        if before is not None:
            yield before
        before = line
    if before is not None:
        yield before


def line_of(frame: RecordedFrame) -> RecordingLine:
    """The line of one frame; a frame that is not JSON has no text."""
    data = frame.text.encode("utf-8", "surrogateescape")
    try:
        said = "".join(texts(json.loads(data)))
    except ValueError:
        said = ""
    return RecordingLine(frame.at, frame.sender, summarise(data), said)


def texts(value: object) -> Iterator[str]:
    """Yields the value of each member `text` in a message, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "text" and isinstance(item, str):
                yield item
            else:
                yield from texts(item)


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."
