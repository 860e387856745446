"""Entries of a recording, and the queue in which they wait, in their order, until they are written."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from attrs import define, frozen

from livesession.connection.close_info import CloseInfo

__all__ = ["ConnectionClosed", "ConnectionOpened", "Entry", "EntryQueue", "RecordedEvent", "RecordedMessage"]


@frozen
class ConnectionOpened:
    """The WebSocket upgrade of a connection; connections are numbered from 1."""

    connection: int


@frozen
class ConnectionClosed:
    """The end of a connection."""

    connection: int
    info: CloseInfo


@frozen
class RecordedMessage:
    """A frame as it is on the wire.

    Attributes:
        connection: The number of the connection.
        sender: `"client"` or `"server"`.
        data: The payload of the frame.
        redact: Removes the connection's secrets from a text.
    """

    connection: int
    sender: str
    data: bytes
    redact: Callable[[str], str]


RecordedEvent = ConnectionOpened | ConnectionClosed | RecordedMessage


@define(eq=False)
class Entry:
    """An event with its time; that of a frame being sent is only written if the frame went out whole.

    Attributes:
        at: Seconds since the recording began.
        event: The event.
        is_settled: Whether it is known if the entry is to be written.
        is_dropped: Whether it is not to be written.
    """

    at: float
    event: RecordedEvent
    is_settled: bool = True
    is_dropped: bool = False

    @property
    def size(self) -> int:
        return len(self.event.data) if isinstance(self.event, RecordedMessage) else 0


class EntryQueue:
    """The entries in their order; any thread puts them, and one takes them."""

    def __init__(self) -> None:
        # Guards the two fields below: all threads that send, the reader thread and the recorder use them. Nothing is
        # called while it is held. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._entries: deque[Entry] = deque()
        self._bytes = 0

    def put(self, entry: Entry) -> int:
        """Appends an entry; returns how many bytes of frames wait now."""
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
        """Whether all entries can be taken."""
        with self._lock:
            return all(entry.is_settled for entry in self._entries)

    def take(self) -> list[Entry]:
        """Takes the entries before the first one that is not settled; dropped ones are left out."""
        taken = []
        with self._lock:
            # A frame that is being sent holds back what comes after it, so that the order stays that of the wire.
            while self._entries and self._entries[0].is_settled:
                entry = self._entries.popleft()
                self._bytes -= entry.size
                if not entry.is_dropped:
                    taken.append(entry)
        return taken

    def clear(self) -> None:
        """Removes all entries."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def settle_all(self) -> None:
        """Drops the entries that are not settled: their frames did not go out."""
        with self._lock:
            for entry in self._entries:
                if not entry.is_settled:
                    entry.is_settled = entry.is_dropped = True
