"""Every error that livesession raises.

    LiveSessionError
    ├── ConfigurationError (ValueError)        what was asked for cannot be: no key, a bad address, a bad option
    ├── MissingExtraError (ImportError)        an optional package is not installed
    ├── InvalidRequestError (ValueError)       a message that the server would refuse, not sent
    ├── ConnectError                           no session was opened
    │   ├── ConnectTimeout (TimeoutError)          no WebSocket within the time
    │   ├── UpgradeRejectedError                   an HTTP answer instead of a WebSocket: `status`
    │   ├── SetupRejectedError                     a close, or another message, instead of setupComplete
    │   └── SetupTimeout (TimeoutError)            nothing instead of setupComplete
    ├── SessionClosedError                     the session has ended
    │   └── ConnectionClosedError                  ... by the server or the network: `code`, `reason`, `hint`
    ├── SendTimeout (TimeoutError)             a message could not be written in time
    ├── ReceiveTimeout (TimeoutError)          no message came in time; the session goes on
    ├── ResumptionError                        the conversation could not be taken up again
    ├── ConcurrentReceiveError (RuntimeError)  a second consumer
    ├── ForkedSessionError (RuntimeError)      the session belongs to the parent process
    ├── ProtocolError                          a frame that could not be read; the session goes on
    │   └── UnsupportedMessageError                ... none of whose keys is known
    ├── AudioDeviceError                       a microphone or loudspeaker that is refused, or has vanished
    ├── ToolError                              raised by your functions, to tell the model what is wrong
    ├── ToolCancelled                          the answer of a function is not wanted any more
    ├── PoolFullError                          all places of a session pool are in use (livesession.web)
    ├── SessionBusyError (TimeoutError)        another request of the same visitor uses the session (livesession.web)
    └── McpError                               an MCP server that does not start, or has ended (livesession.tools.mcp)

Wrong Python types raise `TypeError` as everywhere. No message and no attribute holds a key or a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from livesession.data_errors import (
    ConfigurationError,
    InvalidRequestError,
    LiveSessionError,
    MissingExtraError,
    ProtocolError,
    UnsupportedMessageError,
)

if TYPE_CHECKING:
    from livesession.session.turn import Turn

__all__ = [
    "AudioDeviceError",
    "ConcurrentReceiveError",
    "ConfigurationError",
    "ConnectError",
    "ConnectTimeout",
    "ConnectionClosedError",
    "ForkedSessionError",
    "InvalidRequestError",
    "LiveSessionError",
    "MissingExtraError",
    "Origin",
    "ProtocolError",
    "ReceiveTimeout",
    "ResumptionError",
    "SendTimeout",
    "SessionClosedError",
    "SetupRejectedError",
    "SetupTimeout",
    "ToolCancelled",
    "ToolError",
    "UnsupportedMessageError",
    "UpgradeRejectedError",
]

Origin = Literal["server", "local", "network"]
"""The side that ended a connection: the server by a close frame, this side, or neither (the network)."""


class ConnectError(LiveSessionError):
    """No session could be opened.

    Attributes:
        retryable: Whether trying again later, unchanged, may help.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class ConnectTimeout(ConnectError, TimeoutError):
    """No WebSocket connection within the time (name look-up, TCP, proxy, TLS and HTTP upgrade together)."""


class UpgradeRejectedError(ConnectError):
    """The server answered the WebSocket request with an ordinary HTTP response.

    Attributes:
        status: The HTTP status, for example 403.
        body: The beginning of the response's body, at most 2,000 characters.
    """

    def __init__(self, message: str, *, status: int, body: str, retryable: bool) -> None:
        super().__init__(message, retryable=retryable)
        self.status = status
        self.body = body


class SetupRejectedError(ConnectError):
    """The server closed the connection, or sent something else, instead of `setupComplete`.

    Attributes:
        code: The close code; None where the server sent another message instead.
        reason: The server's reason.
        hint: What to do about it.
        frame: The message that came instead, as it arrived; None where it was a close.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        reason: str = "",
        hint: str = "",
        frame: bytes | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message, retryable=retryable)
        self.code = code
        self.reason = reason
        self.hint = hint
        self.frame = frame


class SetupTimeout(ConnectError, TimeoutError):
    """The connection stands, but `setupComplete` did not come within the time."""


class SessionClosedError(LiveSessionError):
    """The session has ended; make a new one with `LiveGenerativeModel.connect()`."""


class ConnectionClosedError(SessionClosedError):
    """The server or the network ended the session, or a broken frame did.

    Attributes:
        code: The WebSocket close code; 1006 where no close frame came.
        reason: The server's reason; `""` where it gave none.
        origin: `"server"`, `"local"` (this side closed, because of what came) or `"network"`.
        retryable: Whether a new connection may help.
        hint: What to do about it.
        turn: What had arrived of the turn that `ask()` or `receive_turn()` was waiting for; else None.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int,
        reason: str,
        origin: Origin,
        retryable: bool,
        hint: str,
        turn: Turn | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.origin: Origin = origin
        self.retryable = retryable
        self.hint = hint
        self.turn = turn


class SendTimeout(LiveSessionError, TimeoutError):
    """A message could not be written in time.

    Attributes:
        session_ended: True when part of it was on the wire, which ends the session; False when none was.
    """

    def __init__(self, message: str, *, session_ended: bool) -> None:
        super().__init__(message)
        self.session_ended = session_ended


class ReceiveTimeout(LiveSessionError, TimeoutError):
    """No message came within the time; the session and the iterator go on.

    Attributes:
        turn: What had arrived of the turn that `ask()` or `receive_turn()` was waiting for; else None.
    """

    def __init__(self, message: str, *, turn: Turn | None = None) -> None:
        super().__init__(message)
        self.turn = turn


class ResumptionError(LiveSessionError):
    """The conversation could not be taken up again.

    Attributes:
        attempts: The errors of all attempts that were made automatically, the first one first.
        turn: What had arrived of the turn that `ask()` or `receive_turn()` was waiting for; else None.
    """

    def __init__(self, message: str, *, attempts: Sequence[Exception] = ()) -> None:
        super().__init__(message)
        self.attempts = tuple(attempts)
        self.turn: Turn | None = None

    @classmethod
    def after(cls, attempts: Sequence[Exception], why: str) -> ResumptionError:
        """For a session that was lost, and given up after these attempts."""
        last = f" The last: {attempts[-1]}" if attempts else ""
        error = cls(
            f"The session was lost and could not be resumed. {why} Attempts made: {len(attempts)}.{last}",
            attempts=[attempt.with_traceback(None) for attempt in attempts],
        )
        error.__cause__ = attempts[-1] if attempts else None
        return error

    def again(self) -> ResumptionError:
        """The same to be raised once more; raising the same object twice would add up its traceback."""
        error = ResumptionError(str(self), attempts=self.attempts)
        error.__cause__ = self.__cause__
        return error


class ConcurrentReceiveError(LiveSessionError, RuntimeError):
    """A session has one consumer at a time, and this is a second one, or one that was taken over."""


class ForkedSessionError(LiveSessionError, RuntimeError):
    """The session was opened before `fork()` and belongs to the parent process; open one in the child."""


class ToolError(LiveSessionError):
    """To be raised in a function that the model has called: its message goes to the model, as it is."""


class ToolCancelled(LiveSessionError):
    """The answer to a function call is not wanted any more; raised by `CancelToken.check()` inside the function."""


class AudioDeviceError(LiveSessionError):
    """A microphone or a loudspeaker cannot be used, or has vanished; the session goes on."""
