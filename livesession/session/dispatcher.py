"""The reader thread's side of a session: frames in, messages into the queue.

One dispatcher belongs to one connection. It decodes, notes at once what must not wait for a consumer (the resumption
handle, the counts), tells turns apart, and lets the connecting thread wait for `setupComplete`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from livesession.codec import Inbound, decode
from livesession.connection.close_info import CloseInfo, EndConnection
from livesession.data_errors import excerpt
from livesession.errors import (
    ConnectError,
    ProtocolError,
    SetupRejectedError,
    SetupTimeout,
    UnsupportedMessageError,
)
from livesession.messages.server import (
    LiveServerContent,
    LiveServerError,
    LiveServerGoingAwayNotice,
    LiveServerMessage,
    LiveServerSetupComplete,
    LiveServerToolCall,
    LiveServerToolCallCancellation,
    LiveSessionResumptionUpdate,
)
from livesession.observers import TurnBegun, tell
from livesession.session.function_calls import PendingCalls
from livesession.session.receive_queue import QueuedMessage
from livesession.sync.events import Event

if TYPE_CHECKING:
    from livesession.connection.frames import Message
    from livesession.options import SessionOptions
    from livesession.session.state import SessionState
    from livesession.sync.deadline import Deadline

__all__ = ["ConnectionOwner", "MessageDispatcher"]

OVERFLOW = CloseInfo(
    1008,
    "the inbox is full",
    "local",
    "Messages were not received in time and filled the inbox (on_full='error')",
)


class ConnectionOwner(Protocol):
    """The owner of a session's connections: told, on the reader thread, what becomes of each; must not wait."""

    def on_ended(self, info: CloseInfo) -> None:
        """The connection has ended, after `setupComplete`; told at once, on any thread."""

    def on_end(self, info: CloseInfo) -> None:
        """The connection has ended, and all that it brought has been put into the queue."""

    def on_go_away(self, time_left: float) -> None:
        """The server will end the connection in so many seconds."""

    def on_news(self) -> None:
        """A turn has ended, or there is a new handle."""


