"""Tracks the function calls of a session, so that each is answered once, or not at all once no answer is wanted."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import attrs

from livesession.errors import InvalidRequestError
from livesession.messages.server import LiveServerToolCall, LiveServerToolCallCancellation
from livesession.observers import Observer, ToolCallBegun, ToolCallEnded, tell
from livesession.session.function_calls import (
    CallListener,
    CallRules,
    CallState,
    Claimed,
    PendingCalls,
    TrackedCall,
)
from livesession.sync.events import Notifier

if TYPE_CHECKING:
    from livesession.messages.content import FunctionCall, FunctionResponse
    from livesession.sync.deadline import Deadline

__all__ = ["ENDED", "CallTracker"]

DOUBT = 1.0  # seconds for the server to say that it cancels a call, after the user has gone on
REMEMBERED = 1000  # calls that are over, so that a second answer to one of them is told from an answer to none

REPEATED = "the call was made again, under the same id"
CANCELLED = "the server has cancelled the call, because the user went on"
FORGOTTEN = "the session was resumed, and the server has forgotten the call"
ENDED = "the session has ended"


class CallTracker:
    """Tracks each function call from the model's request to its answer, or until it needs none any more.

    Args:
        observers: Observe the calls.

    Its public attributes are those of the `CallRules` that `configure()` takes.
    """

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = observers
        # Guards all fields; no other lock is taken inside. A signal handler on top, in close(), may take it again.
        self._lock = threading.RLock()
        self._open: dict[str, TrackedCall] = {}  # by key, the oldest first
        self._over: dict[str, TrackedCall] = {}  # the same, as far as they are remembered
        self._owed: dict[TrackedCall, None] = {}  # answered, and not yet spoken of by the model
        self._new: list[TrackedCall] = []  # of which the listener has not been told
        self._numbers = itertools.count()
        self._notifier = Notifier()  # opened whenever a call is over
        self.listener: CallListener | None = None
        self.non_blocking: frozenset[str] = frozenset()
        self.silent: frozenset[str] = frozenset()
        self.hides_automatic = False
        self.is_strict = False
        self._is_closed = False

    def configure(self, rules: CallRules) -> None:
        """Takes over the rules of the session's tools; to be called before the session connects."""
        self.listener = rules.listener
        self.non_blocking = rules.non_blocking
        self.silent = rules.silent
        self.hides_automatic = rules.hides_automatic
        self.is_strict = rules.is_strict

    # The reader thread.

    def made(self, calls: Sequence[FunctionCall], turn: int, serial: int) -> None:
        """The model has made them."""
        replaced: list[TrackedCall] = []
        with self._lock:
            for each in calls:
                key = each.id or f"without an id: {next(self._numbers)}"
                call = TrackedCall(key, each, turn, serial, self.is_automatic(each), each.name not in self.non_blocking)
                if before := self._open.pop(key, None):
                    before.state, before.why_gone = CallState.GONE, REPEATED
                    replaced.append(before)
                self._over.pop(key, None)
                self._open[key] = call
                if call.is_automatic:
                    self._new.append(call)
        self._tell(replaced, REPEATED)
        if self._observers:
            for each in calls:
                tell(self._observers, ToolCallBegun(each))

    def is_automatic(self, call: FunctionCall) -> bool:
        """Whether the session answers it by itself."""
        return self.listener is not None and self.listener.takes(call)

    def is_hidden(self, item: object) -> bool:
        """Whether it is nothing but calls, or cancellations of calls, that the consumer is not to see."""
        if not self.hides_automatic:
            return False
        if isinstance(item, LiveServerToolCall):
            return all(map(self.is_automatic, item.function_calls))
        if not isinstance(item, LiveServerToolCallCancellation):
            return False
        with self._lock:
            return all((call := self._over.get(each)) is not None and call.is_automatic for each in item.ids)

    def hand_over(self) -> None:
        """Tells the listener of new calls, once their messages can be received."""
        if self._new and self.listener is not None:
            new, self._new = self._new, []
            if self._is_closed:  # no server could be told what the function answers
                return
            self.listener.on_calls([call for call in new if call.is_open])

    def cancelled(self, ids: Iterable[str]) -> None:
        """The server needs no answers to them any more."""
        with self._lock:
            gone = [call for each in ids if (call := self._open.get(each)) is not None]
            self._give_up(gone, CANCELLED)
        self._tell(gone, CANCELLED)

    # What may become of them.

    def put_in_doubt(self) -> None:
        """The user goes on, which may make the server cancel what the model waits for: a late answer ends the session.

        Called with the write lock held, so that no answer that the ledger lets through comes behind the user's words.
        """
        with self._lock:
            for call in list(self._open.values()):
                if call.is_waited_for:
                    call.in_doubt_until = time.monotonic() + DOUBT

    def turn_ended(self, turn: int, *, last_owed: int, has_content: bool) -> PendingCalls | None:
        """Notes that the server has ended a turn: it has heard the user, and cancelled what it will cancel.

        Calls that are open then are not waited for, whatever was declared.

        Args:
            turn: The number of the turn.
            last_owed: The number of the last turn that the server owes.
            has_content: Whether the model has said something since the last answer that was given in the turn.

        Returns:
            What keeps the question of these calls from being answered.
        """
        if not (self._open or self._owed):
            return None
        with self._lock:
            for call in list(self._open.values()):
                call.in_doubt_until = 0.0
                call.is_released = True
            for call in list(self._owed):
                self._end_owed(call, turn, last_owed, has_content=has_content)
            pending = self._pending()
        self._notifier.notify()
        return pending

    def _end_owed(self, call: TrackedCall, turn: int, last_owed: int, *, has_content: bool) -> None:
        """Forgets an answer that the model was to speak of in this turn at the latest, if it did."""
        if call.owed_turn is None or min(call.owed_turn, last_owed) > turn:
            return
        if call.is_spoken_of_in_its_turn and not has_content:  # the turn may have been ended before the answer came
            call.owed_turn, call.is_spoken_of_in_its_turn, call.is_owed_in_doubt = turn + 1, False, True
        else:
            self._owed.pop(call, None)

    def _pending(self) -> PendingCalls | None:
        """Returns what keeps the question of these calls from being answered; None where nothing does."""
        is_open = [call for call in self._open.values() if call.is_automatic and not self._is_settled(call)]
        pending = [*is_open, *self._owed]
        if not pending:
            return None
        is_certain = bool(is_open) or not all(call.is_owed_in_doubt for call in self._owed)
        return PendingCalls(max(call.turn for call in pending), is_certain)

    def _is_settled(self, call: TrackedCall) -> bool:
        """Whether the question waits no more for the answer to an open call."""
        return call.has_answer or call.call.name in self.silent

    def note_response(self, call: TrackedCall, owed_turn: int | None, *, is_last: bool) -> None:
        """Notes, when an answer is about to be written, the turn in which the model will speak of it, if it does."""
        with self._lock:
            call.has_answer = is_last
            if owed_turn is not None:
                call.owed_turn = owed_turn
                call.is_spoken_of_in_its_turn = call.is_waited_for
                self._owed[call] = None

    def withdraw_response(self, call: TrackedCall) -> None:
        """Forgets an answer that did not go out."""
        with self._lock:
            call.has_answer = False
            self._owed.pop(call, None)

    def wants_answer(self, call: TrackedCall) -> bool:
        """Whether an answer to it can be sent now."""
        with self._lock:
            return call.is_open and call.in_doubt_until <= time.monotonic()

    def await_verdict(self, calls: Iterable[TrackedCall]) -> None:
        """Waits until it is known of each whether it is cancelled, but not long: some servers do not cancel."""
        for call in calls:
            while call.is_open and (left := call.in_doubt_until - time.monotonic()) > 0:
                self._notifier.wait(lambda call=call: not call.is_open or self.wants_answer(call), left)  # type: ignore[misc]

    # What has become of them.

    def close(self) -> None:
        """The session is closed here: no call needs an answer any more, nor do those that still arrive."""
        self._is_closed = True
        self.void_all(ENDED)

    def void_all(self, why: str = FORGOTTEN) -> tuple[str, ...]:
        """No open call needs an answer any more; gives their ids."""
        with self._lock:
            gone = list(self._open.values())
            self._give_up(gone, why)
            self._owed.clear()
        self._tell(gone, why)
        return tuple(call.call.id for call in gone if call.call.id)

    def _give_up(self, calls: Iterable[TrackedCall], why: str) -> None:
        for call in calls:
            call.why_gone = why
            self._end(call, CallState.GONE)

    def _tell(self, gone: Sequence[TrackedCall], why: str) -> None:
        automatic = [call for call in gone if call.is_automatic]
        if automatic and self.listener is not None:
            self.listener.on_gone(automatic, why)

    def _end(self, call: TrackedCall, state: CallState) -> None:
        call.state = state
        self._open.pop(call.key, None)  # a signal handler on top may have closed the session
        self._over[call.key] = call
        if len(self._over) > REMEMBERED:
            del self._over[next(iter(self._over))]
        self._notifier.notify()
        if self._observers:
            tell(self._observers, ToolCallEnded(call.call, state is CallState.ANSWERED, call.why_gone))

    # Answering.

    def claim(self, answers: Sequence[FunctionResponse]) -> list[Claimed]:
        """Claims calls that are answered by hand: the answers to send now, with name and id; `settle()` is to follow.

        Answers to calls that need none any more are left out. Raises `InvalidRequestError` for one to no call, to one
        that has been answered, and to one that is answered by itself.
        """
        with self._lock:
            claimed: list[Claimed] = []
            by_id = [self._with_id(answer.id) for answer in answers if answer.id]
            for answer in answers:
                call = self._called(answer, [*by_id, *(each.call for each in claimed)])
                if call is None:
                    claimed.append(Claimed(None, answer))
                    continue
                check_answerable(call, is_twice=any(call is other for other, _ in claimed))
                check_name(call, answer)
                if call.is_open:
                    claimed.append(Claimed(call, completed(answer, call.call)))
            for call, _ in claimed:
                if call is not None:
                    call.state = CallState.ANSWERING
        return claimed

    def claim_one(self, call: TrackedCall) -> bool:
        """Claims a call for its function; whether an answer to it may be sent now. `settle()` is to follow then."""
        with self._lock:
            is_wanted = call.state is CallState.WAITING
            if is_wanted:
                call.state = CallState.ANSWERING
        return is_wanted

    def settle(self, call: TrackedCall | None, *, is_answered: bool) -> None:
        """The answer was sent, or was not, or was only a part; unless the call is gone in the meantime."""
        with self._lock:
            if call is None or call.state is not CallState.ANSWERING:
                return
            if is_answered:
                self._end(call, CallState.ANSWERED)
            else:
                call.state = CallState.WAITING

    def _called(self, answer: FunctionResponse, taken: Sequence[TrackedCall | None]) -> TrackedCall | None:
        """The call that an answer is meant for; one without an id for none that others beside it answer."""
        if answer.id:
            call = self._with_id(answer.id)
        else:
            named = [each for each in self.waiting if each.call.name == answer.name]
            call = next((each for each in named if each not in taken), named[0] if named else None)
        if call is None and self.is_strict:
            raise InvalidRequestError(
                f"The model has made no call with the id {answer.id!r} of {answer.name!r} in this session: copy id and "
                f"name from the FunctionCall. Calls that wait: {described(self.waiting)}."
            )
        return call

    def _with_id(self, call_id: str) -> TrackedCall | None:
        return self._open.get(call_id) or self._over.get(call_id)

    def is_gone(self, call_id: str | None) -> bool:
        """Whether a call needs no answer any more, though it got none."""
        with self._lock:
            call = self._over.get(call_id or "")
            return call is not None and call.state is CallState.GONE

    @property
    def waiting(self) -> list[TrackedCall]:
        """The calls that wait for an answer by hand, the oldest first."""
        with self._lock:
            # A list first, here and below: a signal handler on top may close the session.
            return [
                call for call in list(self._open.values()) if call.state is CallState.WAITING and not call.is_automatic
            ]

    @property
    def is_any_open(self) -> bool:
        """Whether any call waits for an answer, of whomever."""
        with self._lock:
            return bool(self._open)

    @property
    def is_at_work(self) -> bool:
        """Whether a function is running that the model waits for."""
        with self._lock:
            return any(call.is_automatic and call.is_blocking for call in list(self._open.values()))

    def hold_back(self, seconds: float, deadline: Deadline) -> bool:
        """Waits as long as there is a call that the model waits for, made less than so many seconds ago.

        False where there still is one at the deadline.
        """

        def is_ready() -> bool:
            return self._ready_at(seconds) <= time.monotonic()

        while not is_ready() and not deadline.expired():
            longest = self._ready_at(seconds) - time.monotonic()
            self._notifier.wait(is_ready, deadline.within(longest))
        return is_ready()

    def _ready_at(self, seconds: float) -> float:
        with self._lock:
            made_at = (call.made_at for call in list(self._open.values()) if call.is_waited_for)
            return max(made_at, default=-math.inf) + seconds


def check_answerable(call: TrackedCall, *, is_twice: bool) -> None:
    what = f"The call {call.call.id!r} of {call.call.name!r}"
    if call.is_automatic:
        raise InvalidRequestError(
            f"{what} is answered by itself, by the function that was given as a tool; "
            "ToolOptions(auto=False) leaves all answers to you."
        )
    if is_twice or call.state in (CallState.ANSWERING, CallState.ANSWERED):
        raise InvalidRequestError(f"{what} has been answered already; the server takes one answer to a call.")


def check_name(call: TrackedCall, answer: FunctionResponse) -> None:
    if answer.name and answer.name != call.call.name:
        raise InvalidRequestError(
            f"The call {call.call.id!r} is one of {call.call.name!r}, not of {answer.name!r}: leave the name out, "
            "and it is filled in."
        )


def completed(answer: FunctionResponse, call: FunctionCall) -> FunctionResponse:
    """The answer with the name and the id of the call that it is meant for."""
    return attrs.evolve(answer, name=answer.name or call.name, id=answer.id or call.id)


def described(calls: Iterable[TrackedCall]) -> str:
    return ", ".join(f"{call.call.id!r} of {call.call.name!r}" for call in calls) or "none"
