"""The lock that knows its owner."""

from __future__ import annotations

import threading
import time

from livesession.sync.deadline import Deadline
from livesession.sync.owned_lock import OwnedLock
from tests.kit.waiting import InThread


def test_it_is_given_back_by_the_thread_that_holds_it_and_by_no_other():
    lock = OwnedLock()
    assert lock.acquire(Deadline(0.0))
    InThread(lock.release_if_owned).result()
    assert lock.is_owned()
    lock.release_if_owned()
    assert lock.is_free
    lock.release_if_owned()  # which changes nothing


def test_another_thread_waits_for_it_until_its_deadline():
    lock = OwnedLock()
    assert lock.try_to_acquire()
    began = time.monotonic()
    assert InThread(lambda: lock.acquire(Deadline(0.05))).result() is False
    assert time.monotonic() - began >= 0.05
    assert not InThread(lambda: lock.is_free).result()


def test_a_thread_that_waits_for_it_gets_it():
    lock, waiting = OwnedLock(), threading.Event()
    assert lock.try_to_acquire()

    def take() -> bool:
        waiting.set()
        return lock.acquire(Deadline(None))

    taking = InThread(take)
    waiting.wait()
    lock.release_if_owned()
    assert taking.result() is True
