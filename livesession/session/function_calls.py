"""Function calls while they wait for an answer, and what is told of the ones that functions answer by themselves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from attrs import define, field, frozen

from livesession.messages.content import FunctionCall, FunctionResponse
from livesession.messages.server import LiveServerMessage

if TYPE_CHECKING:
    from livesession.messages.fields import JSONObject

__all__ = [
    "CallListener",
    "CallRules",
    "CallState",
    "Claimed",
    "Outcome",
    "PendingCalls",
    "ToolResult",
    "ToolStatistics",
    "TrackedCall",
]

Outcome = Literal["answered", "failed", "timed_out", "dropped"]


@frozen(kw_only=True, repr=False)
class ToolResult(LiveServerMessage):
    """A function that was given as a tool has been run; made by this library, not by the server.

    It comes behind the `LiveServerToolCall` that it belongs to, and before what the model says to the answer. For a
    generator it tells of the end.

    Attributes:
        call: The call.
        response: What the function answered: `{"output": ...}`, or `{"error": ...}`; of several parts the last.
        outcome: `"answered"`; `"failed"`, where the function raised or could not take the arguments; `"timed_out"`;
            or `"dropped"`, where the answer was not wanted any more. The record is made before the answer is
            written, to stand before the model's next words: one that then cannot be is only counted.
        seconds: From the call to the answer.
    """

    call: FunctionCall = field(factory=FunctionCall)
    response: JSONObject = field(factory=dict)
    outcome: Outcome = "answered"
    seconds: float = 0.0


@frozen(kw_only=True)
class ToolStatistics:
    """Counts of the calls of a session that functions given as tools answer, by outcome.

    Attributes:
        calls: How many the model has made.
        running: How many functions have not returned yet, or have not begun.
        answered, failed, timed_out: How many answers of each kind were sent.
        dropped: How many answers were not wanted any more, or could not be sent; late ones after a time-out as well.
    """

    calls: int = 0
    running: int = 0
    answered: int = 0
    failed: int = 0
    timed_out: int = 0
    dropped: int = 0


class CallState(Enum):
    """The states of a function call."""

    WAITING = "waiting"
    ANSWERING = "being answered"
    ANSWERED = "answered"
    GONE = "gone"


@define(eq=False)
class TrackedCall:
    """One call, and where it stands.

    Attributes:
        key: Its id, or what stands for one.
        call: What the server sent.
        turn, serial: Of the frame in which it came.
        is_automatic: Whether the session answers it by itself.
        is_blocking: Whether the model was told that it is to wait for the answer.
        has_answer: Whether its last answer is out, or is being written; the tracker learns a moment later of it.
        is_released: Whether the model has ended the turn of the call without waiting for the answer.
        owed_turn: The number of the turn in which the model will speak of the answer; None where it will not.
        is_spoken_of_in_its_turn: Whether that is the turn of the call itself, as the model waited for the answer.
        is_owed_in_doubt: Whether it may have had nothing to say, as its turn ended behind the answer without a word.
        made_at: When it came, on the monotonic clock.
        state: Changed by the ledger only.
        why_gone: Why it needs no answer any more.
        in_doubt_until: By when the server will have said whether it cancels it, on the monotonic clock.
    """

    key: str
    call: FunctionCall
    turn: int
    serial: int
    is_automatic: bool
    is_blocking: bool
    made_at: float = field(factory=time.monotonic)
    state: CallState = CallState.WAITING
    why_gone: str = ""
    in_doubt_until: float = 0.0
    has_answer: bool = False
    is_released: bool = False
    owed_turn: int | None = None
    is_spoken_of_in_its_turn: bool = False
    is_owed_in_doubt: bool = False

    @property
    def is_waited_for(self) -> bool:
        """Whether the model waits for the answer."""
        return self.is_blocking and not self.is_released

    @property
    def is_open(self) -> bool:
        return self.state in (CallState.WAITING, CallState.ANSWERING)


class PendingCalls(NamedTuple):
    """Calls that keep a question from being answered when the model ends a turn: open, or not spoken of.

    Attributes:
        turn: The number of the turn of the newest such call.
        is_certain: False where the turn may have been ended in spite of an answer, as the model has nothing to say.
    """

    turn: int
    is_certain: bool


class Claimed(NamedTuple):
    """An answer that may be sent, and the call that it answers; None where that is not known."""

    call: TrackedCall | None
    answer: FunctionResponse


class CallListener(Protocol):
    """Answers calls of the model by itself; `on_calls` is called on the reader thread, and neither method may wait."""

    def takes(self, call: FunctionCall) -> bool:
        """Whether it is one of those."""

    def on_calls(self, calls: Sequence[TrackedCall]) -> None:
        """Answers new calls."""

    def on_gone(self, calls: Sequence[TrackedCall], why: str) -> None:
        """Forgets calls that need no answer any more; on any thread."""


@frozen(kw_only=True)
class CallRules:
    """The rules by which a session treats function calls, as its tools are declared.

    Attributes:
        listener: Answers calls by itself; None where all are answered by hand.
        non_blocking: The names of the functions whose answer the model does not wait for.
        silent: The names of the functions of whose answer the model does not speak.
        hides_automatic: Whether the consumer does not see the calls that the listener answers.
        is_strict: Whether answers to calls that were never made are refused. Servers have been seen to take them from
            a session without functions.
    """

    listener: CallListener | None = None
    non_blocking: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    hides_automatic: bool = False
    is_strict: bool = False
