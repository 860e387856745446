"""The log of the sessions of a process: standard `logging`, under the name `livesession`.

States are told at INFO, a connection that is lost and made anew, or cannot be, at WARNING, frames at DEBUG: their kind
and size, never what was said. Every record of a session begins with the session's number in this process, which is also
in its attribute `session`.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter  # which takes no type before Python 3.11

__all__ = ["Log", "SessionLog", "logger"]

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
