"""Aligns what is played with what is heard, in frames of 10 ms; without a clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from livesession.audio.webrtc import FRAME_BYTES, FRAME_MS

__all__ = ["Alignment", "CaptureClock"]

MOST_KEPT = 2000  # blocks that were played and wait for the microphone


class Alignment:
    """Puts what is played and what is heard in order. One thread calls `played()`, and one at a time the others.

    Args:
        hold: Seconds for which what is played is held back, when it is heard much later.
    """

    def __init__(self, hold: float = 0.0) -> None:
        self._hold = hold
        self._clock = CaptureClock()
        self._played: deque[tuple[float, bytes]] = deque(maxlen=MOST_KEPT)
        self._far = bytearray()  # less than a frame, of what was played
        self._near = bytearray()  # and of what was heard

    def played(self, pcm: bytes, now: float) -> None:
        """Takes what is played from now on."""
        self._played.append((now, pcm))

    def heard(self, pcm: bytes, now: float) -> Iterator[tuple[list[bytes], bytes]]:
        """Takes what came from the microphone now; gives each whole frame, and before it what was played since."""
        self._near += pcm
        frames = take_frames(self._near)
        for frame, at in zip(frames, self._clock.times(len(frames), now), strict=True):
            yield self._played_until(at - self._hold), frame

    def _played_until(self, at: float) -> list[bytes]:
        while self._played and self._played[0][0] <= at:
            self._far += self._played.popleft()[1]
        return take_frames(self._far)


class CaptureClock:
    """Tells when frames left the microphone, from when they came here, which may be later and in bursts.

    While this process or its network is busy, what is heard waits; taken for the present, it would be compared with
    what was played long after it. Frames come from the microphone every 10 ms, so the one that came soonest in the
    last second tells when the others were due.
    """

    def __init__(self) -> None:
        self._count = 0
        self._late: deque[float] = deque(maxlen=1000 // FRAME_MS)  # arrival, less the place in the stream; in seconds

    def times(self, frames: int, now: float) -> list[float]:
        """Returns the times at which the frames that came now were due, at the latest now."""
        return [self._time(now - left * FRAME_MS / 1000) for left in reversed(range(frames))]

    def _time(self, arrival: float) -> float:
        self._count += 1
        place = self._count * FRAME_MS / 1000
        self._late.append(arrival - place)
        return place + min(self._late)


def take_frames(pcm: bytearray) -> list[bytes]:
    """Takes the whole frames out of the beginning."""
    whole = len(pcm) - len(pcm) % FRAME_BYTES
    frames = [bytes(pcm[start : start + FRAME_BYTES]) for start in range(0, whole, FRAME_BYTES)]
    del pcm[:whole]
    return frames
