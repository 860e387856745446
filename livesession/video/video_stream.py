"""`LiveSession.send_video_stream()`: images at the pace of real time, where the newest is worth more than the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from contextlib import closing
from typing import TYPE_CHECKING

import attrs

from livesession.errors import ConfigurationError, SendTimeout
from livesession.messages.content import GenerativeContentBlob
from livesession.session import requests
from livesession.session.write_hooks import ClientHook
from livesession.sync.deadline import Deadline
from livesession.video.frame_source import FrameSource
from livesession.video.images import VideoFrame, has_pixels, to_image

if TYPE_CHECKING:
    from livesession.session.core import SessionCore
    from livesession.session.state import SessionState

__all__ = ["VideoStatistics", "VideoStream"]

MOST_FPS = 30
STALE_AFTER = 1.0  # seconds that a live image may wait until it can be written


@attrs.frozen
class VideoStatistics:
    """Counts of the frames of a video, by outcome.

    Attributes:
        sent: How many were sent.
        dropped: How many were not, because newer ones came before it was their turn.
    """

    sent: int
    dropped: int


class StaleImage(Exception):
    """An image has waited for too long, and is not to be written any more."""


class FreshImageHook(ClientHook):
    """The hook of an image that is dropped when it cannot be written soon.

    A time limit would not do: one that runs out in the middle of an image ends the session.
    """

    def __init__(self, state: SessionState) -> None:
        super().__init__(state)
        self._until = Deadline(STALE_AFTER)

    def before_write(self) -> None:
        """Raises `StaleImage`."""
        if self._until.expired():
            raise StaleImage
        super().before_write()


class VideoStream:
    """One call of `send_video_stream()`.

    Args:
        core: The session's.
        frames, fps, live, max_side: As there.
    """

    def __init__(
        self,
        core: SessionCore,
        frames: Iterable[VideoFrame],
        fps: float,
        live: bool | None,
        max_side: int | None,
    ) -> None:
        check(frames, fps, max_side)
        self._core = core
        self._is_live = not isinstance(frames, Sized) if live is None else live
        self._period = 1 / fps
        self._max_side = max_side
        self._source = FrameSource(frames, core.manager.wake, live=self._is_live)
        self._due = Deadline(0.0)

    def run(self) -> VideoStatistics:
        """Sends until the iterable ends. Raises what `send_video_stream()` raises."""
        sent = 0
        with closing(self._source) as source:
            source.start()
            while self._has_next():
                self._due = Deadline(self._period)
                sent += self._is_sent(source.take())
        return VideoStatistics(sent, source.given - sent)

    def _has_next(self) -> bool:
        """Waits until the next image is due and there is one; False at the end of the iterable."""
        source = self._source
        self._core.manager.wait_until(lambda: source.is_exhausted, self._due)
        source.ask()
        self._core.manager.wait_until(lambda: source.is_ready, Deadline(None))
        return not source.is_exhausted

    def _is_sent(self, frame: object) -> bool:
        """Sends an image, which is encoded here, where no lock is held; False when it was dropped."""
        image = requests.video_input(to_image(frame, self._max_side))
        hook = FreshImageHook(self._core.state) if self._is_live else None
        try:
            self._core.send(image, None, hook)  # unlike the user's own input, it completes no turn that was left open
        except StaleImage:
            return False
        except SendTimeout as error:
            if error.session_ended or not self._is_live:
                raise
            return False
        return True


def check(frames: object, fps: float, max_side: int | None) -> None:
    """Raises `TypeError` and `ConfigurationError` for arguments that cannot be meant."""
    if isinstance(frames, (bytes, bytearray, memoryview, str, GenerativeContentBlob)) or is_one_image(frames):
        raise TypeError("frames is an iterable of images; one image goes through send_video_stream([image]).")
    if not isinstance(frames, Iterable):
        raise TypeError(f"frames is an iterable of images, not {type(frames).__name__}.")
    if not (is_number(fps) and 0 < fps <= MOST_FPS):
        raise ConfigurationError(f"fps must be over 0 and at most {MOST_FPS}, not {fps!r}.")
    if max_side is not None and not (isinstance(max_side, int) and max_side >= 1):
        raise ConfigurationError(f"max_side must be a whole number over 0, or None, not {max_side!r}.")


def is_one_image(frames: object) -> bool:
    """Whether this is an array or a PIL image; an array of images, with four dimensions, is a video."""
    return has_pixels(frames) and len(getattr(frames, "shape", ())) < 4


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
