"""Recorded sessions, read from files: what a client of this library recorded, and lists of frames from elsewhere.

`docs/recordings.md` describes the first kind. No sockets here.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

from attrs import frozen

RecordingSource = str | os.PathLike[str] | Mapping[str, object]
"""A recording of `connect(record=...)`, or a file with one JSON object a line, or one of those objects: `session`,
`backend`, `frames` (a list of `{from, text}`)."""

NEWEST_FORMAT = 1
_WAV_HEADER = 44
_SAMPLE_BYTES = 2


@frozen
class RecordedFrame:
    """One message of a recording, its text exactly as it was sent; undecodable bytes are surrogates."""

    sender: Literal["client", "server"]
    text: str
    at: float | None = None
    """Seconds since the recording began, where it says."""
    line: int | None = None
    """Which line of the file it is, where it has one of its own."""


@frozen
class RecordedEnd:
    """The end of a connection."""

    by: str
    """"client", "server" or "network"."""
    code: int
    reason: str
    at: float


@frozen
class RecordedConnection:
    """The frames of one connection."""

    frames: tuple[RecordedFrame, ...]
    end: RecordedEnd | None = None
    """None where the recording does not say, or ends before it."""


@frozen
class Recording:
    """One recorded session."""

    session: str
    backend: str
    """"developer" or "vertex"."""
    connections: tuple[RecordedConnection, ...]

    @property
    def frames(self) -> tuple[RecordedFrame, ...]:
        """The frames of all connections, in order."""
        return tuple(frame for connection in self.connections for frame in connection.frames)


def load_recording(source: RecordingSource, session: str | None = None) -> Recording:
    """Return the session named `session`, which may be left out where there is only one.

    Raises:
        ValueError: If the source is not in the format, has no such session, or has several to choose from.
        OSError: If the file, or the sound that belongs to it, cannot be read.
    """
    if isinstance(source, Mapping):
        return _listed(source)
    path = Path(source)
    try:
        with path.open(encoding="utf-8") as lines:
            objects = list(_objects(lines, path))
    except UnicodeDecodeError as error:
        raise ValueError(f"{source} is no recording: not UTF-8 ({error}).") from error
    if not objects:
        raise ValueError(f"{source} is no recording: it is empty.")
    if "recording" in objects[0][1]:
        recordings = [_Reader(path, objects[0][1]).read(objects[1:])]
    else:
        recordings = [_listed(entry) for _, entry in objects]
    found = [recording for recording in recordings if session in (None, recording.session)]
    if len(found) != 1:
        names = ", ".join(recording.session for recording in recordings) or "none"
        problem = "no session is given and there are several" if session is None else f"no single session {session!r}"
        raise ValueError(f"{source}: {problem}. It holds: {names}.")
    return found[0]


def _objects(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            if number > 1 and not line.endswith("\n"):  # the recorder was killed in the middle of its last line
                return
            raise ValueError(f"{path}, line {number}: not JSON ({error}).") from error
        if not isinstance(entry, dict):
            raise ValueError(f"{path}, line {number}: not an object.")
        yield number, entry


def _listed(entry: Mapping[str, object]) -> Recording:
    frames = entry.get("frames")
    if not isinstance(frames, list):
        raise ValueError(f"The session {entry.get('session')!r} has no list of frames.")
    connection = RecordedConnection(tuple(map(_frame, frames)))
    return Recording(str(entry.get("session", "")), str(entry.get("backend", "developer")), (connection,))


def _frame(entry: object) -> RecordedFrame:
    sender = entry.get("from") if isinstance(entry, Mapping) else None
    text = entry.get("text") if isinstance(entry, Mapping) else None
    if sender not in ("client", "server") or not isinstance(text, str):
        raise ValueError(f"Not a frame with 'from' (client or server) and 'text': {entry!r:.80}")
    return RecordedFrame(cast(Literal["client", "server"], sender), text)


class _Reader:
    """Reads a recording that has a line for each frame."""

    def __init__(self, path: Path, about: Mapping[str, object]) -> None:
        if about["recording"] != NEWEST_FORMAT:
            raise ValueError(f"{path}: a recording of format {about['recording']!r}; this version reads format 1.")
        self._path = path
        self._backend = str(about.get("backend", "developer"))
        tracks = about.get("audio")
        self._tracks = tracks if isinstance(tracks, Mapping) else {}
        self._sounds: dict[str, bytes] = {}
        self._frames: dict[int, list[RecordedFrame]] = {}
        self._ends: dict[int, RecordedEnd] = {}

    def read(self, lines: Sequence[tuple[int, Mapping[str, object]]]) -> Recording:
        for number, entry in lines:
            try:
                self._take(number, entry)
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{self._path}, line {number}: not a frame or an event ({error}).") from error
        if not self._frames:
            raise ValueError(f"{self._path}: nothing was recorded, since no connection was opened.")
        connections = (RecordedConnection(tuple(each), self._ends.get(key)) for key, each in self._frames.items())
        return Recording(self._path.name, self._backend, tuple(connections))

    def _take(self, number: int, entry: Mapping[str, object]) -> None:
        key, at = _integer(entry["connection"]), _number(entry["at"])
        frames = self._frames.setdefault(key, [])
        if "from" in entry:
            frame = _frame(entry)
            frames.append(RecordedFrame(frame.sender, self._whole(frame, entry.get("audio")), at, number))
        elif entry["event"] == "closed":
            self._ends[key] = RecordedEnd(str(entry["by"]), _integer(entry["code"]), str(entry.get("reason", "")), at)

    def _whole(self, frame: RecordedFrame, cuts: object) -> str:
        """The text with the sound put back where it was cut out."""
        text, pieces, done = frame.text, list[str](), 0
        for cut in cuts if isinstance(cuts, list) else []:
            position, first, samples = (_integer(cut[name]) for name in ("position", "first", "samples"))
            sound = self._sound(frame.sender)[first * _SAMPLE_BYTES : (first + samples) * _SAMPLE_BYTES]
            if len(sound) != samples * _SAMPLE_BYTES:
                raise ValueError(f"{self._tracks[frame.sender]} ends before sample {first + samples}")
            pieces += [text[done:position], base64.b64encode(sound).decode()]
            done = position
        return "".join([*pieces, text[done:]])

    def _sound(self, sender: str) -> bytes:
        if sender not in self._sounds:
            name = Path(str(self._tracks[sender])).name
            self._sounds[sender] = self._path.with_name(name).read_bytes()[_WAV_HEADER:]
        return self._sounds[sender]


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not an integer")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is not a number")
    return float(value)
