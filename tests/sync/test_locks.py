"""A lock that is taken with `take()` is given back at whichever place an interruption comes."""

from __future__ import annotations

import signal
import threading

import pytest

from livesession.sync.locks import take
from tests.kit.waiting import InThread
from tests.sync.test_events import every_place, is_interrupted, needs_signals, sigusr1_interrupts, walk

__all__ = ["sigusr1_interrupts"]


def hold(lock, timeout) -> bool:
    taken: list[bool] = []
    try:
        take(lock, taken, timeout)
        return bool(taken)
    finally:
        if taken:
            lock.release()


@pytest.mark.parametrize("timeout", [0, 0.01, -1], ids=["tries", "waits", "waits without an end"])
def test_a_free_lock_is_taken(timeout):
    lock, taken = threading.Lock(), []
    take(lock, taken, timeout)
    assert taken
    assert lock.locked()


@pytest.mark.parametrize("timeout", [0, 0.01], ids=["tries", "waits"])
def test_a_lock_of_another_thread_is_not_taken(timeout):
    lock, taken = threading.Lock(), []
    InThread(lock.acquire).result()
    take(lock, taken, timeout)
    assert not taken


@needs_signals
@every_place
@pytest.mark.parametrize("timeout", [0, 0.01, -1], ids=["tries", "waits", "waits without an end"])
def test_an_interruption_at_any_place_leaves_the_lock_free(timeout, wire_at, sigusr1_interrupts):
    lock = threading.Lock()

    def round_of(wire):
        interrupted = is_interrupted(wire, lambda: hold(lock, timeout))
        assert not lock.locked()
        return interrupted

    assert walk(wire_at, round_of) >= 2
    assert signal.getsignal(signal.SIGUSR1)
