"""The refusals of the service: a WebSocket close code with a short reason, or an HTTP status on the upgrade."""

from __future__ import annotations

from attrs import frozen

REASON_LIMIT = 123
"""Bytes of UTF-8 that fit in a close frame beside the code."""

INVALID_ARGUMENT = "Request contains an invalid argument."
INTERNAL_ERROR = "Internal error encountered."
DEADLINE_EXPIRED = "Deadline expired before operation could complete."
NOT_FOUND = "Requested entity was not found."


class CloseRefusal(Exception):
    """The client broke a rule: its connection is to be closed with `code` and `reason`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = truncate_reason(reason)


@frozen
class HttpRefusal:
    """The upgrade is answered with this HTTP status and text instead of a WebSocket."""

    status: int
    label: str
    """Google's name of the status, as in the `error.status` of its JSON bodies."""
    message: str


def invalid(detail: str = "") -> CloseRefusal:
    """Return the 1007 of a request that is well-formed and wrong; `detail` says what, after the usual text."""
    return CloseRefusal(1007, f"{INVALID_ARGUMENT} {detail}".rstrip())


def truncate_reason(text: str) -> str:
    """Cut `text` to what a close frame holds, never in the middle of a character."""
    return text.encode()[:REASON_LIMIT].decode(errors="ignore")
