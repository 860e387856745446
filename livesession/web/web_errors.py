"""The refusals of a session pool, and any error in words for visitors, without internals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from livesession.errors import (
    InvalidRequestError,
    LiveSessionError,
    ReceiveTimeout,
    ResumptionError,
    SessionClosedError,
)
from livesession.logs import logger

__all__ = ["PoolFullError", "Refusal", "SessionBusyError", "refusal"]


class PoolFullError(LiveSessionError):
    """Raised when all places of a `SessionPool` are in use.

    Attributes:
        retry_after: Seconds after which it is worth trying again; what the HTTP header `Retry-After` takes.
    """

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SessionBusyError(LiveSessionError, TimeoutError):
    """Another request of the same visitor uses the session, and went on doing so for all of `busy_timeout`."""


class Refusal(NamedTuple):
    """An HTTP response in the order in which Flask takes one from a view.

    Attributes:
        body: Words for a visitor, without internals.
        status: The HTTP status.
        headers: More headers.
    """

    body: str
    status: int
    headers: Mapping[str, str]


def refusal(error: LiveSessionError) -> Refusal:
    """Returns what to answer to a visitor whose request failed; the error itself goes to the log, as a warning.

    It is an error handler for Flask as it is: `app.register_error_handler(LiveSessionError, refusal)`. In Django:
    `HttpResponse(body, status=status, headers=headers)`.

    The status is 503 for a `PoolFullError` (with `Retry-After`) and for a pool or a session that was closed, 409 for
    a `SessionBusyError`, 400 for an `InvalidRequestError`, 504 for a `ReceiveTimeout` and 502 for all others.
    """
    logger.warning("a visitor was told of this in other words: %s: %s", type(error).__name__, error)
    if isinstance(error, PoolFullError):
        words = f"All places are taken at the moment. Please try again in {error.retry_after} seconds."
        return Refusal(words, 503, {"Retry-After": str(error.retry_after)})
    return next(Refusal(words, status, {}) for kind, status, words in ANSWERS if isinstance(error, kind))


ANSWERS: tuple[tuple[type[BaseException], int, str], ...] = (
    (SessionBusyError, 409, "The answer to your last question is still on its way. Please wait for it."),
    (InvalidRequestError, 400, "This question cannot be sent. Please write it in another way."),
    (ReceiveTimeout, 504, "The answer did not come in time. Please ask again."),
    (SessionClosedError, 503, "The conversation was interrupted. Please ask again."),
    (ResumptionError, 502, "The conversation was interrupted. Please ask again."),
    (Exception, 502, "The model cannot be reached at the moment. Please try again later."),
)
