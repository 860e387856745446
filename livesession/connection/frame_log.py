"""The log of a connection's frames, at DEBUG: their kind and size, never what was said."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from livesession.observers import Disconnected, MessageReceived, MessageSent, SessionEvent

if TYPE_CHECKING:
    from livesession.logs import SessionLog

__all__ = ["FrameLog"]


class FrameLog:
    """Observes a connection, and logs each frame.

    A sent frame is logged when it is out: what a log handler does must not happen with the connection locked.
    """

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    def on_event(self, event: SessionEvent) -> None:
        if isinstance(event, MessageReceived):
            self._write("received %s", FrameSummary(event.data))
        elif isinstance(event, MessageSent):
            self._write("sent %s", FrameSummary(event.message.data))
        elif isinstance(event, Disconnected):
            info = event.close_info
            self._write("the connection has ended, with code %d, by the %s", info.code, info.origin)

    def _write(self, text: str, *values: object) -> None:
        """Logs a record; what a handler of the user's raises is printed, and stops nothing."""
        try:
            self._log.debug(text, *values)
        except Exception:
            if logging.raiseExceptions:  # as the standard handlers do it
                traceback.print_exc()


class FrameSummary:
    """Describes a frame, when it is printed."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __str__(self) -> str:
        from livesession.connection.frame_summary import summarise  # most programs never print one

        return f"{summarise(self._data)}, {len(self._data):,} bytes"
