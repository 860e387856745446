"""Tells turns apart: the turn of each message, and the request that a turn answers; the server says neither."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from livesession.messages.server import LiveServerContent, LiveServerMessage, LiveServerToolCall

if TYPE_CHECKING:
    from livesession.errors import ProtocolError

__all__ = ["AnswerWindow", "TurnTracker"]


@frozen
class AnswerWindow:
    """The place in the stream where an answer begins.

    Attributes:
        first: Turns with a lower number are over.
        answer: The number of the turn that answers the last request.
        since: Frames of that number that came before this one trail the turn before it.
    """

    first: int = 0
    answer: int = 0
    since: int = 0

    def beginning_with(self, turn: int) -> AnswerWindow:
        """The same where also all turns before this one are over."""
        return AnswerWindow(max(self.first, turn), self.answer, self.since)

    def excludes(self, turn: int, serial: int) -> bool:
        return turn < self.first or (turn == self.answer and serial < self.since)


class TurnTracker:
    """Counts turns, so that an answer is not taken for that to another question.

    The server does not say which request a turn answers. But it ends one turn for each request that asks for an
    answer, interrupted or not, in order; so the number of a turn says which request it belongs to. What trails a
    turn that has ended, such as a late transcript, is told from the next answer by when it came.
    """

    __slots__ = (
        "_begun", "_completed", "_due", "_frames", "_has_content", "_is_in_progress", "_is_open", "_lock", "_prompted",
        "_repeated", "_window",
    )  # fmt: skip

    def __init__(self) -> None:
        # Guards all fields; no other lock is taken inside. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._completed = 0  # turns that the server has ended
        self._frames = 0  # frames that have come
        # The requests that are still to be answered, in order. By key, so that a request whose sender was interrupted
        # at any moment is taken out again if it is in, and only then.
        self._due: dict[object, None] = {}
        self._is_open = False  # whether the server is in the middle of a turn
        self._is_in_progress = False  # whether it has said that it goes on with what is in progress
        self._prompted: dict[object, None] = {}  # those in `_due` that answers of functions have prompted
        self._has_content = False  # since the last answer to a call of the turn that is going on
        self._repeated = 0  # turns with a lower number have been had
        self._begun: int | None = None  # the turn that the consumer is in the middle of
        self._window = AnswerWindow()  # what comes next for `receive_turn()`

    def arrived(self, items: Sequence[LiveServerMessage | ProtocolError]) -> tuple[int, int, bool]:
        """Reader: the numbers of a frame's turn and of the frame, and whether it ends the turn."""
        contents = [item for item in items if isinstance(item, LiveServerContent)]
        if any(content.turn_complete and not content.ends_turn for content in contents):
            self._goes_on()
        return self._count(any(content.ends_turn for content in contents), any(map(opens_turn, items)))

    def content_arrived(self, content: LiveServerContent) -> tuple[int, int, bool]:
        """Reader: the same for a frame with this one message; most are such."""
        ends = content.ends_turn
        if content.turn_complete and not ends:
            self._goes_on()
        return self._count(ends, opens_turn(content))

    def _goes_on(self) -> None:
        """The turn is over but for what is in progress: the model speaks of it in no turn of its own."""
        with self._lock:
            self._is_in_progress = True
            self._forget_prompted()

    def _count(self, ends: bool, opens: bool) -> tuple[int, int, bool]:
        with self._lock:
            turn, serial = self._completed, self._frames
            self._frames += 1
            if opens:
                self._has_content = True
            if ends:
                self._is_in_progress = False
                self._completed += 1
                first = next(iter(self._due), None)
                self._due.pop(first, None)
                self._prompted.pop(first, None)
            if ends or opens:
                self._is_open = not ends
        return turn, serial, ends

    def requested(self, request: object = None) -> AnswerWindow:
        """Sender: a request that asks for an answer is about to go out; where the answer will begin.

        Args:
            request: Its key, for `withdrawn()`; a new one where it is None.
        """
        with self._lock:
            due = max(len(self._due), int(self._is_open))
            self._due[request or object()] = None
            self._forget_begun()
            answer = self._completed + due
            since = 0 if due else self._frames
            self._window = AnswerWindow(self._window.first, answer, since)
            return AnswerWindow(answer, answer, since)

    def withdrawn(self, request: object) -> None:
        """Sender: the request with this key did not go out after all, if it was counted."""
        with self._lock:
            self._due.pop(request, None)
            self._prompted.pop(request, None)

    def spoken(self, request: object = None, *, asks: bool) -> int | None:
        """Sender: realtime input that begins something new, and perhaps asks for an answer, is about to go out.

        Several such inputs may be answered by one turn, so they count as one: the number of the turn
        that answers this one; None where it was not counted.
        """
        with self._lock:
            self._forget_begun()
            if not asks or self._due:
                return None
            self._due[request or object()] = None
            return self._completed + self._is_open

    def prompted(self, request: object = None) -> int | None:
        """Sender: the answer of a function that the model did not wait for is about to go out; it will speak of it.

        In a turn of its own, behind the one that is going on, if it owes none beside that: the number of that, and
        else None. Not in one where the server has said that it goes on with what is in progress.
        """
        with self._lock:
            if self._is_in_progress or len(self._due) > self._is_open:
                return None
            if self._is_open and not self._due:
                self._due[object()] = None  # the turn that is going on
            key = request or object()
            self._due[key] = self._prompted[key] = None
            return self._completed + self._is_open

    def responded(self) -> None:
        """Sender: an answer to a call that the model waits for is about to go out, to be spoken of in the same turn."""
        with self._lock:
            self._has_content = False

    @property
    def last_owed(self) -> int:
        """The number of the last turn that is going on or owed; of the last one that has ended, where none is."""
        with self._lock:
            return self._completed + max(len(self._due), int(self._is_open)) - 1

    @property
    def has_content(self) -> bool:
        """Whether the model has said something since the last answer that was given in the turn."""
        return self._has_content

    def forget_prompted(self) -> None:
        """Consumer: the model speaks of no function's answer any more, after all."""
        with self._lock:
            self._forget_prompted()

    def _forget_prompted(self) -> None:
        for key in self._prompted:
            self._due.pop(key, None)
        self._prompted.clear()

    def settle(self) -> None:
        """Consumer: the server owes nothing more, after all."""
        with self._lock:
            self._due.clear()
            self._prompted.clear()

    @property
    def completed(self) -> int:
        """The number of turns that the server has ended."""
        return self._completed

    @property
    def is_open(self) -> bool:
        """Whether the server is in the middle of a turn."""
        return self._is_open

    @property
    def is_idle(self) -> bool:
        """Whether the server is in no turn and owes none."""
        with self._lock:
            return not self._is_open and not self._due

    def expect_replay(self, count: int) -> None:
        """Expects answers once more that were received already: the server does not know that it gave them.

        Their turns have the numbers that they had.
        """
        with self._lock:
            self._repeated = max(self._repeated, self._completed)
            self._completed -= count
            self._due.update((object(), None) for _ in range(count))

    def is_repeated(self, turn: int) -> bool:
        """Whether a turn was had before, on an earlier connection."""
        return turn < self._repeated

    def on_resumed(self, *, transparent: bool) -> None:
        """A new connection has begun.

        In transparent mode what was not answered is asked again, and the answers keep their numbers. Else what the old
        connection still owed will not come, and what it had begun is over.
        """
        with self._lock:
            self._is_open = False
            self._begun = None
            if not transparent:
                window = self._window
                self._completed = max(self._completed + 1, window.first, window.answer, self._repeated)
                self._due.clear()
                self._prompted.clear()

    def _forget_begun(self) -> None:
        if self._begun is not None:
            self._window = self._window.beginning_with(self._begun + 1)
            self._begun = None

    def delivered(self, item: LiveServerMessage | ProtocolError, turn: int, *, ends_turn: bool) -> None:
        """Consumer: a message was handed out."""
        if ends_turn:
            with self._lock:
                self._begun = None
        elif self._begun != turn and opens_turn(item):
            with self._lock:
                self._begun = turn

    def to_receive(self, first: int = 0) -> AnswerWindow:
        """Consumer: what comes next; turns with a number below `first` are over."""
        with self._lock:
            self._window = self._window.beginning_with(first)
            return self._window


def opens_turn(item: LiveServerMessage | ProtocolError) -> bool:
    """Whether a message shows that the model is in the middle of a turn.

    Transcripts do not: they may come before or behind the turn that they belong to.
    """
    if isinstance(item, LiveServerContent):
        return item.model_turn is not None or item.generation_complete
    return isinstance(item, LiveServerToolCall)
