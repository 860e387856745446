"""Realtime input that is kept while there is no connection."""

from __future__ import annotations

import threading
from collections import deque

from livesession.outbox import size_of
from livesession.types.client import LiveClientMessage, LiveClientRealtimeInput

__all__ = ["KeptInput"]


class KeptInput:
    """The newest media, up to a number of bytes; older ones are dropped and counted.

    Args:
        limit: Bytes; the newest message is kept whatever its size.
    """

    def __init__(self, limit: int) -> None:
        self._lock = threading.Lock()  # guards all fields; no other lock is taken inside
        self._limit = limit
        self._messages: deque[LiveClientRealtimeInput] = deque()
        self._bytes = 0
        self._dropped = 0

    def keep(self, message: LiveClientMessage) -> bool:
        """Takes what happens whether or not anybody listens; False for anything else."""
        if not isinstance(message, LiveClientRealtimeInput) or not (message.audio or message.video or message.text):
            return False
        with self._lock:
            self._messages.append(message)
            self._bytes += size_of(message)
            while self._bytes > self._limit and len(self._messages) > 1:
                self._bytes -= size_of(self._messages.popleft())
                self._dropped += 1
        return True

    def take(self) -> list[LiveClientRealtimeInput]:
        with self._lock:
            taken, self._bytes = list(self._messages), 0
            self._messages.clear()
            return taken

    def take_dropped(self) -> int:
        """How many were dropped since it was asked last."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
            return dropped
