"""The end of a connection: its close code and reason, what they mean, and what to do about it.

Google's servers report errors by close frames whose reasons are cut at 123 bytes; the classifier reads both.
"""

from __future__ import annotations

from attrs import frozen

from livesession.errors import ConnectionClosedError, Origin, ResumptionError

__all__ = ["ABANDONED", "ABNORMAL", "CLOSED_HERE", "NORMAL", "CloseCategory", "CloseInfo", "EndConnection", "classify"]

GRACE = 0.5  # seconds that the peer is given to close TCP after its close frame, and close() beyond its time limit
NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_VIOLATION = 1002
NO_CODE = 1005
ABNORMAL = 1006
BAD_DATA = 1007
REFUSED = 1008
TOO_BIG = 1009


@frozen
class CloseCategory:
    """The meaning of a close: its kind in one word, whether a new connection may help, and what to do."""

    kind: str
    retryable: bool
    hint: str


AUTHENTICATION = CloseCategory("auth", False, "Check the API key or token, and whether it is meant for this API.")
EXPIRED = CloseCategory("auth", False, "Renew the key or token.")
TOKEN_USED = CloseCategory("auth", False, "An ephemeral token is good for a number of sessions; get a new one.")
LOCATION = CloseCategory("location", False, "The service is not offered from this place; see the list of regions.")
NOT_FOUND = CloseCategory("not-found", False, "Check the model's name, the back end and the API version.")
HANDLE = CloseCategory("not-found", False, "The resumption handle is unknown or too old; begin a new session.")
TRANSIENT = CloseCategory("unavailable", True, "A fault of the service; try again after a while.")
LIMIT = CloseCategory(
    "limit", True, "The connection reached its time limit; connect again, with a resumption handle to go on."
)
QUOTA = CloseCategory(
    "quota", False, "A quota is used up; close other sessions, wait, or raise it. Do not retry in a loop."
)
ARGUMENT = CloseCategory(
    "invalid-argument", False, "Something in the setup or in the last message does not suit this model; see its guide."
)
POLICY = CloseCategory("policy", False, "The service refuses this; see the reason.")
SIZE = CloseCategory("too-big", False, "A message is over the receiver's size limit.")
NETWORK = CloseCategory("network", True, "The network failed, or the server went without a word; connect again.")
ENDED = CloseCategory("normal", True, "The server ended the session; connect again, with a handle to go on.")
CLOSED = CloseCategory("closed", False, "It cannot be used any more; connect() a new one.")
ENTITY = CloseCategory(
    "not-found", False, "Check the model's name and the handle, and that no cancelled function call was answered."
)
UNREAD = CloseCategory("unread", False, "Call receive() more often, or raise SessionOptions(inbox_bytes=...).")
VIOLATION = CloseCategory("protocol", False, "The peer does not speak the WebSocket protocol as it should.")
UNKNOWN = CloseCategory("unknown", False, "See the reason.")

BY_REASON: list[tuple[str, CloseCategory]] = [
    ("api key expired", EXPIRED),
    ("api key not valid", AUTHENTICATION),
    ("unregistered callers", AUTHENTICATION),
    ("app check token", AUTHENTICATION),
    ("unauthenticated", AUTHENTICATION),
    ("permission", AUTHENTICATION),
    ("used too many times", TOKEN_USED),
    ("location is not supported", LOCATION),
    ("resource_exhausted", QUOTA),
    ("quota", QUOTA),
    ("concurrent se", QUOTA),
    ("session not found", HANDLE),
    ("is not found for api version", NOT_FOUND),
    ("requested entity was not found", ENTITY),
    ("application/json isn", ARGUMENT),
    ("operation is not implemented", TRANSIENT),
    ("operation was aborted", LIMIT),
    ("goaway", LIMIT),
    ("deadline expired", LIMIT),
    ("currently unavailable", TRANSIENT),
    ("internal error", TRANSIENT),
    ("service unavailable", TRANSIENT),
    ("overloaded", TRANSIENT),
    ("keepalive ping timeout", NETWORK),
]
"""Parts of reasons, in lower case, most telling first; any code."""

