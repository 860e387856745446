"""Messages that the server has not acknowledged: they may have to be sent again, or to be reported as lost."""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

import attrs

from livesession.messages.client import LiveClientContent, LiveClientMessage, LiveClientToolResponse

__all__ = ["UnacknowledgedMessages"]

OVERHEAD = 500  # bytes that a message takes beside its content


class SentMessage(NamedTuple):
    """A message, and about how much memory it takes."""

    message: LiveClientMessage
    size: int
    answer: int | None  # the number of the turn that answers it, where it is a request
    key: object  # of its sender


def not_asking(sent: SentMessage) -> LiveClientMessage:
    """Returns the message; a history, which no turn answers, as context, or else it would be taken for a request."""
    message = sent.message
    if isinstance(message, LiveClientContent) and message.turn_complete and sent.answer is None:
        return attrs.evolve(message, turn_complete=False)
    return message


class UnacknowledgedMessages:
    """Keeps the messages since the server's last word on what it has taken in, in the order in which they went out.

    In transparent mode the server numbers what it has consumed, from 1 on each connection. Without it, a new handle
    stands for everything up to the end of the last turn: what was sent after that may have crossed it on the way.

    Args:
        limit: Bytes to keep; the newest message is kept whatever its size, older ones are only counted.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Guards all fields; no other lock is taken inside. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._sent: deque[SentMessage] = deque()
        self._first = 1  # the number of the first of them on this connection
        self._bytes = 0
        self._not_kept = 0
        self._in_turns = 0  # how many of them were sent before the last turn ended
        self._answered = 0  # how many of those that ask for an answer have had it

    def note(self, message: LiveClientMessage, size: int, answer: int | None = None, key: object = None) -> None:
        """Notes a message that is about to be written; called in the order in which they are.

        Args:
            message: The message.
            size: Its bytes as JSON.
            answer: The number of the turn that answers it, where it is a request.
            key: What `withdraw()` will be given if it does not go out after all.
        """
        with self._lock:
            self._bytes += size + OVERHEAD
            self._sent.append(SentMessage(message, size + OVERHEAD, answer, key))
            while self._bytes > self._limit and len(self._sent) > 1:
                self._drop_first()
                self._not_kept += 1

    def withdraw(self, key: object) -> None:
        """Forgets the message with this key, if it was noted: it did not go out, and nothing has gone out since."""
        with self._lock:
            for position in reversed(range(len(self._sent))):
                if self._sent[position].key is key:
                    self._bytes -= self._sent[position].size
                    del self._sent[position]
                    self._in_turns = min(self._in_turns, len(self._sent))
                    return

    def turn_ended(self, turn: int) -> None:
        """The server has ended the turn with this number, after which it may give a handle.

        A request that a later turn answers may still have been on its way, and so may what was sent behind it.
        """
        with self._lock:
            later = (place for place, each in enumerate(self._sent) if each.answer is not None and each.answer > turn)
            self._in_turns = next(later, len(self._sent))
            self._answered = sum(each.answer is not None and each.answer <= turn for each in self._sent)

    def acknowledge(self, number: int | None) -> None:
        """The server has all up to this number; None stands for those before the end of the last turn."""
        with self._lock:
            if number is None or number >= self._first - 1:
                self._not_kept = 0
            else:
                self._not_kept = min(self._not_kept, self._first - 1 - number)
            while self._sent and (self._in_turns if number is None else self._first <= number):
                self._drop_first()

    def _drop_first(self) -> None:
        first = self._sent.popleft()
        self._bytes -= first.size
        self._first += 1
        if first.answer is not None:
            self._answered = max(0, self._answered - 1)
        self._in_turns = max(0, self._in_turns - 1)

    def begin_again(self) -> tuple[tuple[LiveClientMessage, ...], int]:
        """A new connection, on which numbers begin anew: what is to be sent first, and how many were not kept.

        Not the answers to function calls: what led to a call is sent again, and the call is made anew.
        """
        with self._lock:
            kept = (each for each in self._sent if not isinstance(each.message, LiveClientToolResponse))
            self._sent = deque(each._replace(message=not_asking(each)) for each in kept)
            self._bytes = sum(each.size for each in self._sent)
            not_kept, self._not_kept = self._not_kept, 0
            self._first, self._in_turns = 1, 0
            return tuple(each.message for each in self._sent), not_kept

    def take_answered(self) -> int:
        """Returns the number of requests that have been answered, and will be once more when they are sent again."""
        with self._lock:
            answered, self._answered = self._answered, 0
            return answered

    def take_lost(self) -> tuple[tuple[LiveClientMessage, ...], int]:
        """Forgets and returns what the server never took in, and its number with those that were not kept."""
        with self._lock:
            lost = tuple(each.message for each in self._sent)
            count = len(lost) + self._not_kept
            self._sent.clear()
            self._first, self._bytes, self._not_kept, self._in_turns = 1, 0, 0, 0
            self._answered = 0
            return lost, count
