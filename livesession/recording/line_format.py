"""The lines of a recording in JSON, which `docs/recordings.md` describes. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from livesession.connection.close_info import CloseInfo
from livesession.recording.sound_tracks import Cut
from livesession.version import __version__

__all__ = ["FORMAT", "closed_line", "first_line", "frame_line", "opened_line"]

FORMAT = 1
DIGITS = 6  # decimals of seconds
CLOSED_BY = {"local": "client"}  # the other origins have the same name in a recording


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
    """The line of a frame; `cuts` are the payloads that were moved to a WAV file."""
    members: dict[str, object] = {"at": round(at, DIGITS), "connection": connection, "from": sender, "text": text}
    if cuts:
        members["audio"] = [{"position": cut.position, "first": cut.first, "samples": cut.samples} for cut in cuts]
    return line(members)


def opened_line(at: float, connection: int) -> bytes:
    """The line of a WebSocket upgrade."""
    return line({"at": round(at, DIGITS), "connection": connection, "event": "opened"})


def closed_line(at: float, connection: int, info: CloseInfo, reason: str) -> bytes:
    """The line of a connection's end."""
    by = CLOSED_BY.get(info.origin, info.origin)
    where = {"at": round(at, DIGITS), "connection": connection}
    return line({**where, "event": "closed", "by": by, "code": info.code, "reason": reason})


def line(members: Mapping[str, object]) -> bytes:
    """Encodes one line; bytes that are no UTF-8 are escaped surrogates in it."""
    try:
        return json.dumps(members, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # a surrogate, which stands for a byte that is no UTF-8
        return json.dumps(members).encode() + b"\n"
