"""The lock that knows its owner."""

from __future__ import annotations

import threading
import time

from livesession.sync.deadline import Deadline
from livesession.sync.owned_lock import OwnedLock
from tests.kit.waiting import InThread


def taken(lock: OwnedLock, deadline: Deadline | None = None) -> bool:
    notes: list[bool] = []
    lock.take(notes, deadline)
    return notes == [True]


def test_the_thread_that_holds_it_knows_that_and_others_cannot_have_it():
    lock = OwnedLock()
    assert taken(lock)
    assert lock.is_owned()
    assert not lock.is_free
    assert InThread(lock.is_owned).result() is False
    assert InThread(lambda: taken(lock)).result() is False
    lock.release()
    assert lock.is_free


def test_another_thread_waits_for_it_until_its_deadline():
    lock = OwnedLock()
    assert taken(lock)
    began = time.monotonic()
    assert InThread(lambda: taken(lock, Deadline(0.05))).result() is False
    assert time.monotonic() - began >= 0.05


def test_a_thread_that_waits_for_it_gets_it():
    lock, waiting = OwnedLock(), threading.Event()
    assert taken(lock)

    def wait() -> bool:
        waiting.set()
        return taken(lock, Deadline(None))

    waiter = InThread(wait)
    waiting.wait()
    lock.release()
    assert waiter.result() is True