BY_CODE: dict[int, CloseCategory] = {
    NORMAL: ENDED,
    GOING_AWAY: ENDED,
    PROTOCOL_VIOLATION: VIOLATION,
    NO_CODE: ENDED,
    ABNORMAL: NETWORK,
    BAD_DATA: ARGUMENT,
    REFUSED: POLICY,
    TOO_BIG: SIZE,
    1011: TRANSIENT,
    1012: TRANSIENT,
    1013: TRANSIENT,
    1014: TRANSIENT,
}

BY_THIS_SIDE = {NORMAL: CLOSED, BAD_DATA: VIOLATION, REFUSED: UNREAD}
"""What these codes mean where this side ended the connection."""

FATAL = {PROTOCOL_VIOLATION, BAD_DATA, TOO_BIG}
"""Codes after which the same would happen again, whatever the reason says."""


def classify(code: int, reason: str) -> CloseCategory:
    """Returns the meaning of a close with this code and reason; the reason tells more than the code."""
    lower = reason.lower()
    for part, verdict in BY_REASON:
        if part in lower:
            return verdict
    return BY_CODE.get(code, UNKNOWN)


@frozen
class CloseInfo:
    """The end of a connection.

    Attributes:
        code: The close code; 1006 where no close frame came.
        reason: The peer's words, or this side's where it closed first.
        origin: The side that ended it.
        detail: What this side saw, where that says more than code and reason.
        cause: The exception behind it.
        is_final: Whether a new connection is of no use even where code and reason allow one, because no reference holds
            the session any more.
        failure: What is raised in place of what the rest says.
    """

    code: int
    reason: str
    origin: Origin
    detail: str = ""
    cause: BaseException | None = None
    is_final: bool = False
    failure: ResumptionError | None = None

    @property
    def quiet(self) -> bool:
        """Whether iteration just stops: after a local `close()`, or when the server closed with 1000."""
        return self.code == NORMAL and self.origin != "network"

    @property
    def may_resume(self) -> bool:
        """Whether the session may be resumed without being asked for it.

        After an end by the server that the classifier calls retryable: 1000 and 1001, most of 1011, the reasons of
        1008 that pass; and after 1006, whether the network failed or this side gave the connection up in the middle
        of a frame. Not after 1002, 1007 and 1009, nor after what this side ended on purpose: `close()`, a frame that
        must not be, a full inbox; nor after a resumption that failed.
        """
        if self.is_final or self.failure is not None or self.code in FATAL:
            return False
        if self.origin == "local" and self.code != ABNORMAL:
            return False
        return self.verdict.retryable

    @property
    def verdict(self) -> CloseCategory:
        if self.origin == "local" and self.code in BY_THIS_SIDE:
            return BY_THIS_SIDE[self.code]
        return classify(self.code, self.reason)

    def error(self) -> ConnectionClosedError | ResumptionError:
        """A new exception that reports this ending; new each time, because raising one adds a traceback to it."""
        if self.failure is not None:
            return self.failure.again()
        verdict = self.verdict
        error = ConnectionClosedError(
            f"{self.describe()} {verdict.hint}",
            code=self.code,
            reason=self.reason,
            origin=self.origin,
            retryable=verdict.retryable,
            hint=verdict.hint,
        )
        error.__cause__ = self.cause
        return error

    def describe(self) -> str:
        if self.detail:
            return f"{self.detail} (close code {self.code})."
        return f"The {self.origin} side ended the session: {self.words}."

    @property
    def words(self) -> str:
        """Code and reason, as a message shows them."""
        return f"close code {self.code}, " + (f'"{self.reason}"' if self.reason else "no reason given")


CLOSED_HERE = CloseInfo(NORMAL, "closed by this side", "local", "The session was closed by close() on this side")
"""After `close()`."""

ABANDONED = CloseInfo(ABNORMAL, "", "local", "The session was dropped without close()", is_final=True)
"""After the last reference to a session is gone."""


class EndConnection(Exception):
    """Raised by a callback of the reader thread to end the connection as `ending` says."""

    def __init__(self, ending: CloseInfo) -> None:
        super().__init__(ending.detail)
        self.ending = ending
