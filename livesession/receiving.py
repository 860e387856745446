"""The iterators behind `receive()` and `receive_turn()`.

They are classes, not generators, because a generator is finished once it has raised: these go on after a time-out
and after a message that could not be read.
"""

from __future__ import annotations

import queue
from typing import final

from livesession.conversation import Conversation, logger
from livesession.errors import ProtocolError, ReceiveTimeout
from livesession.inbox import Arrival
from livesession.turn import Turn, TurnBuilder
from livesession.types.server import LiveServerMessage, LiveServerToolCall

__all__ = ["MessageStream", "TurnStream"]


class MessageStream:
    """Messages as they arrive, across turns, until the session ends; what `receive()` returns.

    The first `next()` claims the session for this iterator; it is let go when the iterator ends, is closed or
    dropped, or its thread has ended. Usable from any thread, one at a time.
    """

    def __init__(self, conversation: Conversation, timeout: float | None, owner: object) -> None:
        self._conversation = conversation
        self._timeout = timeout
        self._owner = owner  # keeps the session alive for as long as it is iterated over
        self._is_new = True
        self._is_finished = False

    def __iter__(self) -> MessageStream:
        return self

    def __next__(self) -> LiveServerMessage:
        """The next message.

        Raises:
            StopIteration: The session was closed here, or by the server with code 1000, or this iterator was.
            ReceiveTimeout: No message within the time; the iterator goes on.
            UnsupportedMessageError, ProtocolError: A message that could not be read; the iterator goes on.
            ConnectionClosedError: The session ended in another way; after everything that had arrived.
            ConcurrentReceiveError: Another consumer has the session.
        """
        arrival = self._next_arrival()
        if isinstance(arrival.item, ProtocolError):
            raise arrival.item
        return arrival.item

    def close(self) -> None:
        """Ends the iterator and lets the session go to another consumer. May be called twice, and when it is over."""
        self._is_finished = True
        self._conversation.claim.release(self)

    def claim(self) -> None:
        """Claims the session now instead of at the first `next()`."""
        self._conversation.claim.enter(self, is_new=self._is_new)
        self._is_new = False
        self._conversation.claim.leave()

    def _next_arrival(self) -> Arrival:
        if self._is_finished:
            raise StopIteration
        conversation = self._conversation
        conversation.claim.enter(self, is_new=self._is_new)
        self._is_new = False
        try:
            arrival = self._take()
            if arrival is not None:
                conversation.turns.delivered(arrival.item, arrival.turn, ends_turn=arrival.ends_turn)
                return arrival
        except BaseException:  # Ctrl-C between taking a message and handing it out
            conversation.inbox.put_back()
            raise
        finally:
            conversation.claim.leave()
        return self._end()

    def _take(self) -> Arrival | None:
        conversation = self._conversation
        if conversation.turn_left_open and self._timeout != 0 and conversation.inbox.is_empty:
            conversation.turn_left_open = False
            logger.warning(
                "receive() waits, but the last send() left the turn open (turn_complete=False), so the model may "
                "never answer; send(..., turn_complete=True) asks for an answer"
            )
        try:
            return conversation.inbox.take(self._timeout)
        except queue.Empty:
            raise self._timed_out() from None

    def _timed_out(self) -> ReceiveTimeout:
        return ReceiveTimeout(f"No message came within {self._timeout:g} s; the session goes on.")

    def _end(self) -> Arrival:
        """The session is over, and so is the iterator."""
        self.close()
        self._conversation.end_reported = True
        ending = self._conversation.ending
        if ending is None or ending.quiet:
            raise StopIteration
        raise ending.error()


@final
class TurnStream(MessageStream):
    """The messages of one turn, as they arrive; what `receive_turn()` returns.

    Ends after the last message of the frame that completed the turn. What is left of an earlier turn is skipped.
    Raises as `receive()` does, and `ConnectionClosedError` with the turn so far whenever the session ends first.
    """

    def __init__(self, conversation: Conversation, timeout: float, owner: object, *, first: int) -> None:
        super().__init__(conversation, timeout, owner)
        self._first = first
        self._builder = TurnBuilder()

    def start_at(self, first: int) -> None:
        """Takes turns from the number `first` on; earlier ones are over for later streams too."""
        self._first = self._conversation.turns.first_to_receive(at_least=first)

    def collect(self) -> Turn:
        """Receives to the end of the turn, or to a function call, which somebody has to answer first."""
        while True:
            try:
                message = next(self)
            except StopIteration:
                return self.turn
            except ProtocolError as problem:
                logger.warning("while waiting for an answer: %s", problem)
                continue
            if isinstance(message, LiveServerToolCall):
                return self.turn

    @property
    def turn(self) -> Turn:
        """What has been received of the turn so far, put together."""
        return self._builder.turn()

    def __next__(self) -> LiveServerMessage:
        """The next message of the turn."""
        arrival = self._next_arrival()
        while arrival.turn < self._first:
            logger.debug("skipped a message left over from an earlier turn: %s", type(arrival.item).__name__)
            arrival = self._next_arrival()
        if isinstance(arrival.item, ProtocolError):
            self._builder.add_problem(arrival.item)
            raise arrival.item
        self._builder.add(arrival.item)
        if arrival.ends_turn:
            self.close()
        return arrival.item

    def _timed_out(self) -> ReceiveTimeout:
        return ReceiveTimeout(
            f"No message came for {self._timeout:g} s in the middle of a turn; what came is in the error's `turn`.",
            turn=self.turn,
        )

    def _end(self) -> Arrival:
        """The session is over before the turn is."""
        self.close()
        self._conversation.end_reported = True
        error = self._conversation.end_error()
        error.turn = self.turn
        raise error
