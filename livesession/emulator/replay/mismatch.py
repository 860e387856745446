"""`ReplayMismatch`: how a client departed from a recording, for people to read."""

from __future__ import annotations

import difflib

from attrs import frozen

from livesession.emulator.replay.meaning import Meaning
from livesession.emulator.replay.recorded_session import RecordedFrame

DEPARTED = "The client departed from the recording"


@frozen
class Expected:
    """A message that the recording's client sent."""

    index: int
    """Its place among the frames of its connection, from 0."""
    frame: RecordedFrame
    meaning: Meaning

    @property
    def place(self) -> str:
        line = f" (line {self.frame.line})" if self.frame.line is not None else ""
        return f"frame {self.index + 1}{line}"


class Departure(Exception):
    """The client sent something else than the recording's client.

    Args:
        expected: What the recording has; None where it has nothing more of the kind.
        sent: What came.
        detail: What is different, where the messages do not show it.
    """

    def __init__(self, expected: Expected | None, sent: Meaning, detail: str = "") -> None:
        super().__init__(expected, sent, detail)
        self.expected = expected
        self.sent = sent
        self.detail = detail

    @property
    def reason(self) -> str:
        """The words of the close frame."""
        where = f"{DEPARTED} at {self.expected.place}" if self.expected else DEPARTED
        return f"{where}: {self.sent.kind}."


class ReplayMismatch(AssertionError):
    """The client did not do what the recording's client did; the message shows the difference.

    Attributes:
        recording: The recording's name.
        connection: The connection's number in the recording, from 1.
        frame: The frame's number on its connection, from 1; None for a message that the recording does not have.
        kind: The kind of message, such as `clientContent` or `realtimeInput.audio`.
    """

    def __init__(self, message: str, recording: str, connection: int, frame: int | None, kind: str) -> None:
        super().__init__(message)
        self.recording = recording
        self.connection = connection
        self.frame = frame
        self.kind = kind


def departed(recording: str, connection: int, departure: Departure) -> ReplayMismatch:
    """A message was another one, or one too many."""
    expected, sent = departure.expected, departure.sent
    name = f"the recording {recording!r}"
    if expected is None:
        what = f"The client sent a message that {name} does not have, on connection {connection}: {sent.kind}."
        return _mismatch(what, departure.detail, recording, connection, None, [], sent)
    what = f"The client departed from {name} at {expected.place} of connection {connection}: {expected.meaning.kind}"
    what += "." if expected.meaning.kind == sent.kind else f" was expected, and {sent.kind} came."
    return _mismatch(what, departure.detail, recording, connection, expected, expected.meaning.printed, sent)


def not_sent(recording: str, connection: int, expected: Expected) -> ReplayMismatch:
    """The client ended too early."""
    what = (
        f"The client did not send {expected.place} of connection {connection} of the recording {recording!r}: "
        f"{expected.meaning.kind}."
    )
    return _mismatch(what, "", recording, connection, expected, expected.meaning.printed, None)


def _mismatch(
    what: str,
    detail: str,
    recording: str,
    connection: int,
    expected: Expected | None,
    recorded: list[str],
    sent: Meaning | None,
) -> ReplayMismatch:
    lines = difflib.unified_diff(recorded, sent.printed if sent else [], "recorded", "sent", lineterm="")
    message = f"{what} {detail}".rstrip() + "\n\n" + "\n".join(lines)
    kind = expected.meaning.kind if expected else sent.kind if sent else ""
    return ReplayMismatch(message, recording, connection, expected.index + 1 if expected else None, kind)
