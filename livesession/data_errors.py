"""The errors that the protocol's data raise; `livesession.errors` has all of them, and the tree.

They stand apart because other errors hold a `Turn`, which is made of that data.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "ConfigurationError",
    "InvalidRequestError",
    "LiveSessionError",
    "MissingExtraError",
    "ProtocolError",
    "UnsupportedMessageError",
    "excerpt",
]

SHOWN = 200


def excerpt(data: bytes | str) -> str:
    """The beginning of a frame, for a message."""
    shown = repr(data[:SHOWN])
    return shown if len(data) <= SHOWN else f"{shown}... ({len(data):,} in all)"


class LiveSessionError(Exception):
    """Base of all errors of this library."""


class ConfigurationError(LiveSessionError, ValueError):
    """A configuration that cannot be used: a missing key, a bad address, an option out of range."""


class MissingExtraError(LiveSessionError, ImportError):
    """An optional package is not installed; the message names the command that installs it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} needs an optional package: run  pip install "livesession[{extra}]"')
        self.extra = extra


class InvalidRequestError(LiveSessionError, ValueError):
    """A message that the server would answer by closing the session; it was not sent, and the session goes on."""


class ProtocolError(LiveSessionError):
    """A frame that could not be read; the session stays usable, and iteration goes on with the next message.

    Attributes:
        data: The frame as it arrived.
    """

    def __init__(self, message: str, *, data: bytes) -> None:
        super().__init__(message)
        self.data = data


class UnsupportedMessageError(ProtocolError):
    """A frame none of whose keys is known, perhaps of a newer protocol; the session stays usable.

    Attributes:
        frame: The parsed JSON object.
    """

    def __init__(self, message: str, *, data: bytes, frame: Mapping[str, object]) -> None:
        super().__init__(message, data=data)
        self.frame = frame


for error in (
    LiveSessionError,
    ConfigurationError,
    MissingExtraError,
    InvalidRequestError,
    ProtocolError,
    UnsupportedMessageError,
):
    error.__module__ = "livesession.errors"  # where users find them, and what a traceback names
