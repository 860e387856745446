"""A state machine that needs no lock, so that threads, signal handlers and finalisers can move it on at any moment.

With a lock, a signal handler that runs on top of a transition, in the same thread, would wait for itself, or would have
its own transition overwritten by the one below. Here each step holds the next one in a dict, and `dict.setdefault` is
a single step of the interpreter: of all who want to move on from the same state, the first one does, and the others
look again from where it went. An exception such as Ctrl-C finds the transition made or not made, nothing in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

__all__ = ["StateMachine"]

State = TypeVar("State")
Event = TypeVar("Event")
Detail = TypeVar("Detail")

NEXT = "next"


class Step(Generic[State, Detail]):
    """A state, and the step that followed it, if there is one yet."""

    __slots__ = ("detail", "following", "state")

    def __init__(self, state: State, detail: Detail | None) -> None:
        self.state = state
        self.detail = detail
        self.following: dict[str, Step[State, Detail]] = {}


class StateMachine(Generic[State, Event, Detail]):
    """Moves from state to state as a table says.

    Args:
        table: The state that follows each pair of a state and an event; what it does not list changes nothing.
        first: The state to begin in.
        keeps_first_detail: Whether a detail stays once it was given; else a later one replaces it.
    """

    __slots__ = ("_keeps_first_detail", "_newest", "_table")

    def __init__(
        self, table: Mapping[tuple[State, Event], State], first: State, *, keeps_first_detail: bool = False
    ) -> None:
        self._table = table
        self._newest: Step[State, Detail] = Step(first, None)
        self._keeps_first_detail = keeps_first_detail

    @property
    def state(self) -> State:
        step = self._newest
        return self._find_newest().state if step.following else step.state

    @property
    def detail(self) -> Detail | None:
        """The detail that came with the events, such as how a connection ended; None before there was one."""
        return self._find_newest().detail

    def _find_newest(self) -> Step[State, Detail]:
        step = self._newest
        while step.following:
            step = step.following[NEXT]
        self._newest = step  # only a short cut: one that is overwritten with an older step is followed again
        return step

    @property
    def step(self) -> object:
        """The present step, for `on(since=...)`."""
        return self._find_newest()

    def on(self, event: Event, detail: Detail | None = None, *, since: object = None) -> bool:
        """Moves on; False when the event changes nothing in the present state.

        Args:
            event: What happened.
            detail: More about it.
            since: The step in which the caller looked at what it concludes from; no other step is moved on from.
        """
        while True:
            step = self._find_newest()
            if since is not None and step is not since:
                return False
            state = self._table.get((step.state, event))
            if state is None:
                return False
            keeps = detail is None or (self._keeps_first_detail and step.detail is not None)
            following = Step(state, step.detail if keeps else detail)
            if step.following.setdefault(NEXT, following) is following:
                return True
