"""The state machine by itself: it moves as its table says, whatever interrupts it."""

from __future__ import annotations

import sys
import threading

import pytest

from livesession.sync.state_machine import StateMachine

TABLE = {("shut", "open"): "open", ("open", "shut"): "shut", ("open", "break"): "broken", ("shut", "break"): "broken"}


def machine(**options: bool) -> StateMachine[str, str, str]:
    return StateMachine(TABLE, "shut", **options)


def test_it_moves_as_the_table_says_and_not_otherwise():
    door = machine()
    assert [door.on("shut"), door.on("open"), door.on("open"), door.on("break"), door.on("shut")] == [
        False, True, False, True, False,
    ]  # fmt: skip
    assert door.state == "broken"


@pytest.mark.parametrize(("keeps", "detail"), [(True, "first"), (False, "second")])
def test_a_later_detail_replaces_the_first_unless_that_is_to_be_kept(keeps, detail):
    door = machine(keeps_first_detail=keeps)
    door.on("open", "first")
    door.on("shut")
    assert door.detail == "first"
    door.on("break", "second")
    assert door.detail == detail


def test_a_conclusion_from_an_earlier_step_moves_nothing():
    door = machine()
    step = door.step
    assert door.on("open", since=step)
    assert door.on("shut")
    assert not door.on("open", since=step)  # though the state is the same again
    assert door.state == "shut"


def test_of_many_threads_one_makes_each_move():
    door, moves, begin = machine(), [], threading.Barrier(8)

    def rattle() -> None:
        begin.wait()
        for _ in range(2_000):
            for event in ("open", "shut"):
                if door.on(event):
                    moves.append(event)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=rattle) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    opened, shut = moves.count("open"), moves.count("shut")
    assert opened - shut == (door.state == "open")


class Interrupting:
    """A table that is looked at in the middle of a transition: what happens then happens on top of it."""

    def __init__(self) -> None:
        self.on_top = None

    def get(self, key):
        on_top, self.on_top = self.on_top, None
        if on_top is not None:
            on_top()
        return TABLE.get(key)


def test_a_transition_on_top_of_another_in_the_same_thread_is_not_overwritten():
    table = Interrupting()
    door: StateMachine[str, str, str] = StateMachine(table, "shut")
    table.on_top = lambda: door.on("break")
    assert not door.on("open")  # broken by now
    assert door.state == "broken"
