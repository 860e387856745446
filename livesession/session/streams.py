"""The iterators behind `receive()` and `receive_turn()`.

They are classes, not generators, because a generator is finished once it has raised: these go on after a time-out
and after a message that could not be read.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import TYPE_CHECKING, final

from livesession.errors import ProtocolError, ReceiveTimeout
from livesession.messages.server import LiveServerError, LiveServerMessage, LiveServerToolCall
from livesession.resumption.policy import LiveSessionResumed
from livesession.session.receive_queue import QueuedMessage
from livesession.session.turn import Turn, TurnBuilder, belongs_to_a_turn
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.connection.close_info import CloseInfo
    from livesession.session.function_calls import PendingCalls
    from livesession.session.state import SessionState
    from livesession.session.turn_tracker import AnswerWindow

__all__ = ["MessageStream", "TurnStream"]

MOST_TURNS = 10  # of one answer: the model may speak of each function in a turn of its own
LONGEST_DOUBT = 5.0  # seconds; models begin to speak of a function's answer 1 to 3 s after it (measured by users)


class MessageStream:
    """Messages as they arrive, across turns, until the session ends; what `receive()` returns.

    The first `next()` claims the session for this iterator; it is let go when the iterator ends, is closed or
    dropped, or its thread has ended. Usable from any thread, one at a time.
    """

    __slots__ = ("__weakref__", "_is_finished", "_is_new", "_owner", "_state", "_timeout")

    def __init__(self, state: SessionState, timeout: float | None, owner: object) -> None:
        self._state = state
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
        self._state.check_process()
        if self._is_finished:
            raise StopIteration
        handed_out = self._state.queue.taken  # by the call before this one
        problem: ProtocolError | None = None
        try:
            message = self._next_queued().item
            if not isinstance(message, ProtocolError):
                return message  # the last step: an exception on any line before it puts the message back
            problem = message
            raise problem
        except BaseException as error:
            if error is not problem:
                self._undo(handed_out)
            raise

    def _undo(self, handed_out: QueuedMessage | None) -> None:
        """Puts a message back that was taken and not handed out, as Ctrl-C came in between."""
        self._state.consumer.leave()
        self._state.queue.put_back(handed_out)

    def close(self) -> None:
        """Ends the iterator and lets the session go to another consumer.

        May be called twice, and when it is over; from another thread it ends the wait of the thread that iterates.
        """
        self._is_finished = True
        self._state.consumer.release(self)
        self._state.queue.wake()

    def claim(self) -> None:
        """Claims the session now instead of at the first `next()`."""
        self._state.check_process()
        self._state.consumer.enter(self, is_new=self._is_new)
        self._is_new = False
        self._state.consumer.leave()

    def _next_queued(self) -> QueuedMessage:
        """Takes the next message. Raises at the end of the session."""
        state = self._state
        consumer, messages = state.consumer, state.queue
        if messages.empty() or not consumer.is_kept(self):
            consumer.enter(self, is_new=self._is_new)
            self._is_new = False
        queued = messages.take() or self._wait()
        consumer.leave()
        if isinstance(queued, QueuedMessage):
            state.turns.delivered(queued.item, queued.turn, ends_turn=queued.ends_turn)
            return queued
        self.close()
        if queued is None:
            raise StopIteration
        state.report(queued)
        raise self._end(queued)

    def _wait(self) -> QueuedMessage | CloseInfo | None:
        state = self._state
        if state.user.is_warning_due and self._timeout != 0 and state.queue.empty():
            state.user.note_warning()
            state.log.warning(
                "receive() waits, but the last send() left the turn open (turn_complete=False), so the model may "
                "never answer; send(..., turn_complete=True) asks for an answer"
            )
        while True:
            try:
                return state.queue.get(self._longest_wait(), lambda: self._is_finished)
            except queue.Empty:
                if not self._waits_on():
                    raise self._timed_out() from None

    def _longest_wait(self) -> float | None:
        """Returns the seconds to wait for the next message."""
        return self._timeout

    def _waits_on(self) -> bool:
        """Whether silence is no reason to give up."""
        return False

    def _timed_out(self) -> Exception:
        """Returns what to raise when no message came in time."""
        return ReceiveTimeout(f"No message came within {self._timeout:g} s; the session goes on.")

    def _end(self, info: CloseInfo) -> Exception:
        """Returns what to raise when the session is over."""
        return StopIteration() if info.quiet else info.error()


@final
class TurnStream(MessageStream):
    """The messages of one turn, as they arrive; what `receive_turn()` returns.

    Ends after the last message of the frame that completed the turn; not while a function that the model has called in
    it has not answered, or the model has not spoken of the answer: it may do so in a turn of its own, `MOST_TURNS` at
    the most. What is left of an earlier turn is skipped.
    Raises as `receive()` does, and `ConnectionClosedError` with the turn so far whenever the session ends first.
    """

    def __init__(self, state: SessionState, timeout: float, owner: object) -> None:
        super().__init__(state, timeout, owner)
        self._window = state.turns.to_receive()
        self._skipped = 0
        self._received: list[LiveServerMessage | ProtocolError] = []
        self._turns = self._turns_before = 0  # that have ended while functions were to be answered, or spoken of
        self._doubt: Deadline | None = None  # by when the model will have spoken of an answer, if it does

    def answers(self, window: AnswerWindow) -> None:
        """Takes nothing that came before the answer to one request; it is over for later streams too."""
        self._state.turns.to_receive(window.first)
        self._window = window

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
                self._state.log.warning("while waiting for an answer: %s", problem)
                problem.with_traceback(None)  # its frames would keep the session alive for as long as the turn
                continue
            if isinstance(message, LiveServerError):  # the caller of ask() sees no messages
                self._log_error(message)
            if on_resumed is not None and isinstance(message, LiveSessionResumed):
                on_resumed(message)
            if isinstance(message, LiveServerToolCall) and not self._is_answered(message):
                return self.turn

    def _log_error(self, error: LiveServerError) -> None:
        said = self._state.redact(f"{error.message} ({error.status or error.code})")
        self._state.log.warning("while waiting for an answer: the server reported an error: %s", said)

    def _is_answered(self, message: LiveServerToolCall) -> bool:
        """Whether functions that were given as tools answer all its calls."""
        return all(self._state.calls.is_automatic(call) for call in message.function_calls)

    @property
    def turn(self) -> Turn:
        """The turn as far as it was received, put together anew at each access."""
        builder = TurnBuilder()
        for item in self._received:
            if isinstance(item, ProtocolError):
                builder.add_problem(item)
            elif isinstance(item, LiveSessionResumed):
                builder.begin_again()
            else:
                builder.add(item)
        return builder.turn()

    def _next_queued(self) -> QueuedMessage:
        """Takes the next message of the turn."""
        queued = super()._next_queued()
        while self._is_left_over(queued):
            self._skipped += queued.ends_turn
            self._state.log.debug("skipped a message left over from an earlier turn: %s", type(queued.item).__name__)
            queued = super()._next_queued()
        self._take(queued)
        return queued

    def _take(self, queued: QueuedMessage) -> None:
        """Adds a message to the turn, and ends the iterator where the message does so."""
        self._turns_before = self._turns
        self._received.append(queued.item)
        if queued.ends_turn and not self._window.excludes(queued.turn, queued.serial):
            self._end_turn(queued.pending)

    def _end_turn(self, pending: PendingCalls | None) -> None:
        """Ends the iterator, unless the model has yet to speak of a function that it called since the question."""
        if pending is None or pending.turn < self._window.first or self._turns == MOST_TURNS - 1:
            self.close()
        else:
            self._turns += 1
            self._doubt = None if pending.is_certain else Deadline(LONGEST_DOUBT)

    def _undo(self, handed_out: QueuedMessage | None) -> None:
        taken = self._state.queue.taken
        if taken is not None and taken is not handed_out and self._received and self._received[-1] is taken.item:
            del self._received[-1]
            if taken.ends_turn:  # it goes on, and counts the turn when it comes again
                self._is_new = self._is_new or self._is_finished
                self._turns = self._turns_before
                self._is_finished = False
        super()._undo(handed_out)

    def _longest_wait(self) -> float | None:
        return self._timeout if self._doubt is None or self._timeout is None else self._doubt.within(self._timeout)

    def _waits_on(self) -> bool:
        """Whether the model is silent because it waits for a function of ours."""
        return self._state.calls.is_at_work

    def _is_left_over(self, arrival: QueuedMessage) -> bool:
        """Whether it belongs to an earlier turn; news of the session, such as a going-away notice, never do."""
        if isinstance(arrival.item, LiveServerToolCall) and self._state.turns.is_repeated(arrival.turn):
            return False  # the server waits for its answer, and answers nothing else before that
        return self._window.excludes(arrival.turn, arrival.serial) and belongs_to_a_turn(arrival.item)

    def _timed_out(self) -> Exception:
        if self._turns:  # the model has answered, and says nothing more of the functions
            self._state.turns.forget_prompted()
            self.close()
            return StopIteration()
        skipped = ""
        if self._skipped:
            # The server seems to have answered several requests in one turn: nothing more is owed.
            self._state.turns.settle()
            skipped = f" {self._skipped} turns that belong to earlier requests were skipped."
        return ReceiveTimeout(
            f"No message came for {self._timeout:g} s{self._what_is_missing()}{skipped}", turn=self.turn
        )

    def _what_is_missing(self) -> str:
        if any(map(belongs_to_a_turn, self._received)):
            return " in the middle of a turn; what came is in the error's `turn`."
        if self._state.user.is_turn_open:
            return ": the last send() left the turn open; send(..., turn_complete=True) asks for an answer."
        return ": the turn has not begun. A model may need longer; speech ends with send_audio_stream_end() or silence."

    def _end(self, info: CloseInfo) -> Exception:
        """The session is over before the turn is."""
        error = info.error()
        error.turn = self.turn
        return error
