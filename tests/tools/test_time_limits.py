"""The time limits by themselves: which runs out first, and what is forgotten in time."""

from __future__ import annotations

import queue

import pytest

from livesession.sync.deadline import Deadline
from livesession.tools.time_limits import TimeLimits
from tests.kit.waiting import PATIENCE


@pytest.fixture
def expired() -> queue.Queue:
    """What has run out, in order."""
    return queue.Queue()


@pytest.fixture
def limits(expired):
    limits = TimeLimits(expired.put)
    yield limits
    limits.stop()
    limits.join(Deadline(PATIENCE))


def test_what_is_watched_later_may_run_out_first(limits, expired):
    limits.watch("long", Deadline(PATIENCE + 10))
    limits.watch("short", Deadline(0.1))
    assert expired.get(timeout=PATIENCE / 2) == "short"


def test_limits_run_out_in_the_order_of_their_deadlines(limits, expired):
    for name, seconds in [("c", 0.3), ("a", 0.1), ("b", 0.2)]:
        limits.watch(name, Deadline(seconds))
    assert [expired.get(timeout=PATIENCE) for _ in range(3)] == ["a", "b", "c"]


def test_what_was_forgotten_does_not_run_out(limits, expired):
    limits.watch("forgotten", Deadline(0.5))
    limits.watch("kept", Deadline(0.6))
    limits.forget("forgotten")
    assert expired.get(timeout=PATIENCE) == "kept"
    assert expired.empty()
