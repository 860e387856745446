"""Recorded sessions: reading them from files, and playing the server's side of one to whoever connects."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from attrs import frozen

from livesession.emulator.journal import Journal
from livesession.emulator.normalise import parse_message
from livesession.emulator.refusal import Refusal

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

RecordingSource = str | os.PathLike[str] | Mapping[str, object]
"""A file of JSON lines, or one of its objects: `session`, `backend`, `frames` (a list of `{from, text}`)."""


@frozen
class RecordedFrame:
    """One message of a recording, its text exactly as it was sent."""

    sender: Literal["client", "server"]
    text: str


@frozen
class Recording:
    """One recorded session."""

    session: str
    backend: str
    """"developer" or "vertex"."""
    frames: tuple[RecordedFrame, ...]


def load_recording(source: RecordingSource, session: str | None = None) -> Recording:
    """Return the session named `session`, which may be left out where there is only one.

    Raises:
        ValueError: if the source is not in the format, has no such session, or has several to choose from.
        OSError: if the file cannot be read.
    """
    if isinstance(source, Mapping):
        return _recording(source)
    with Path(source).open(encoding="utf-8") as lines:
        recordings = [_recording(entry) for entry in _objects(lines, source)]
    found = [recording for recording in recordings if session in (None, recording.session)]
    if len(found) != 1:
        names = ", ".join(recording.session for recording in recordings) or "none"
        problem = "no session is given and there are several" if session is None else f"no single session {session!r}"
        raise ValueError(f"{source}: {problem}. It holds: {names}.")
    return found[0]


async def play(recording: Recording, socket: ServerConnection, number: int, journal: Journal) -> None:
    """Send the server's frames in order, waiting for one message at each frame of the client.

    After the last frame the connection stays open and what the client sends is recorded and ignored; ends by
    websockets' `ConnectionClosed`.
    """
    for frame in recording.frames:
        if frame.sender == "server":
            await socket.send(frame.text.encode())
        else:
            await _record(socket, number, journal)
    while True:
        await _record(socket, number, journal)


async def _record(socket: ServerConnection, number: int, journal: Journal) -> None:
    data = await socket.recv()
    try:
        journal.record(number, parse_message(data), text=isinstance(data, str))
    except Refusal as refusal:
        await socket.close(refusal.code, refusal.reason)


def _objects(lines: Iterable[str], source: object) -> Iterable[Mapping[str, object]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{source}, line {number}: not JSON ({error}).") from error
        if not isinstance(entry, dict):
            raise ValueError(f"{source}, line {number}: not an object.")
        yield entry


def _recording(entry: Mapping[str, object]) -> Recording:
    frames = entry.get("frames")
    if not isinstance(frames, list):
        raise ValueError(f"The session {entry.get('session')!r} has no list of frames.")
    return Recording(str(entry.get("session", "")), str(entry.get("backend", "developer")), tuple(map(_frame, frames)))


def _frame(entry: object) -> RecordedFrame:
    sender = entry.get("from") if isinstance(entry, Mapping) else None
    text = entry.get("text") if isinstance(entry, Mapping) else None
    if sender not in ("client", "server") or not isinstance(text, str):
        raise ValueError(f"Not a frame with 'from' (client or server) and 'text': {entry!r:.80}")
    return RecordedFrame(cast(Literal["client", "server"], sender), text)
