"""The receive queue by itself: how many bytes it takes, when it asks for more, and what is put back."""

from __future__ import annotations

import pytest

from livesession import LiveServerContent
from livesession.session.receive_queue import QueuedMessage, ReceiveQueue


def queued(cost: int) -> QueuedMessage:
    return QueuedMessage(LiveServerContent(), 0, 0, False, cost)


class Filled:
    """A queue of 100 bytes that holds messages of these costs."""

    def __init__(self, *costs: int) -> None:
        self.rooms: list[bool] = []  # what `on_room` was told
        self.queue = ReceiveQueue(100, lambda: self.rooms.append(self.queue.has_room))
        self.messages = [queued(cost) for cost in costs]
        self.queue.put_many(self.messages)


def test_there_is_room_until_the_budget_is_used_up():
    filled = Filled(50, 49)
    assert filled.queue.has_room
    filled.queue.put_many([queued(1)])
    assert not filled.queue.has_room


def test_one_message_of_any_size_leaves_room():
    assert Filled(5_000).queue.has_room


def test_there_is_room_again_once_half_of_the_budget_is_free_and_that_is_told_once():
    filled = Filled(*[10] * 12)
    for taken in range(1, 12):
        assert filled.queue.take() is filled.messages[taken - 1]
        assert filled.queue.has_room == (taken >= 7)
    assert filled.rooms == [True]


def test_what_was_taken_before_counts_no_more():
    filled = Filled()
    for _ in range(10):
        filled.queue.put_many([queued(60)])
        filled.queue.take()
    filled.queue.put_many([queued(30), queued(30)])
    assert filled.queue.has_room


@pytest.mark.parametrize("others", [[], [39]], ids=["alone", "before another"])
def test_what_is_put_back_comes_first_again_and_counts_again(others):
    filled = Filled(60, *others)
    taken = filled.queue.take()
    filled.queue.put_back(None)
    filled.queue.put_many([queued(40)])
    assert not filled.queue.has_room
    assert taken is filled.queue.take() is filled.messages[0]


def test_what_was_handed_out_is_not_put_back():
    filled = Filled(1)
    handed_out = filled.queue.take()
    filled.queue.put_back(handed_out)
    assert filled.queue.empty()


def test_what_an_interruption_left_in_its_place_is_not_put_there_twice():
    filled = Filled(1)
    filled.queue._taken = filled.messages[0]  # as between the two steps of take()
    filled.queue.put_back(None)
    assert filled.queue.take() is filled.messages[0]
    assert filled.queue.empty()
