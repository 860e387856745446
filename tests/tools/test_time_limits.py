"""The time limits by themselves: which items expire, in which order, and on which thread."""

from __future__ import annotations

import queue
import threading

import pytest

from livesession.sync.deadline import Deadline
from livesession.tools.time_limits import TimeLimits
from tests.kit.waiting import PATIENCE


@pytest.fixture
def expired() -> queue.Queue:
    """The items whose time is up, in order."""
    return queue.Queue()


@pytest.fixture
def limits(expired):
    limits = TimeLimits(expired.put)
    yield limits
    limits.stop()
    limits.join(Deadline(PATIENCE))


def test_what_is_watched_later_may_expire_first(limits, expired):
    limits.watch("long", PATIENCE + 10)
    limits.watch("short", 0.1)
    assert expired.get(timeout=PATIENCE / 2) == "short"


def test_limits_run_out_in_the_order_of_their_times(limits, expired):
    for name, seconds in [("c", 0.3), ("a", 0.1), ("b", 0.2)]:
        limits.watch(name, seconds)
    assert [expired.get(timeout=PATIENCE) for _ in range(3)] == ["a", "b", "c"]


def test_what_was_forgotten_does_not_expire(limits, expired):
    limits.watch("forgotten", 0.5)
    limits.watch("kept", 0.6)
    limits.forget("forgotten")
    assert expired.get(timeout=PATIENCE) == "kept"
    assert expired.empty()


def test_what_is_watched_when_they_are_stopped_does_not_expire(limits, expired):
    other = TimeLimits(expired.put)
    limits.watch("stopped", 0.2)
    limits.stop()
    other.watch("kept", 0.3)
    assert expired.get(timeout=PATIENCE) == "kept"
    assert expired.empty()


def test_an_expiry_that_waits_does_not_hold_up_the_limits_of_another_session(limits, expired):
    threads, may_return = queue.Queue(), threading.Event()

    def wait(item: str) -> None:
        threads.put(threading.current_thread().name)
        assert may_return.wait(PATIENCE)

    waiting = TimeLimits(wait)
    waiting.watch("slow", 0)
    assert threads.get(timeout=PATIENCE) == "livesession-tool-timer"
    limits.watch("quick", 0)
    assert expired.get(timeout=PATIENCE) == "quick"
    waiting.stop()
    may_return.set()
    waiting.join(Deadline(PATIENCE))
    assert not [thread for thread in threading.enumerate() if thread.name == "livesession-tool-timer"]
