"""The entries that wait to be written to a recording: frames and events, each with its place in the order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from attrs import define, frozen

from livesession.observers import Connected, Disconnected

__all__ = ["Entry", "EntryQueue", "Recorded", "RecordedMessage"]


@frozen
class RecordedMessage:
    """A frame, as it is on the wire; `redact` takes the connection's secrets out of a text."""

    connection: int
    sender: str
    data: bytes
    redact: Callable[[str], str]


Recorded = Connected | Disconnected | RecordedMessage
"""What a recording holds."""


@define(eq=False)
class Entry:
    """An event with its time in seconds; a frame's fate may still be open."""

    at: float
    event: Recorded
    is_settled: bool = True
    is_dropped: bool = False

    @property
    def size(self) -> int:
        return len(self.event.data) if isinstance(self.event, RecordedMessage) else 0


class EntryQueue:
    """The entries in their order; put by any thread, taken by one."""

    def __init__(self) -> None:
        # Guards the two fields below; nothing is called while it is held. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._entries: deque[Entry] = deque()
        self._bytes = 0

    def put(self, entry: Entry) -> int:
        """Appends an entry; how many bytes wait now."""
        with self._lock:
            self._entries.append(entry)
            self._bytes += entry.size
            return self._bytes

    @property
    def is_ready(self) -> bool:
        """Whether the first entry can be taken."""
        with self._lock:
            return bool(self._entries) and self._entries[0].is_settled

    @property
    def is_settled(self) -> bool:
        """Whether all can be taken."""
        with self._lock:
            return all(entry.is_settled for entry in self._entries)

    def take(self) -> list[Entry]:
        """The entries up to the first whose fate is open, without those that were dropped."""
        taken = []
        with self._lock:
            while self._entries and self._entries[0].is_settled:
                entry = self._entries.popleft()
                self._bytes -= entry.size
                if not entry.is_dropped:
                    taken.append(entry)
        return taken

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def settle_all(self) -> None:
        """Drops the messages whose fate is still open."""
        with self._lock:
            for entry in self._entries:
                if not entry.is_settled:
                    entry.is_settled = entry.is_dropped = True
