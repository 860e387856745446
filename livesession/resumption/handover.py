"""What one connection leaves to the next: what is sent again, what is lost, and what was kept meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesession.messages.client import ActivityStart, LiveClientMessage, LiveClientRealtimeInput
from livesession.messages.config import LiveGenerationConfig
from livesession.resumption.policy import LiveSessionResumed
from livesession.resumption.realtime_buffer import RealtimeBuffer
from livesession.session.requests import seeds_history
from livesession.session.state import SessionState
from livesession.session.write_hooks import Asking
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.connection.connection import Connection

__all__ = ["Handover"]

STILL_SPEAKING = LiveClientRealtimeInput(activity_start=ActivityStart())


class Posting:
    """Keeps book of a message: notes it when it goes out, and withdraws it when it did not."""

    def __init__(
        self, conversation: SessionState, message: LiveClientMessage, size: int, asking: Asking | None
    ) -> None:
        self._conversation = conversation
        self._message = message
        self._size = size
        self._asking = asking
        self._is_noted = False

    def begins(self) -> None:
        if self._asking is not None:
            self._asking.begins()
        self._is_noted = True
        answer = self._asking.answer if self._asking else None
        self._conversation.outbox.note(self._message, self._size, answer)

    def failed(self) -> None:
        if self._is_noted:
            self._conversation.outbox.withdraw(self._message)
        if self._asking is not None:
            self._asking.failed()


class Handover:
    """Keeps book of what goes out on a session's connections, so that each can go on where the one before it ended.

    Args:
        conversation: What outlives the connections.
        config: What the setup asks for.
        kept: Realtime input that is kept while there is no connection.
        send_timeout: Seconds to write a message.
    """

    def __init__(
        self, conversation: SessionState, config: LiveGenerationConfig, kept: RealtimeBuffer, send_timeout: float
    ) -> None:
        self._conversation = conversation
        self._config = config
        self.kept = kept
        self._send_timeout = send_timeout
        self._to_send_first: tuple[LiveClientMessage, ...] = ()

    def send(
        self,
        connection: Connection,
        message: LiveClientMessage,
        data: bytes,
        deadline: Deadline,
        asking: Asking | None = None,
    ) -> None:
        """Sends, and keeps book of what may have to be sent again."""
        connection.send(data, deadline.remaining(), journal=Posting(self._conversation, message, len(data), asking))

    def begins(self, *, restored: bool, downtime: float, attempts: int) -> LiveSessionResumed:
        """A new connection is set up: what the consumer is told of it.

        On the reader thread, between the last message of the old connection and the first of the new one.

        Args:
            restored: Whether the server knows of what was said before.
            downtime: Seconds since the old connection was lost.
            attempts: How many it took.
        """
        conversation = self._conversation
        calls = conversation.calls.void_all()
        conversation.is_seeding = not restored and seeds_history(self._config)
        lost: tuple[LiveClientMessage, ...] = ()
        if restored and conversation.is_transparent:
            self._to_send_first, count = conversation.outbox.begin_again()
            conversation.turns.expect_replay(conversation.outbox.take_answered())
        else:
            lost, count = self._take_lost()
        conversation.log.info("resumed after %.1f s; attempts: %d, messages lost: %d", downtime, attempts, count)
        return LiveSessionResumed(
            state_restored=restored,
            downtime=downtime,
            attempts=attempts,
            lost=lost,
            lost_count=count,
            dropped=self.kept.take_dropped(),
            cancelled_calls=calls,
        )

    def _take_lost(self) -> tuple[tuple[LiveClientMessage, ...], int]:
        """What is not sent again, and how many; all but that the user still speaks, as his speech goes on."""
        outbox = self._conversation.outbox
        lost, count = outbox.take_lost()
        self._to_send_first = ()
        if self._conversation.is_speaking:
            told = without_last_start(lost)
            lost, count = told, count - len(lost) + len(told)
            self._to_send_first = (STILL_SPEAKING,)
            outbox.note(STILL_SPEAKING, 0)
        return lost, count

    def send_first(self, connection: Connection, budget: Deadline) -> None:
        """Before anybody else sends: what the server has not consumed, and what was kept meanwhile.

        Raises `SessionClosedError` or `SendTimeout`.
        """
        for message in self._to_send_first:
            connection.send(encoded(message), budget.within(self._send_timeout))
        while kept := self.kept.take():
            self._send_kept(connection, kept, Deadline(budget.within(self._send_timeout)))

    def _send_kept(self, connection: Connection, message: LiveClientRealtimeInput, deadline: Deadline) -> None:
        try:
            self.send(connection, message, encoded(message), deadline)
        except BaseException:
            self.kept.put_back(message)
            raise


def encoded(message: LiveClientMessage) -> bytes:
    from livesession.codec import encode  # not before the first connect: it takes a third of the import

    return encode(message)


def without_last_start(messages: tuple[LiveClientMessage, ...]) -> tuple[LiveClientMessage, ...]:
    """All but the last `activityStart`."""
    for place in reversed(range(len(messages))):
        message = messages[place]
        if isinstance(message, LiveClientRealtimeInput) and message.activity_start is not None:
            return messages[:place] + messages[place + 1 :]
    return messages