class MessageDispatcher:
    """Dispatches one connection's messages. All `on_...` methods but `on_ended` run on the reader thread; none waits.

    Args:
        state, options: Those of the session.
        owner: Is told of what concerns the connection.
        greet: Makes the message that stands before all those of the connection.
    """

    __slots__ = (
        "_answered", "_begun_turn", "_greet", "_has_calls", "_is_detached", "_is_set_up", "_options", "_owner",
        "_refusal", "_state", "_warned_full", "redact",
    )  # fmt: skip

    def __init__(
        self,
        state: SessionState,
        options: SessionOptions,
        owner: ConnectionOwner,
        greet: Callable[[], LiveServerMessage] | None = None,
    ) -> None:
        self._state = state
        self._options = options
        self._owner = owner
        self._greet = greet
        self._answered = Event()  # setupComplete, a refusal, or the end
        self._is_set_up = False
        self._refusal: ConnectError | None = None
        self._warned_full = False
        self._has_calls = False  # that have not been handed over
        self._begun_turn = -1  # the newest that observers were told of
        self._is_detached = False
        self.redact: Callable[[str], str] = str  # takes secrets out of what the server says before it is set up

    def wait_for_setup(self, deadline: Deadline) -> None:
        """Returns once `setupComplete` came. Raises `SetupTimeout`, `SetupRejectedError` or `ConnectError`."""
        if not self._answered.wait(deadline.remaining()):
            raise SetupTimeout(
                f"The server did not answer the setup within {self._options.setup_timeout:g} s. Some options make it "
                "fall silent, and some models are slow: check the configuration, or allow more time with "
                "SessionOptions(setup_timeout=...).",
                retryable=True,
            )
        if self._refusal is not None:
            raise self._refusal

    def detach(self) -> None:
        """Makes the end of this connection, and what it still says before its setup, count no more."""
        self._is_detached = True

    def cancel(self) -> None:
        """Releases the thread that waits for `setupComplete`."""
        self._refuse(ConnectError("The attempt to connect was given up, because the session was closed."))

    def _refuse(self, error: ConnectError) -> None:
        if not self._answered.is_set:
            self._refusal = error
            self._answered.set()

    def may_read(self) -> bool:
        """Whether there is room for more; for the answer to the setup, there always is."""
        if not self._is_set_up or self._state.queue.has_room:
            return True
        if self._options.on_full == "error":
            raise EndConnection(OVERFLOW)
        if not self._warned_full:
            self._warned_full = True
            self._state.log.warning(
                "the inbox is full (%d bytes): reading pauses until half of it is received", self._options.inbox_bytes
            )
        return False

    def on_messages(self, frames: Iterator[Message]) -> None:
        """Takes the frames of one read; the servers send binary ones, and text means the same."""
        messages: list[QueuedMessage] = []
        try:
            for _, data in frames:
                self._read(data, messages)
        finally:
            self._state.queue.put_many(messages)

    def announce(self) -> None:
        """Lets consumers look at what the frames held, and runs the functions that the model calls."""
        self._state.queue.announce()
        if self._has_calls:
            self._has_calls = False
            self._state.calls.hand_over()

    def _read(self, frame: bytes, messages: list[QueuedMessage]) -> None:
        items = decode(frame) if self._is_set_up else self._before_setup(frame)
        if len(items) == 1 and isinstance(content := items[0], LiveServerContent):
            new = [self._content(content, len(frame))]  # nearly all are
        else:
            new = list(self._mixed(items, len(frame))) if items else []
        if new and self._state.turns.is_repeated(new[0].turn):
            # Had before, on an earlier connection; but a function call is made anew, and waits for its answer.
            new = [message for message in new if not isinstance(message.item, LiveServerContent)]
        messages += new

    def _before_setup(self, frame: bytes) -> list[Inbound]:
        data = self.redact(frame.decode("latin-1")).encode("latin-1")
        items = decode(data)
        return self._take_setup_complete(items, data) if items else items

    def _take_setup_complete(self, items: list[Inbound], data: bytes) -> list[Inbound]:
        if self._is_detached or self._refusal is not None:
            return []  # it comes too late: the attempt has been given up
        first = items[0]
        if isinstance(first, UnsupportedMessageError):
            return items  # news of a later protocol; the answer is still to come
        if not isinstance(first, LiveServerSetupComplete):
            self._refuse(unexpected(first, data))
            return []
        self._is_set_up = True
        self._state.on_connected(first.session_id, first.usage_metadata)
        greeting: list[Inbound] = [self._greet()] if self._greet else []
        self._answered.set()
        return [*greeting, *items[1:]]

    def _content(self, content: LiveServerContent, size: int) -> QueuedMessage:
        turn, serial, ends_turn = self._state.turns.content_arrived(content)
        if self._state.observers:
            self._note_begun(turn, ends_turn)
        if ends_turn or content.usage_metadata is not None:
            self._state.usage.count(content.usage_metadata, ends_turn=ends_turn)
        if not ends_turn:
            return QueuedMessage(content, turn, serial, False, size)
        pending = self._state.turn_ended(turn)
        self._owner.on_news()
        return QueuedMessage(content, turn, serial, True, size, pending)

    def _mixed(self, items: list[Inbound], size: int) -> Iterator[QueuedMessage]:
        turn, serial, ends_turn = self._state.turns.arrived(items)
        if self._state.observers:
            self._note_begun(turn, ends_turn)
        for position, item in enumerate(items):
            is_last = position == len(items) - 1
            pending = self._note(item, turn, serial, ends_turn=ends_turn and is_last)
            if isinstance(item, UnsupportedMessageError) and self._options.on_unsupported == "warn":
                self._state.log.warning("%s", item)
            elif (ends_turn and is_last) or not self._state.calls.is_hidden(item):
                cost = 1 if position else max(1, size)
                yield QueuedMessage(item, turn, serial, ends_turn and is_last, cost, pending)

    def _note_begun(self, turn: int, ends_turn: bool) -> None:
        """Tells observers of a turn that this frame begins."""
        if self._begun_turn < turn and (ends_turn or self._state.turns.is_open):
            self._begun_turn = turn
            tell(self._state.observers, TurnBegun(turn))

    def _note(self, item: Inbound, turn: int, serial: int, *, ends_turn: bool) -> PendingCalls | None:
        """Notes at once what the session must know before the consumer takes the message, if one ever does."""
        if isinstance(item, LiveSessionResumptionUpdate):
            self._state.note_handle(item)
        elif isinstance(item, LiveServerToolCall):
            self._has_calls = True
            self._state.calls.made(item.function_calls, turn, serial)
        elif isinstance(item, LiveServerToolCallCancellation):
            self._state.calls.cancelled(item.ids)
        elif isinstance(item, LiveServerGoingAwayNotice):
            self._owner.on_go_away(item.time_left)
        pending = self._state.turn_ended(turn) if ends_turn else None
        if ends_turn or isinstance(item, LiveSessionResumptionUpdate):
            self._owner.on_news()
        usage = None if isinstance(item, ProtocolError) else item.usage_metadata
        self._state.usage.count(usage, ends_turn=ends_turn)
        return pending

    def on_ended(self, info: CloseInfo) -> None:
        if self._is_set_up and not self._is_detached:
            self._owner.on_ended(info)

    def on_end(self, info: CloseInfo) -> None:
        if self._is_detached:
            return
        if self._is_set_up:
            self._owner.on_end(info)
        else:
            self._refuse(refused(info))


def unexpected(item: Inbound, data: bytes) -> SetupRejectedError:
    """Something else came where `setupComplete` was due."""
    if isinstance(item, LiveServerError):
        said = f"{item.message} ({item.status or item.code})"
        return SetupRejectedError(f"The server refused the setup: {said}.", reason=item.message, frame=data)
    return SetupRejectedError(
        f"The server answered the setup with another message than setupComplete: {excerpt(data)}",
        frame=data,
        retryable=isinstance(item, LiveServerGoingAwayNotice),
    )


def refused(ending: CloseInfo) -> ConnectError:
    """The connection ended before `setupComplete`."""
    verdict = ending.verdict
    error = ConnectError(
        f"{ending.describe()} It was waiting for setupComplete. {verdict.hint}", retryable=verdict.retryable
    )
    if ending.origin == "server":
        error = SetupRejectedError(
            f"The server closed the connection instead of accepting the setup: {ending.words}. {verdict.hint}",
            code=ending.code,
            reason=ending.reason,
            hint=verdict.hint,
            retryable=verdict.retryable,
        )
    error.__cause__ = ending.cause
    return error
