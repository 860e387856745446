"""Recording a session: both directions, as they are on the wire, into a file that the emulator can replay.

`LiveGenerativeModel.connect(record=...)` begins one; `docs/recordings.md` describes the file.
"""

from livesession.recording.recorder import Recorder

__all__ = ["Recorder"]
