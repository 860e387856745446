"""`Recorder`: where a session is recorded to, and how."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from attrs import field, frozen

from livesession.validators import one_of

__all__ = ["Recorder", "to_recorder"]


def to_path(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"A recording goes to a path, not to {path!r:.80}.")
    return Path(path)


@frozen
class Recorder:
    """The file that a session is recorded to, for `connect(record=...)`; a path alone is the same as `Recorder(path)`.

    Attributes:
        path: The file, which is replaced where it exists; only its owner may read it (mode 0600).
        audio: `"inline"` keeps sound in the file, as base64, as it is on the wire. `"wav"` puts it beside the file:
            `talk.jsonl` has the user's in `talk.client.wav` and the model's in `talk.server.wav`, mono PCM, 16-bit
            signed little-endian, 16,000 and 24,000 Hz or what the messages say. Replaying puts it back. Default
            `"inline"`.
    """

    path: Path = field(converter=to_path)
    audio: Literal["inline", "wav"] = field(default="inline", validator=one_of("inline", "wav"), kw_only=True)

    def track_path(self, sender: str) -> Path:
        """The WAV file of one side."""
        stem = self.path.name.removesuffix(".jsonl")
        return self.path.with_name(f"{stem}.{sender}.wav")


def to_recorder(record: Recorder | str | os.PathLike[str] | None) -> Recorder | None:
    """Makes a recorder of what `connect(record=...)` takes."""
    return record if record is None or isinstance(record, Recorder) else Recorder(record)
