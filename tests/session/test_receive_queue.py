"""The inbox by itself: how many bytes it takes, when it asks for more, and what is put back."""

from __future__ import annotations

import pytest

from livesession import LiveServerContent
from livesession.session.receive_queue import QueuedMessage, ReceiveQueue


def arrival(cost: int) -> QueuedMessage:
    return QueuedMessage(LiveServerContent(), 0, 0, False, cost)


class Filled:
    """An inbox of 100 bytes that holds messages of these costs."""

    def __init__(self, *costs: int) -> None:
        self.rooms: list[bool] = []  # what `on_room` was told
        self.inbox = ReceiveQueue(100, lambda: self.rooms.append(self.inbox.has_room))
        self.arrivals = [arrival(cost) for cost in costs]
        self.inbox.put(self.arrivals)


def test_there_is_room_until_the_budget_is_used_up():
    filled = Filled(50, 49)
    assert filled.inbox.has_room
    filled.inbox.put([arrival(1)])
    assert not filled.inbox.has_room


def test_one_message_of_any_size_leaves_room():
    assert Filled(5_000).inbox.has_room


def test_there_is_room_again_once_half_of_the_budget_is_free_and_that_is_told_once():
    filled = Filled(*[10] * 12)
    for taken in range(1, 12):
        assert filled.inbox.take_now() is filled.arrivals[taken - 1]
        assert filled.inbox.has_room == (taken >= 7)
    assert filled.rooms == [True]


def test_what_was_taken_before_counts_no_more():
    filled = Filled()
    for _ in range(10):
        filled.inbox.put([arrival(60)])
        filled.inbox.take_now()
    filled.inbox.put([arrival(30), arrival(30)])
    assert filled.inbox.has_room


@pytest.mark.parametrize("others", [[], [39]], ids=["alone", "before another"])
def test_what_is_put_back_comes_first_again_and_counts_again(others):
    filled = Filled(60, *others)
    taken = filled.inbox.take_now()
    filled.inbox.put_back()
    filled.inbox.put([arrival(40)])
    assert not filled.inbox.has_room
    assert taken is filled.inbox.take_now() is filled.arrivals[0]


def test_what_was_handed_out_is_not_put_back():
    filled = Filled(1)
    filled.inbox.take_now()
    filled.inbox.settle()
    filled.inbox.put_back()
    assert filled.inbox.is_empty


def test_what_an_interruption_left_in_its_place_is_not_put_there_twice():
    filled = Filled(1)
    filled.inbox._taken = filled.arrivals[0]  # as between the two steps of take_now()
    filled.inbox.put_back()
    assert filled.inbox.take_now() is filled.arrivals[0]
    assert filled.inbox.is_empty
