"""Time limits, memory limits and choices of a session."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeVar

from attrs import Attribute, field, frozen

from livesession.errors import ConfigurationError

__all__ = ["SessionOptions", "check_timeout"]

MEGABYTE = 1024 * 1024

Number = TypeVar("Number", int, float)
Seconds = TypeVar("Seconds", float, "float | None")


def positive(options: object, attribute: Attribute[Number], value: Number) -> None:
    """An attrs validator."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ConfigurationError(f"{attribute.name} must be a finite number over 0, not {value!r}.")


def one_of(*allowed: str) -> Callable[[object, Attribute[str], str], None]:
    """Makes an attrs validator."""

    def check(options: object, attribute: Attribute[str], value: str) -> None:
        if value not in allowed:
            raise ConfigurationError(f"{attribute.name} must be {' or '.join(map(repr, allowed))}, not {value!r}.")

    return check


@frozen(kw_only=True)
class SessionOptions:
    """How long a session waits and how much it holds; all times in seconds.

    Attributes:
        connect_timeout: For name, TCP, proxy, TLS and HTTP upgrade together; default 10.
        setup_timeout: From the upgrade to `setupComplete`; some models are slow; default 30.
        send_timeout: For one message to be written; default 30.
        turn_timeout: Silence between two messages in `ask()` and `receive_turn()`; default 60.
        close_timeout: For the closing handshake; default 5.
        max_message_bytes: A longer message from the server ends the session (close code 1009); default 64 MB.
        inbox_bytes: What may wait to be received; beyond that the session is not read until half is consumed, and
            pings behind the pause wait too; default 64 MB.
        on_full: `"pause"` for that, or `"error"` to end the session (close code 1008); default `"pause"`.
        on_unsupported: What a message of an unknown kind does: `"raise"` an `UnsupportedMessageError` from
            `receive()`, after which iteration can go on, or `"warn"` in the log; default `"raise"`.
    """

    connect_timeout: float = field(default=10.0, validator=positive)
    setup_timeout: float = field(default=30.0, validator=positive)
    send_timeout: float = field(default=30.0, validator=positive)
    turn_timeout: float = field(default=60.0, validator=positive)
    close_timeout: float = field(default=5.0, validator=positive)
    max_message_bytes: int = field(default=64 * MEGABYTE, validator=positive)
    inbox_bytes: int = field(default=64 * MEGABYTE, validator=positive)
    on_full: Literal["pause", "error"] = field(default="pause", validator=one_of("pause", "error"))
    on_unsupported: Literal["raise", "warn"] = field(default="raise", validator=one_of("raise", "warn"))


def check_timeout(seconds: Seconds) -> Seconds:
    """A time limit of the user's; None and infinity are none."""
    if seconds is not None and not seconds >= 0:
        raise ConfigurationError(f"A timeout is a number of seconds, 0 or more, not {seconds!r}.")
    return seconds
