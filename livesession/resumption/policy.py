"""The policy of resuming a session, and the message that tells of a resumption."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from livesession.errors import ConnectError
from livesession.messages.config import SessionResumptionConfig
from livesession.messages.server import LiveServerMessage
from livesession.validators import callable_only, one_of, positive, positive_int, share

if TYPE_CHECKING:
    from livesession.messages.client import LiveClientMessage

__all__ = ["LiveSessionResumed", "ResumptionPolicy", "check_resumption"]


def check_resumption(given: object) -> None:
    """Raises `TypeError` for what is no configuration, such as True or a handle."""
    if given is not None and not isinstance(given, SessionResumptionConfig):
        raise TypeError(
            "session_resumption is SessionResumptionConfig(), or SessionResumptionConfig(handle=...) to go on where "
            f"another session stopped, not {type(given).__name__}."
        )


def is_retryable(error: ConnectError) -> bool:
    return error.retryable


@frozen(kw_only=True)
class ResumptionPolicy:
    """Says when and how a session that was made with a `SessionResumptionConfig` reconnects by itself.

    It does so when the server says that it goes away, when it ends the connection though `close()` was not called
    (close codes 1000, 1001, and 1008 and 1011 with a reason that passes), and when the network fails (1006). It does
    not where another connection would end in the same way: a wrong key, an invalid argument, a used-up quota.

    Attributes:
        attempts: Connections to try; default 10.
        budget: Seconds from the loss until it is given up, a fresh session among it; default 30.
        first_delay: Seconds before the second attempt, doubled before each further one; the first comes at once;
            default 0.5.
        longest_delay: What they grow to; default 4.
        jitter: Share by which each delay is longer or shorter at random, so that many clients do not come back at
            the same moment; default 0.25.
        retryable: Which failed attempts may be followed by another; default those whose error says `retryable`.
        fresh_session: Whether to begin a new conversation where the old one cannot be had again; default False.
        realtime: What sending audio, images and text as they happen does meanwhile: `"wait"` for the new
            connection, as all other messages do, or `"keep_newest"`: return at once, and send the newest
            `kept_bytes` later; default `"wait"`.
        kept_bytes: Of media; older ones are dropped and counted; default 320,000, ten seconds of speech.
        unacknowledged_bytes: Of sent messages that are kept until the server has acknowledged them, to be sent again
            or told as lost; older ones are only counted; default 16 MB.
        close_timeout: Seconds for the closing handshake of a connection that is replaced; default 1.
        resuming_share: Share of the budget for going on with the conversation, where `fresh_session` may begin a new
            one in the rest of it; default 0.75.
        stable_after: Seconds after which a connection counts as a success, though no turn was completed on it, so that
            attempts are counted anew; default 10.
        margin: Share of the time that the server leaves when it says that it goes away, by which the connection is
            replaced earlier than at its end; default 0.2.
        longest_margin: Seconds that this grows to; default 5.
    """

    attempts: int = field(default=10, validator=positive_int)
    budget: float = field(default=30.0, validator=positive)
    first_delay: float = field(default=0.5, validator=positive)
    longest_delay: float = field(default=4.0, validator=positive)
    jitter: float = field(default=0.25, validator=share)
    retryable: Callable[[ConnectError], bool] = field(default=is_retryable, validator=callable_only)
    fresh_session: bool = False
    realtime: Literal["wait", "keep_newest"] = field(default="wait", validator=one_of("wait", "keep_newest"))
    kept_bytes: int = field(default=320_000, validator=positive)
    unacknowledged_bytes: int = field(default=16 * 1024 * 1024, validator=positive)
    close_timeout: float = field(default=1.0, validator=positive)
    resuming_share: float = field(default=0.75, validator=share)
    stable_after: float = field(default=10.0, validator=positive)
    margin: float = field(default=0.2, validator=share)
    longest_margin: float = field(default=5.0, validator=positive)

    def delays(self) -> Iterator[float]:
        """Seconds to wait before each attempt."""
        yield 0.0
        delay = self.first_delay
        for _ in range(self.attempts - 1):
            yield delay * (1 + random.uniform(-self.jitter, self.jitter))
            delay = min(2 * delay, self.longest_delay)

    def replace_within(self, time_left: float) -> float:
        """Returns the seconds in which to replace a connection that the server will end in `time_left`."""
        return time_left - min(self.margin * time_left, self.longest_margin)

    def may_try_again(self, error: Exception) -> bool:
        """Whether an attempt may follow the one that failed with this error.

        Also where the key could not be had: its source may be away with the network.
        """
        return self.retryable(error) if isinstance(error, ConnectError) else isinstance(error, OSError)


@frozen(kw_only=True, repr=False)
class LiveSessionResumed(LiveServerMessage):
    """The session has a new connection and goes on; made by this library, not by the server.

    It stands where the old connection's messages end and the new one's begin. An answer that was cut off is not gone
    on with: its beginning is void, and in transparent mode the server gives it anew.

    Attributes:
        state_restored: Whether the server knows the conversation; False after a fresh start.
        downtime: Seconds from the end of the old connection until the new one was ready.
        attempts: Connections that it took.
        lost: What was sent and is unknown to the server now, as far as it was kept, in order; send again what
            matters. What crossed the last handle on its way may be in it though the server has it; realtime input that
            crossed the end of a turn may be missing in it. An utterance that goes on, marked by
            `send_activity_start()`, is begun again by itself: of it, only the sound is here. Empty in transparent
            mode, which sends all again by itself.
        lost_count: How many messages those are, with those that were not kept (beyond 16 MB).
        dropped: How many realtime messages `ResumptionPolicy(realtime="keep_newest")` has dropped.
        cancelled_calls: Ids of function calls that need no answer any more; answers to them are not sent.
    """

    state_restored: bool = True
    downtime: float = 0.0
    attempts: int = 1
    lost: tuple[LiveClientMessage, ...] = ()
    lost_count: int = 0
    dropped: int = 0
    cancelled_calls: tuple[str, ...] = ()
