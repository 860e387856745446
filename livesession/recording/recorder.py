"""`Recorder`: the choice of file and form for a recording."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from attrs import field, frozen

from livesession.validators import one_of

__all__ = ["Recorder", "to_recorder"]


def to_path(path: str | os.PathLike[str]) -> Path:
    """Converts the argument of a user. Raises `TypeError` for what is no path."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"A recording goes to a path, not to {path!r:.80}.")
    return Path(path)


@frozen
class Recorder:
    """A file to record a session to, for `connect(record=...)`; a path alone is the same as `Recorder(path)`.

    Attributes:
        path: The file, which is replaced where it exists; only its owner may read it (mode 0600).
        audio: `"inline"` leaves sound in the file, in base64, as it is on the wire. `"wav"` moves it to files beside
            it: for `talk.jsonl` the user's to `talk.client.wav` and the model's to `talk.server.wav`, mono PCM, 16-bit
            signed little-endian, at the rate that the messages state, else 16,000 and 24,000 Hz. Replaying puts it
            back. Default `"inline"`.
    """

    path: Path = field(converter=to_path)
    audio: Literal["inline", "wav"] = field(default="inline", validator=one_of("inline", "wav"), kw_only=True)

    def track_path(self, sender: str) -> Path:
        """The path of one side's WAV file; `sender` is `"client"` or `"server"`."""
        stem = self.path.name.removesuffix(".jsonl")  # another suffix stays, or two recordings might share a track
        return self.path.with_name(f"{stem}.{sender}.wav")


def to_recorder(record: Recorder | str | os.PathLike[str] | None) -> Recorder | None:
    """Converts the argument of `connect(record=...)`. Raises `TypeError` for what is no path."""
    return record if record is None or isinstance(record, Recorder) else Recorder(record)
