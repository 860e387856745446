"""Occasions in a row: the first answer is for the first, the last one for all from then on. No I/O."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from livesession.emulator.faults import Close, Drop, GoAway
from livesession.emulator.protocol.refusal import HttpRefusal

Step = TypeVar("Step")

_ENDINGS = (Drop, Close, GoAway, HttpRefusal)
"""The steps that cost the client its connection,"""

_LAST = (Drop, Close, HttpRefusal)
"""and those that do so at once."""


class Occasions(Generic[Step]):
    """Answers, each of several steps, handed out one at a time. Any thread may add and take.

    Args:
        times: How often something is taken; None is without an end, but with a last answer that ends the
            connection it is once for each answer, lest the client who comes back is thrown out for ever.
    """

    def __init__(self, times: int | None) -> None:
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ValueError(f"times is how often it happens, at least 1, or None; not {times!r}.")
        self._times = times
        # Guards the two attributes below it; held for no longer than it takes to read or change them.
        self._lock = threading.Lock()
        self._answers: list[list[Step]] = [[]]
        self._taken = 0

    def add(self, step: Step) -> None:
        """Append a step to the last answer; `ValueError` behind one after which there is no connection."""
        with self._lock:
            answer = self._answers[-1]
            if answer and isinstance(answer[-1], _LAST):
                raise ValueError("Nothing comes after the end of the connection; next_time() begins the next answer.")
            answer.append(step)

    def begin_answer(self) -> None:
        """Let the steps that are added from now on be those of the next occasion; `ValueError` if this has none."""
        with self._lock:
            if not self._answers[-1]:
                raise ValueError("next_time() comes after what happens this time, such as .reply(...) or .drop().")
            self._answers.append([])

    def take(self) -> tuple[Step, ...] | None:
        """Return the steps of the next occasion; None when there are none, or no more."""
        with self._lock:
            if not self._is_left():
                return None
            self._taken += 1
            return tuple(self._answers[min(self._taken, self._count) - 1])

    @property
    def remark(self) -> str:
        """Says why `take` gives nothing, to be put behind a name; "" while it gives something."""
        with self._lock:
            if not self._count:
                return " (without an answer)"
            return "" if self._is_left() else " (used up)"

    @property
    def _count(self) -> int:
        return len(self._answers) if self._answers[-1] else len(self._answers) - 1

    def _is_left(self) -> bool:
        if not self._count:
            return False
        ends = any(isinstance(step, _ENDINGS) for step in self._answers[self._count - 1])
        limit = self._count if self._times is None and ends else self._times
        return limit is None or self._taken < limit
