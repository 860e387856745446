"""The lines of a recording, as JSON. `docs/recordings.md` describes them. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from livesession.connection.close_info import CloseInfo
from livesession.recording.sound_tracks import Cut
from livesession.version import __version__

__all__ = ["FORMAT", "closed_line", "first_line", "frame_line", "opened_line"]

FORMAT = 1
DIGITS = 6  # of seconds
CLOSED_BY = {"local": "client"}


def first_line(service: str, model: str, tracks: Mapping[str, str]) -> bytes:
    """The line about the recording itself.

    Args:
        service: Which service was spoken to, `"developer"` or `"vertex"`.
        model: The model, as the setup names it.
        tracks: The names of the WAV files of both sides, where there are any.
    """
    about: dict[str, object] = {
        "recording": FORMAT,
        "library": f"livesession {__version__}",
        "backend": service,
        "model": model,
        "started": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
    }
    return line(about | ({"audio": dict(tracks)} if tracks else {}))


def frame_line(at: float, connection: int, sender: str, text: str, cuts: Sequence[Cut]) -> bytes:
    """One frame, and what was cut out of it."""
    members: dict[str, object] = {"at": round(at, DIGITS), "connection": connection, "from": sender, "text": text}
    if cuts:
        members["audio"] = [{"position": cut.position, "first": cut.first, "samples": cut.samples} for cut in cuts]
    return line(members)


def opened_line(at: float, connection: int) -> bytes:
    """A connection has been upgraded."""
    return line({"at": round(at, DIGITS), "connection": connection, "event": "opened"})


def closed_line(at: float, connection: int, ending: CloseInfo, reason: str) -> bytes:
    """A connection has ended."""
    by = CLOSED_BY.get(ending.origin, ending.origin)
    where = {"at": round(at, DIGITS), "connection": connection}
    return line({**where, "event": "closed", "by": by, "code": ending.code, "reason": reason})


def line(members: Mapping[str, object]) -> bytes:
    """One line; bytes that are no UTF-8 stand in it as escaped surrogates."""
    try:
        return json.dumps(members, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(members).encode() + b"\n"
