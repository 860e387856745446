"""What the sessions of a process write to the log: standard `logging`, under the name `livesession`.

States are told at INFO, a connection that is lost and made anew, or cannot be, at WARNING, frames at DEBUG: their kind
and size, never what was said. Every record of a session begins with the session's number in this process, which is also
in its attribute `session`.
"""

from __future__ import annotations

import itertools
import logging
import traceback
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from livesession.connection.close_info import CloseInfo

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter  # which takes no type before Python 3.11

__all__ = ["FrameLog", "Log", "SessionLog", "logger"]

logger = logging.getLogger("livesession")

Log: TypeAlias = "logging.Logger | SessionLog"
"""Where records go: of a session, or of none in particular."""

numbers = itertools.count(1)


class SessionLog(Adapter):
    """The log of one session.

    Attributes:
        number: The session's, from 1 in the order of `connect()`.
    """

    def __init__(self) -> None:
        self.number = next(numbers)
        super().__init__(logger, {"session": self.number})

    def process(self, msg: object, kwargs: MutableMapping[str, Any]) -> tuple[str, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(kwargs.get("extra") or {}), "session": self.number}
        return f"session {self.number}: {msg}", kwargs


class FrameLog:
    """Watches one connection, and tells of each frame."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    def sending(self, data: bytes) -> SentFrameLog:
        return SentFrameLog(self._log, data)

    def received(self, data: bytes) -> None:
        tell(self._log, "received %s", Summary(data))

    def closed(self, ending: CloseInfo) -> None:
        tell(self._log, "the connection has ended, with code %d, by the %s", ending.code, ending.origin)


class SentFrameLog:
    """Told of when it is out, since what a log handler does must not happen with the connection locked."""

    def __init__(self, log: SessionLog, data: bytes) -> None:
        self._log = log
        self._data = data

    def begins(self) -> None:
        """Nothing is told before it is out."""

    def ended(self, *, is_whole: bool) -> None:
        if is_whole:
            tell(self._log, "sent %s", Summary(self._data))


def tell(log: SessionLog, text: str, *values: object) -> None:
    """Tells of a frame, which is out, or is to be read, whatever a handler of the user's raises; that is printed."""
    try:
        log.debug(text, *values)
    except Exception:
        if logging.raiseExceptions:  # as the standard handlers do it
            traceback.print_exc()


class Summary:
    """Says what a frame is, when it is printed."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __str__(self) -> str:
        from livesession.connection.frame_summary import summarise  # most programs never print one

        return f"{summarise(self._data)}, {len(self._data):,} bytes"
