"""Time limits, memory limits and choices of a session."""

from __future__ import annotations

from numbers import Real
from typing import Literal, TypeVar

from attrs import field, frozen

from livesession.errors import ConfigurationError
from livesession.resumption.policy import ResumptionPolicy
from livesession.validators import (
    boolean,
    one_of,
    positive,
    positive_int,
    positive_or_endless,
    positive_or_none,
    zero_or_more,
)

__all__ = ["SessionOptions", "ToolOptions", "check_timeout"]

MEGABYTE = 1024 * 1024

Seconds = TypeVar("Seconds", float, "float | None")


@frozen(kw_only=True)
class SessionOptions:
    """The limits of how long a session waits and how much it holds; all times in seconds.

    Attributes:
        connect_timeout: For name, TCP, proxy, TLS and HTTP upgrade together; default 10.
        setup_timeout: From the upgrade to `setupComplete`; some models are slow; default 30.
        send_timeout: For one message to be written; default 30.
        turn_timeout: Silence between two messages in `ask()` and `receive_turn()`; default 60.
        close_timeout: For the closing handshake; default 5.
        ping_after: Silence of the server after which it is pinged, and again after as much more; None never pings;
            default 30.
        dead_after: Silence of the server, in which not even a ping was answered, after which the session ends (close
            code 1006, retryable); more than `ping_after`; None never ends it; default 90. Neither counts while this
            side does not read because the inbox is full.
        max_message_bytes: A longer message from the server ends the session (close code 1009); default 64 MB.
        inbox_bytes: What may wait to be received; beyond that the session is not read until half is consumed, and
            pings behind the pause wait too; default 64 MB.
        on_full: `"pause"` for that, or `"error"` to end the session (close code 1008); default `"pause"`.
        on_unsupported: What a message of an unknown kind does: `"raise"` an `UnsupportedMessageError` from
            `receive()`, after which iteration can go on, or `"warn"` in the log; default `"raise"`.
        resumption: How a session that was made with a `SessionResumptionConfig` reconnects by itself; None for never;
            default `ResumptionPolicy()`.
    """

    connect_timeout: float = field(default=10.0, validator=positive)
    setup_timeout: float = field(default=30.0, validator=positive)
    send_timeout: float = field(default=30.0, validator=positive)
    turn_timeout: float = field(default=60.0, validator=positive)
    close_timeout: float = field(default=5.0, validator=positive)
    ping_after: float | None = field(default=30.0, validator=positive_or_none)
    dead_after: float | None = field(default=90.0, validator=positive_or_none)
    max_message_bytes: int = field(default=64 * MEGABYTE, validator=positive)
    inbox_bytes: int = field(default=64 * MEGABYTE, validator=positive)
    on_full: Literal["pause", "error"] = field(default="pause", validator=one_of("pause", "error"))
    on_unsupported: Literal["raise", "warn"] = field(default="raise", validator=one_of("raise", "warn"))
    resumption: ResumptionPolicy | None = field(factory=ResumptionPolicy)

    def __attrs_post_init__(self) -> None:
        if self.resumption is not None and not isinstance(self.resumption, ResumptionPolicy):
            raise TypeError(
                f"resumption is a ResumptionPolicy(...) or None, not {type(self.resumption).__name__}; what makes a "
                "session resumable is connect(session_resumption=SessionResumptionConfig())."
            )
        if self.ping_after is not None and self.dead_after is not None and self.dead_after <= self.ping_after:
            raise ConfigurationError(
                f"dead_after must be over ping_after, {self.ping_after:g} s, so that a ping can be answered, not "
                f"{self.dead_after!r}; None turns either off."
            )


@frozen(kw_only=True)
class ToolOptions:
    """Options for running Python functions that the model calls.

    Attributes:
        auto: Whether functions run, and their calls are answered, by themselves; False leaves the answers to
            `send_function_responses()`; default True.
        timeout: Seconds from the call, waiting for a free thread included, until the model is told that the function
            took too long; for functions that the model waits for and that have no limit of their own
            (`@tool(timeout=...)`); None or `math.inf` for no limit; default 30.
        concurrency: Calls of one session that run at once; further ones wait; default 32.
        messages: Whether `receive()` yields the calls that are answered by themselves and their cancellations, and a
            `ToolResult` for each, and a `Turn` holds them; default True. Calls that are yours to answer it always
            yields.
        hold_audio: Seconds, from a call that the model waits for, within which sending audio waits for the answer to
            go out first: some models close the connection (1008) over audio in that time; default 0, which sends it.
    """

    auto: bool = field(default=True, validator=boolean)
    timeout: float | None = field(default=30.0, validator=positive_or_endless)
    concurrency: int = field(default=32, validator=positive_int)
    messages: bool = field(default=True, validator=boolean)
    hold_audio: float = field(default=0.0, validator=zero_or_more)


def check_timeout(seconds: Seconds) -> Seconds:
    """A time limit of the user's; None and infinity are none."""
    if seconds is not None and not (isinstance(seconds, Real) and seconds >= 0):
        raise ConfigurationError(f"A timeout is a number of seconds, 0 or more, not {seconds!r}.")
    return seconds
