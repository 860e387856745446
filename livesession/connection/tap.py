"""The seam where the raw frames of a connection can be watched: by a recording, by the log.

Watchers are not told of frames that did not go out whole. A frame's place is fixed before its first byte goes out,
for the answer may be read by another thread before the sender gets to say that it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from livesession.connection.close_info import CloseInfo

__all__ = ["Outgoing", "Tap", "Watched"]


class Outgoing(Protocol):
    """A watcher's note of one frame that is to be sent."""

    def begins(self) -> None:
        """It is its turn; nothing has gone out yet. Called in true order, with the write lock held."""

    def ended(self, *, is_whole: bool) -> None:
        """It went out whole, or it did not; also called for one that never began."""


class Tap(Protocol):
    """Watches one connection. Its methods neither wait nor raise."""

    def sending(self, data: bytes) -> Outgoing:
        """A frame is to be sent; called on the sender's thread."""

    def received(self, data: bytes) -> None:
        """A frame came; called on the reader thread, before anybody else sees it."""

    def closed(self, ending: CloseInfo) -> None:
        """The connection has ended; called once, on the reader thread, after the last frame."""


class Watched:
    """One frame on its way out, for all who watch."""

    def __init__(self, taps: Sequence[Tap], data: bytes) -> None:
        self._notes = [tap.sending(data) for tap in taps]

    def begins(self) -> None:
        for note in self._notes:
            note.begins()

    def ended(self, *, is_whole: bool) -> None:
        for note in self._notes:
            note.ended(is_whole=is_whole)
