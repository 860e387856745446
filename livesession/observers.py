"""The seam where a session can be observed: by a recording, by the log of frames, by traces and metrics.

An observer has one method, which is given each event as a frozen object, in the order in which things happen: on the
reader thread for what arrives, on the sender's thread for what goes out. It must neither wait nor raise. A session
without observers makes no events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import frozen

from livesession.connection.write_hook import WriteHook

if TYPE_CHECKING:
    from livesession.connection.close_info import CloseInfo
    from livesession.messages.content import FunctionCall
    from livesession.resumption.policy import LiveSessionResumed

__all__ = [
    "Connected",
    "Disconnected",
    "MessageNotSent",
    "MessageReceived",
    "MessageSending",
    "MessageSent",
    "Observer",
    "SendingHook",
    "SessionClosed",
    "SessionEvent",
    "SessionResumed",
    "ToolCallBegun",
    "ToolCallEnded",
    "TurnBegun",
    "TurnComplete",
    "tell",
]


@frozen
class Connected:
    """A WebSocket has been opened; the setup follows.

    Attributes:
        connection: The number of the connection in its session, from 1.
        redact: Takes the connection's secrets out of a text.
    """

    connection: int
    redact: Callable[[str], str]


@frozen
class Disconnected:
    """A connection has ended, after its last message."""

    connection: int
    close_info: CloseInfo


@frozen(eq=False)
class MessageSending:
    """A message is about to be written; told with the write lock held, so in true order.

    `MessageSent` or `MessageNotSent` follows, with this event in it. The answer may be received before that.
    """

    connection: int
    data: bytes


@frozen
class MessageSent:
    """A message has gone out whole."""

    message: MessageSending


@frozen
class MessageNotSent:
    """A message that was about to be written did not go out whole."""

    message: MessageSending


@frozen
class MessageReceived:
    """A message came; told before it is decoded."""

    connection: int
    data: bytes


@frozen
class SessionResumed:
    """The session goes on over another connection."""

    message: LiveSessionResumed


@frozen
class TurnBegun:
    """The model has begun a turn; turns are numbered from 0, in the order in which the server ends them."""

    turn: int


@frozen
class TurnComplete:
    """The server has ended a turn."""

    turn: int


@frozen
class ToolCallBegun:
    """The model has called a function."""

    call: FunctionCall


@frozen
class ToolCallEnded:
    """A function call needs no answer any more: it was answered, or `why` says what became of it."""

    call: FunctionCall
    is_answered: bool
    why: str = ""


@frozen
class SessionClosed:
    """The session is over."""

    close_info: CloseInfo


SessionEvent: TypeAlias = (
    Connected
    | Disconnected
    | MessageSending
    | MessageSent
    | MessageNotSent
    | MessageReceived
    | SessionResumed
    | TurnBegun
    | TurnComplete
    | ToolCallBegun
    | ToolCallEnded
    | SessionClosed
)


class Observer(Protocol):
    """Observes a session."""

    def on_event(self, event: SessionEvent) -> None:
        """Takes an event, on the thread on which it happened; must neither wait nor raise."""


def tell(observers: Sequence[Observer], event: SessionEvent) -> None:
    """Gives an event to each observer."""
    for observer in observers:
        observer.on_event(event)


class SendingHook(WriteHook):
    """Tells observers what becomes of one message on its way out."""

    def __init__(self, observers: Sequence[Observer], connection: int, data: bytes) -> None:
        self._observers = observers
        self._message = MessageSending(connection, data)
        self._has_begun = False

    def before_write(self) -> None:
        self._has_begun = True
        tell(self._observers, self._message)

    def on_sent(self) -> None:
        tell(self._observers, MessageSent(self._message))

    def on_not_sent(self) -> None:
        if self._has_begun:
            tell(self._observers, MessageNotSent(self._message))
