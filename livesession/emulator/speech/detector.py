"""Finding speech in 16 kHz mono PCM16: fed with bytes, it says where speech starts and ends. No I/O, no clock.

Positions are counted in samples heard, not in time passed, so a burst is judged as live audio is.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable

from attrs import frozen

from livesession.emulator.extra_imports import new_vad

FRAME_MS = 20
FRAME_BYTES = 640
"""20 ms of 16 kHz mono PCM16: one judgement."""

_QUIET = 100
"""A frame whose loudest sample is below this (of 32,767) is silence, whatever the detector thinks of its shape."""

_LEAD_FRAMES = 10
"""How much from before the first voiced frames goes with the utterance, so that no onset is cut off (200 ms)."""

_TAIL_FRAMES = 5
_LONGEST_FRAMES = 10 * 60 * 1000 // FRAME_MS


@frozen
class SpeechStarted:
    """Speech began `offset` seconds into the audio."""

    offset: float


@frozen
class SpeechEnded:
    """Speech ended `offset` seconds into the audio; `audio` is what was said, 16 kHz mono PCM16."""

    offset: float
    audio: bytes


SpeechEvent = SpeechStarted | SpeechEnded


@frozen
class DetectorSettings:
    """The settings for when speech counts as begun and ended; the defaults are the Developer API's."""

    start_sensitive: bool = True
    end_sensitive: bool = True
    prefix_ms: int | None = None
    """Milliseconds of speech before a start is committed; None is 100."""
    silence_ms: int | None = None
    """Milliseconds of silence before an end is committed; None is 500, or 800 when not `end_sensitive`."""

    @property
    def start_frames(self) -> int:
        return max(1, (100 if self.prefix_ms is None else self.prefix_ms) // FRAME_MS)

    @property
    def end_frames(self) -> int:
        default = 500 if self.end_sensitive else 800
        return max(1, (default if self.silence_ms is None else self.silence_ms) // FRAME_MS)


class SpeechDetector:
    """Segments one stream of audio into utterances. Not thread-safe: one stream, one owner."""

    def __init__(self, settings: DetectorSettings, is_voiced: Callable[[bytes], bool] | None = None) -> None:
        """`is_voiced` judges one frame of `FRAME_BYTES`; None is webrtcvad, stricter when not `start_sensitive`."""
        self._settings = settings
        self._is_voiced = is_voiced or new_vad(2 if settings.start_sensitive else 3)
        self._rest = b""
        self._position = 0
        self._window: deque[bool] = deque(maxlen=settings.start_frames)
        self._lead: deque[bytes] = deque(maxlen=settings.start_frames + _LEAD_FRAMES)
        self._utterance: list[bytes] = []
        self._silent = 0
        self.speaking = False

    def feed(self, pcm: bytes) -> list[SpeechEvent]:
        """Take any number of bytes; a part of a frame waits for the rest."""
        data = self._rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        events: list[SpeechEvent] = []
        for start in range(0, whole, FRAME_BYTES):
            event = self._judge(data[start : start + FRAME_BYTES])
            if event is not None:
                events.append(event)
        return events

    def flush(self) -> list[SpeechEvent]:
        """The stream pauses: an utterance that is open ends here."""
        padding = b"\0" * (-len(self._rest) % FRAME_BYTES)
        events = self.feed(padding) if padding else []
        if self.speaking:
            events.append(self._end())
        self._window.clear()
        self._lead.clear()
        return events

    def _judge(self, frame: bytes) -> SpeechEvent | None:
        self._position += 1
        voiced = loudness(frame) >= _QUIET and self._is_voiced(frame)
        return self._during(frame, voiced) if self.speaking else self._before(frame, voiced)

    def _before(self, frame: bytes, voiced: bool) -> SpeechEvent | None:
        self._lead.append(frame)
        self._window.append(voiced)
        if sum(self._window) < self._votes_needed():
            return None
        self.speaking = True
        self._utterance = list(self._lead)
        self._silent = 0
        return SpeechStarted(self._seconds(self._position - len(self._window)))

    def _during(self, frame: bytes, voiced: bool) -> SpeechEvent | None:
        self._utterance.append(frame)
        self._silent = 0 if voiced else self._silent + 1
        over = self._silent >= self._settings.end_frames or len(self._utterance) >= _LONGEST_FRAMES
        return self._end() if over else None

    def _end(self) -> SpeechEnded:
        offset = self._seconds(self._position - self._silent)
        surplus = max(0, self._silent - _TAIL_FRAMES)
        audio = b"".join(self._utterance[: len(self._utterance) - surplus])
        self.speaking = False
        self._utterance = []
        self._window.clear()
        self._lead.clear()
        return SpeechEnded(offset, audio)

    def _votes_needed(self) -> int:
        share = 0.8 if self._settings.start_sensitive else 1.0
        return max(1, round(self._settings.start_frames * share))

    @staticmethod
    def _seconds(frames: int) -> float:
        return max(0, frames) * FRAME_MS / 1000


def loudness(pcm: bytes) -> int:
    """Return the largest magnitude among the samples, 0 to 32,768."""
    samples = array("h", pcm)
    return max(max(samples), -min(samples)) if samples else 0
