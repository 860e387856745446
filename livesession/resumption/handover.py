"""Hands a conversation over from a connection to the next one: what goes out again, what is lost, what was buffered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesession.connection.write_hook import WriteHook
from livesession.messages.client import ActivityStart, LiveClientMessage, LiveClientRealtimeInput
from livesession.observers import SessionResumed, tell
from livesession.resumption.policy import LiveSessionResumed
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.connection.connection import Connection
    from livesession.resumption.realtime_buffer import RealtimeBuffer
    from livesession.session.state import SessionState
    from livesession.session.write_hooks import ClientHook

__all__ = ["Handover"]

STILL_SPEAKING = LiveClientRealtimeInput(activity_start=ActivityStart())


class AcknowledgementHook(WriteHook):
    """The hook of a message that the server is to acknowledge: notes it when it goes out, forgets it if it did not.

    Args:
        state: The session's.
        message: The message.
        size: Its bytes as JSON.
        hook: The message's own hook, if it has one; it counts first.
    """

    def __init__(self, state: SessionState, message: LiveClientMessage, size: int, hook: ClientHook | None) -> None:
        self._state = state
        self._message = message
        self._size = size
        self._hook = hook

    def before_write(self) -> None:
        if self._hook is not None:
            self._hook.before_write()
        answer = self._hook.answer if self._hook else None
        self._state.unacknowledged.note(self._message, self._size, answer, key=self)

    def on_sent(self) -> None:
        if self._hook is not None:
            self._hook.is_sent = True
            self._hook.on_sent()

    def on_not_sent(self) -> None:
        self._state.unacknowledged.withdraw(self)
        if self._hook is not None:
            self._hook.on_not_sent()


class Handover:
    """Notes what goes out on a session's connections, so that each can go on where the one before it ended.

    Args:
        state: The session's.
        buffer: Realtime input that is kept while there is no connection.
        send_timeout: Seconds to write a message.
        seeds_history: Whether a new conversation begins with its history.
    """

    def __init__(
        self, state: SessionState, buffer: RealtimeBuffer, send_timeout: float, *, seeds_history: bool
    ) -> None:
        self._state = state
        self._seeds_history = seeds_history
        self.buffer = buffer
        self._send_timeout = send_timeout
        self._to_send_first: tuple[LiveClientMessage, ...] = ()

    def send(
        self,
        connection: Connection,
        message: LiveClientMessage,
        data: bytes,
        deadline: Deadline,
        hook: ClientHook | None = None,
    ) -> None:
        """Sends a message, and notes that it may have to be sent again."""
        noted = AcknowledgementHook(self._state, message, len(data), hook)
        connection.send(data, deadline.remaining(), hook=noted)

    def begin(self, *, restored: bool, downtime: float, attempts: int) -> LiveSessionResumed:
        """Begins a new connection, which is set up now, and returns what the consumer is told of it.

        On the reader thread, between the last message of the old connection and the first of the new one.

        Args:
            restored: Whether the server knows of what was said before.
            downtime: Seconds since the old connection was lost.
            attempts: The connections that it took.
        """
        state = self._state
        calls = state.calls.void_all()
        state.user.is_seeding = not restored and self._seeds_history
        lost: tuple[LiveClientMessage, ...] = ()
        if restored and state.is_transparent:
            self._to_send_first, count = state.unacknowledged.begin_again()
            state.turns.expect_replay(state.unacknowledged.take_answered())
        else:
            lost, count = self._take_lost()
        state.log.info("resumed after %.1f s; attempts: %d, messages lost: %d", downtime, attempts, count)
        resumed = LiveSessionResumed(
            state_restored=restored,
            downtime=downtime,
            attempts=attempts,
            lost=lost,
            lost_count=count,
            dropped=self.buffer.take_dropped(),
            cancelled_calls=calls,
        )
        if state.observers:
            tell(state.observers, SessionResumed(resumed))
        return resumed

    def _take_lost(self) -> tuple[tuple[LiveClientMessage, ...], int]:
        """Takes what is not sent again, and its number; all but that the user still speaks, as the speech goes on."""
        lost, count = self._state.unacknowledged.take_lost()
        self._to_send_first = ()
        if self._state.user.is_speaking:
            told = without_last_start(lost)
            lost, count = told, count - len(lost) + len(told)
            self._to_send_first = (STILL_SPEAKING,)
            self._state.unacknowledged.note(STILL_SPEAKING, 0)
        return lost, count

    def send_first(self, connection: Connection, budget: Deadline) -> None:
        """Sends, before all other messages, what the server has not consumed, and what was buffered meanwhile.

        Raises `SessionClosedError` or `SendTimeout`.
        """
        for message in self._to_send_first:
            connection.send(encoded(message), budget.within(self._send_timeout))
        while buffered := self.buffer.take():
            self._send_buffered(connection, buffered, Deadline(budget.within(self._send_timeout)))

    def _send_buffered(self, connection: Connection, message: LiveClientRealtimeInput, deadline: Deadline) -> None:
        try:
            self.send(connection, message, encoded(message), deadline)
        except BaseException:
            self.buffer.put_back(message)
            raise


def encoded(message: LiveClientMessage) -> bytes:
    from livesession.codec import encode  # not before the first connect: it takes a third of the import

    return encode(message)


def without_last_start(messages: tuple[LiveClientMessage, ...]) -> tuple[LiveClientMessage, ...]:
    """Returns all messages but the last `activityStart`."""
    for place in reversed(range(len(messages))):
        message = messages[place]
        if isinstance(message, LiveClientRealtimeInput) and message.activity_start is not None:
            return messages[:place] + messages[place + 1 :]
    return messages
