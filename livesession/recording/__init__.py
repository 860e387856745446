"""Recordings of sessions: the frames of both directions, as they are on the wire, in files that the emulator replays.

`LiveGenerativeModel.connect(record=...)` starts one; `docs/recordings.md` describes the file.
"""

from livesession.recording.recorder import Recorder

__all__ = ["Recorder"]
