"""The source of a video's frames: an iterable, on a thread of its own, because a camera may block."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sized

from livesession.errors import InvalidRequestError
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["FrameSource"]


class FrameSource:
    """The newest frame of an iterable.

    One thread takes frames out; the iterable runs on the thread "livesession-video-source". No lock: what both of them
    write is one value each, and the deque is safe by itself.

    Args:
        frames: What is sent; never closed here.
        on_news: Called, on that thread, when there is a frame, and at the end.
        live: Whether frames are taken as fast as they come; else one when it is asked for.
    """

    def __init__(self, frames: Iterable[object], on_news: Callable[[], None], *, live: bool) -> None:
        self._frames = frames
        self._on_news = on_news
        self._is_live = live
        self._count = len(frames) if isinstance(frames, Sized) else None  # so that no thread waits behind the last one
        self._newest: deque[object] = deque(maxlen=1)  # an older one makes room by itself
        self._notifier = Notifier()  # opened when a frame is asked for, and by close()
        self._is_asked = False
        self._is_closed = False
        self._has_ended = False
        self._error: BaseException | None = None
        self.given = 0  # how many frames the iterable has yielded

    def start(self) -> None:
        """Begins with the iterable; once."""
        threading.Thread(target=self._run, name="livesession-video-source", daemon=True).start()

    def close(self) -> None:
        """Asks for nothing more. An iterable that is busy is not waited for: its thread ends when it yields."""
        self._is_closed = True
        self._notifier.notify()

    def ask(self) -> None:
        """The next frame is wanted now."""
        self._is_asked = True
        self._notifier.notify()

    @property
    def is_ready(self) -> bool:
        """Whether there is a frame, or there will be none."""
        return bool(self._newest) or self._has_ended

    @property
    def is_exhausted(self) -> bool:
        """Whether all frames have been taken. What the iterable raised, `InvalidRequestError` is raised for it."""
        if not self._has_ended or self._newest:
            return False
        if self._error is not None:
            error = self._error
            raise InvalidRequestError(
                f"The iterable of frames raised {type(error).__name__}: {error}. The frames before were sent."
            ) from error
        return True

    def take(self) -> object:
        """The newest frame; to be called where there is one."""
        return self._newest.popleft()

    def _run(self) -> None:
        try:
            if self._is_wanted():
                self._give()
        except BaseException as error:  # whatever it is, the thread that waits for frames must not go on waiting
            self._error = error
        self._has_ended = True
        self._on_news()

    def _give(self) -> None:
        for frame in self._frames:
            self._is_asked = False  # before it can be seen, because then the next one may be asked for
            self.given += 1
            self._newest.append(frame)
            self._on_news()
            if self.given == self._count or not self._is_wanted():
                return

    def _is_wanted(self) -> bool:
        """Whether another frame is to be taken; waits until it is known."""
        self._notifier.wait_until(lambda: self._is_live or self._is_asked or self._is_closed, Deadline(None))
        return not self._is_closed
