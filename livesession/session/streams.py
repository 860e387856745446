"""The iterators behind `receive()` and `receive_turn()`.

They are classes, not generators, because a generator is finished once it has raised: these go on after a time-out
and after a message that could not be read.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import final

from livesession.connection.close_info import CloseInfo
from livesession.errors import ProtocolError, ReceiveTimeout
from livesession.messages.server import LiveServerError, LiveServerMessage, LiveServerToolCall
from livesession.resumption.policy import LiveSessionResumed
from livesession.session.receive_queue import QueuedMessage
from livesession.session.state import SessionState
from livesession.session.turn import Turn, TurnBuilder, belongs_to_a_turn
from livesession.session.turn_tracker import AnswerWindow

__all__ = ["MessageStream", "TurnStream"]


class MessageStream:
    """Messages as they arrive, across turns, until the session ends; what `receive()` returns.

    The first `next()` claims the session for this iterator; it is let go when the iterator ends, is closed or
    dropped, or its thread has ended. Usable from any thread, one at a time.
    """

    __slots__ = ("__weakref__", "_conversation", "_is_finished", "_is_new", "_owner", "_timeout")

    def __init__(self, conversation: SessionState, timeout: float | None, owner: object) -> None:
        self._conversation = conversation
        self._timeout = timeout
        self._owner = owner  # keeps the session alive for as long as it is iterated over
        self._is_new = True
        self._is_finished = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {'finished' if self._is_finished else 'open'}>"

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
        """Ends the iterator and lets the session go to another consumer.

        May be called twice, and when it is over; from another thread it ends the wait of the thread that iterates.
        """
        self._is_finished = True
        self._conversation.claim.release(self)
        self._conversation.inbox.wake_consumers()

    def claim(self) -> None:
        """Claims the session now instead of at the first `next()`."""
        self._conversation.check_process()
        self._conversation.claim.enter(self, is_new=self._is_new)
        self._is_new = False
        self._conversation.claim.leave()

    def _next_arrival(self) -> QueuedMessage:
        conversation = self._conversation
        conversation.check_process()
        if self._is_finished:
            raise StopIteration
        claim, inbox = conversation.claim, conversation.inbox
        if inbox.is_empty or not claim.is_kept(self):
            claim.enter(self, is_new=self._is_new)
            self._is_new = False
        try:
            inbox.settle()
            arrival = inbox.take_now() or self._wait()
            claim.leave()
            if isinstance(arrival, QueuedMessage):
                conversation.turns.delivered(arrival.item, arrival.turn, ends_turn=arrival.ends_turn)
                return arrival
        except BaseException:  # Ctrl-C between taking a message and handing it out
            claim.leave()
            inbox.put_back()
            raise
        self.close()
        if arrival is None:
            raise StopIteration
        conversation.report(arrival)
        raise self._end(arrival)

    def _wait(self) -> QueuedMessage | CloseInfo | None:
        conversation = self._conversation
        if conversation.open_turn_warning_due and self._timeout != 0 and conversation.inbox.is_empty:
            conversation.open_turn_warning_due = False
            self._conversation.log.warning(
                "receive() waits, but the last send() left the turn open (turn_complete=False), so the model may "
                "never answer; send(..., turn_complete=True) asks for an answer"
            )
        while True:
            try:
                return conversation.inbox.take(self._timeout, lambda: self._is_finished)
            except queue.Empty:
                if not self._waits_on():
                    raise self._timed_out() from None

    def _waits_on(self) -> bool:
        """Whether silence is no reason to give up."""
        return False

    def _timed_out(self) -> ReceiveTimeout:
        return ReceiveTimeout(f"No message came within {self._timeout:g} s; the session goes on.")

    def _end(self, ending: CloseInfo) -> Exception:
        """What to raise when the session is over."""
        return StopIteration() if ending.quiet else ending.error()


@final
class TurnStream(MessageStream):
    """The messages of one turn, as they arrive; what `receive_turn()` returns.

    Ends after the last message of the frame that completed the turn. What is left of an earlier turn is skipped.
    Raises as `receive()` does, and `ConnectionClosedError` with the turn so far whenever the session ends first.
    """

    def __init__(self, conversation: SessionState, timeout: float, owner: object) -> None:
        super().__init__(conversation, timeout, owner)
        self._span = conversation.turns.to_receive()
        self._skipped = 0
        self._has_begun = False
        self._builder = TurnBuilder()

    def answers(self, span: AnswerWindow) -> None:
        """Takes nothing that came before the answer to one request; it is over for later streams too."""
        self._conversation.turns.to_receive(span.first)
        self._span = span

    def collect(self, on_resumed: Callable[[LiveSessionResumed], None] | None = None) -> Turn:
        """Receives to the end of the turn, or to a function call that is to be answered by hand first.

        `on_resumed` is called when the session was resumed meanwhile.
        """
        while True:
            try:
                message = next(self)
            except StopIteration:
                return self.turn
            except ProtocolError as problem:
                self._conversation.log.warning("while waiting for an answer: %s", problem)
                problem.with_traceback(None)  # its frames would keep the session alive for as long as the turn
                continue
            if isinstance(message, LiveServerError):  # the caller of ask() sees no messages
                said = f"{message.message} ({message.status or message.code})"
                self._conversation.log.warning(
                    "while waiting for an answer: the server reported an error: %s", self._conversation.redact(said)
                )
            if on_resumed is not None and isinstance(message, LiveSessionResumed):
                on_resumed(message)
            if isinstance(message, LiveServerToolCall) and not self._is_answered(message):
                return self.turn

    def _is_answered(self, message: LiveServerToolCall) -> bool:
        """Whether functions that were given as tools answer all its calls."""
        return all(self._conversation.calls.is_automatic(call) for call in message.function_calls)

    @property
    def turn(self) -> Turn:
        """What has been received of the turn so far, put together anew at each access."""
        return self._builder.turn()

    def __next__(self) -> LiveServerMessage:
        """The next message of the turn."""
        arrival = self._next_arrival()
        while self._is_left_over(arrival):
            self._skipped += arrival.ends_turn
            self._conversation.log.debug(
                "skipped a message left over from an earlier turn: %s", type(arrival.item).__name__
            )
            arrival = self._next_arrival()
        if arrival.ends_turn and not self._span.excludes(arrival.turn, arrival.serial):
            self.close()
        if isinstance(arrival.item, ProtocolError):
            self._builder.add_problem(arrival.item)
            raise arrival.item
        if isinstance(arrival.item, LiveSessionResumed):
            self._builder.begin_again()
        self._builder.add(arrival.item)
        self._has_begun = self._has_begun or belongs_to_a_turn(arrival.item)
        return arrival.item

    def _waits_on(self) -> bool:
        """Whether the model is silent because it waits for a function of ours."""
        return self._conversation.calls.is_at_work

    def _is_left_over(self, arrival: QueuedMessage) -> bool:
        """Whether it belongs to an earlier turn; news of the session, such as a going-away notice, never do."""
        if isinstance(arrival.item, LiveServerToolCall) and self._conversation.turns.is_repeated(arrival.turn):
            return False  # the server waits for its answer, and answers nothing else before that
        return self._span.excludes(arrival.turn, arrival.serial) and belongs_to_a_turn(arrival.item)

    def _timed_out(self) -> ReceiveTimeout:
        skipped = ""
        if self._skipped:
            # The server seems to have answered several requests in one turn: nothing more is owed.
            self._conversation.turns.settle()
            skipped = f" {self._skipped} turns that belong to earlier requests were skipped."
        return ReceiveTimeout(
            f"No message came for {self._timeout:g} s{self._what_is_missing()}{skipped}", turn=self.turn
        )

    def _what_is_missing(self) -> str:
        if self._has_begun:
            return " in the middle of a turn; what came is in the error's `turn`."
        if self._conversation.turn_left_open:
            return ": the last send() left the turn open; send(..., turn_complete=True) asks for an answer."
        return ": the turn has not begun. A model may need longer; speech ends with send_audio_stream_end() or silence."

    def _end(self, ending: CloseInfo) -> Exception:
        """The session is over before the turn is."""
        error = ending.error()
        error.turn = self.turn
        return error
