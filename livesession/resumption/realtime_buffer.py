"""Realtime input that is kept while there is no connection."""

from __future__ import annotations

import threading
from collections import deque

from livesession.messages.client import LiveClientMessage, LiveClientRealtimeInput

__all__ = ["RealtimeBuffer"]


def size_of(message: LiveClientRealtimeInput) -> int:
    """Bytes of its audio, image or text."""
    return sum(len(blob.data) for blob in (message.audio, message.video) if blob) + len(message.text or "")


class RealtimeBuffer:
    """The newest input, up to a number of bytes; older input is dropped and counted.

    Shut while there is a connection. It is shut in the same step in which it is found to be empty, so that nothing
    stays behind, and nothing that is sent later overtakes what was kept.

    Args:
        limit: Bytes; the newest message is kept whatever its size.
    """

    def __init__(self, limit: int) -> None:
        # Guards all fields; no other lock is taken inside. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._limit = limit
        self._messages: deque[LiveClientRealtimeInput] = deque()
        self._bytes = 0
        self._dropped = 0
        self._is_shut = True

    def open(self) -> None:
        """The connection is lost."""
        with self._lock:
            self._is_shut = False

    def keep(self, message: LiveClientMessage) -> bool:
        """Takes realtime input, which goes on without a connection; False for other messages, and when it is shut."""
        if not isinstance(message, LiveClientRealtimeInput) or not (message.audio or message.video or message.text):
            return False
        with self._lock:
            if self._is_shut:
                return False
            self._messages.append(message)
            self._bytes += size_of(message)
            while self._bytes > self._limit and len(self._messages) > 1:
                self._bytes -= size_of(self._messages.popleft())
                self._dropped += 1
        return True

    def take(self) -> LiveClientRealtimeInput | None:
        """The oldest one; None shuts."""
        with self._lock:
            if not self._messages:
                self._is_shut = True
                return None
            message = self._messages.popleft()
            self._bytes -= size_of(message)
            return message

    def put_back(self, message: LiveClientRealtimeInput) -> None:
        """Puts a message back that could not be sent."""
        with self._lock:
            self._messages.appendleft(message)
            self._bytes += size_of(message)

    def take_dropped(self) -> int:
        """Returns the number of messages that were dropped since the last call."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
            return dropped
