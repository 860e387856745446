"""Whether a client says what the recording's client said, and how far it is. No I/O.

Threads that send side by side do not always take turns as they did while it was recorded. So messages are held
against those of the same lane, in which one thread or one lock decides the order: speech, pictures, typed text,
turns, answers to functions. What comes earlier than it was recorded is fine; what comes late is waited for.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Mapping
from typing import Protocol

from livesession.emulator.replay.meaning import Meaning, Sound, understand
from livesession.emulator.replay.mismatch import Departure, Expected
from livesession.emulator.replay.recorded_session import RecordedConnection

SETUP = "setup"  # the lane that comes before all others


class Matcher(Protocol):
    """Follows what a client sends over one connection."""

    def take(self, message: Mapping[str, object]) -> None:
        """Take the next message. Raises `Departure`."""

    def has_come(self, index: int) -> bool:
        """Whether the client has sent all that it sent before this frame of the recording."""

    @property
    def missing(self) -> Expected | None:
        """The first message that is still to come."""


class LooseMatcher:
    """Counts messages, whatever they are."""

    missing = None

    def __init__(self, connection: RecordedConnection) -> None:
        self._places = [index for index, frame in enumerate(connection.frames) if frame.sender == "client"]
        self._count = 0

    def take(self, message: Mapping[str, object]) -> None:
        self._count += 1

    def has_come(self, index: int) -> bool:
        return self._count >= sum(place < index for place in self._places)


class StrictMatcher:
    """Compares messages by what they mean.

    Args:
        connection: What was recorded.
        recorded_on_vertex, vertex: Which of the two dialects each side speaks.
        handles: The resumption handles that the recording's server gave; any of them is as good as another.
        compare_audio: Whether realtime audio must be the same; else it only has to be as long, and may stop earlier
            where other messages of its lane follow.
    """

    def __init__(
        self,
        connection: RecordedConnection,
        *,
        recorded_on_vertex: bool,
        vertex: bool,
        handles: Collection[str],
        compare_audio: bool,
    ) -> None:
        self._vertex = vertex
        self._handles = handles
        self._compare_audio = compare_audio
        self._lanes: dict[str, deque[Expected]] = {}
        self._heard = 0  # bytes of the sound at the head of its lane that have come
        self._heard_before = 0  # bytes of sound before that
        for index, frame in enumerate(connection.frames):
            if frame.sender == "client":
                meaning = understand(parsed(frame.text), vertex=recorded_on_vertex)
                lane = self._lanes.setdefault(meaning.lane, deque())
                lane.extend(Expected(index, frame, each) for each in meaning.apart)

    def has_come(self, index: int) -> bool:
        return all(not lane or lane[0].index >= index for lane in self._lanes.values())

    @property
    def missing(self) -> Expected | None:
        waiting = [
            expected
            for lane in self._lanes.values()
            for expected in lane
            if self._compare_audio or expected.meaning.sound is None
        ]
        return min(waiting, key=lambda expected: expected.index, default=None)

    def take(self, message: Mapping[str, object]) -> None:
        sent = understand(message, vertex=self._vertex)
        if sent.lane != SETUP and (setups := self._lanes.get(SETUP)):
            raise Departure(setups[0], sent, "The service takes nothing before the setup.")
        lane = self._lanes.get(sent.lane, deque())
        if sent.sound is not None:
            self._take_sound(lane, sent, sent.sound)
            return
        for each in sent.apart:
            self._take_message(lane, each)

    def _take_message(self, lane: deque[Expected], sent: Meaning) -> None:
        while not self._compare_audio and lane and lane[0].meaning.sound is not None:
            self._is_heard(lane)  # it was recorded for longer
        expected = self._counterpart(lane, sent)
        if expected is None:
            raise Departure(None, sent)
        recorded = expected.meaning
        if recorded.sound is not None:
            raise Departure(expected, sent, f"The recording has more sound here, from {self._time(recorded.sound)} on.")
        if not self._alike(sent).says_the_same_as(self._alike(recorded)):
            raise Departure(expected, sent)
        lane.remove(expected)

    def _alike(self, meaning: Meaning) -> Meaning:
        """Finds the server's newest handle when a client resumes, which is a matter of time."""
        if meaning.handle is None:
            return meaning
        return meaning.with_handle("<one of the server's>" if meaning.handle in self._handles else "<from before>")

    def _counterpart(self, lane: deque[Expected], sent: Meaning) -> Expected | None:
        """The answers to the same calls, or the next message of the lane."""
        answers = (each for each in lane if sent.call_ids and each.meaning.call_ids == sent.call_ids)
        return next(answers, lane[0] if lane else None)

    # Sound, which is one stream however it is cut into pieces.

    def _take_sound(self, lane: deque[Expected], sent: Meaning, sound: Sound) -> None:
        data = sound.data
        while data and lane and (recorded := lane[0].meaning.sound) is not None:
            size = min(len(data), len(recorded.data) - self._heard)
            if self._compare_audio:
                self._compare(lane[0], sent, sound, recorded, data[:size])
            data = data[size:]
            self._heard += size
            if self._heard == len(recorded.data):
                self._is_heard(lane)
        if data and self._compare_audio:
            detail = f"The recording has no more sound here, after {self._time(sound)}."
            raise Departure(lane[0] if lane else None, sent, detail)

    def _compare(self, expected: Expected, sent: Meaning, sound: Sound, recorded: Sound, data: bytes) -> None:
        if sound.kind != recorded.kind:
            raise Departure(expected, sent)
        here = recorded.data[self._heard : self._heard + len(data)]
        if here != data:
            alike = next(count for count, (ours, theirs) in enumerate(zip(here, data, strict=True)) if ours != theirs)
            raise Departure(expected, sent, f"The sound is another, from {self._time(sound, alike)} on.")

    def _is_heard(self, lane: deque[Expected]) -> None:
        sound = lane.popleft().meaning.sound
        self._heard_before += len(sound.data) if sound else 0
        self._heard = 0

    def _time(self, sound: Sound, more: int = 0) -> str:
        return f"second {sound.seconds(self._heard_before + self._heard + more):.3f} of this connection's sound"


def parsed(text: str) -> Mapping[str, object]:
    """A recorded message; one that is no object cannot be sent as one either, and matches nothing."""
    try:
        message = json.loads(text)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
