"""The timer of the process: what is called, in which order, and how long its thread lives."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import queue
import signal
import threading
import time

import pytest

from livesession.sync.deadline import Deadline
from livesession.sync.timer import join_idle_timer, set_timer
from tests.kit.waiting import PATIENCE, InThread, wait_until

LATER = PATIENCE + 10  # seconds, which no test waits for


@pytest.fixture
def called() -> queue.Queue:
    """The names of the functions that were called, in order."""
    return queue.Queue()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "livesession-timer"]


def test_a_function_is_called_at_its_time_on_the_timer_s_thread(called):
    began = time.monotonic()
    set_timer(0.05, lambda: called.put((time.monotonic(), threading.current_thread())))
    at, thread = called.get(timeout=PATIENCE)
    assert at >= began + 0.05
    assert thread.name == "livesession-timer"
    assert thread.daemon


def test_functions_are_called_in_the_order_of_their_times_whatever_that_of_setting_them(called):
    for name, seconds in [("c", 0.3), ("a", 0.1), ("b", 0.2)]:
        set_timer(seconds, lambda name=name: called.put(name))
    assert [called.get(timeout=PATIENCE) for _ in range(3)] == ["a", "b", "c"]


def test_one_that_is_set_later_may_come_first(called):
    late = set_timer(LATER, lambda: called.put("late"))
    wait_until(threads)
    set_timer(0.05, lambda: called.put("soon"))
    assert called.get(timeout=PATIENCE) == "soon"
    late.cancel()


def test_a_cancelled_function_is_not_called(called):
    cancelled = set_timer(0.05, lambda: called.put("cancelled"))
    set_timer(0.1, lambda: called.put("kept"))
    cancelled.cancel()
    cancelled.cancel()
    assert called.get(timeout=PATIENCE) == "kept"
    assert called.empty()


def test_to_cancel_one_that_was_called_does_nothing(called):
    timer = set_timer(0, lambda: called.put("once"))
    assert called.get(timeout=PATIENCE) == "once"
    timer.cancel()
    assert called.empty()


def test_a_function_may_cancel_one_that_is_due_as_well(called):
    begun, may_go_on = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        may_go_on.wait(PATIENCE)

    def second() -> None:
        third.cancel()
        called.put("second")

    set_timer(0, first)
    assert begun.wait(PATIENCE)
    set_timer(0, second)
    third = set_timer(0, lambda: called.put("third"))
    set_timer(0, lambda: called.put("fourth"))
    may_go_on.set()
    assert [called.get(timeout=PATIENCE) for _ in range(2)] == ["second", "fourth"]


def test_a_function_may_set_the_next_timer(called):
    def again(left: int) -> None:
        called.put(left)
        if left:
            set_timer(0.001, lambda: again(left - 1))

    again(5)
    assert [called.get(timeout=PATIENCE) for _ in range(6)] == [5, 4, 3, 2, 1, 0]


def test_many_timers_share_one_thread_which_ends_with_the_last():
    timers = [set_timer(LATER, lambda: None) for _ in range(100)]
    assert len(threads()) == 1
    for timer in timers[1:]:
        timer.cancel()
    assert len(threads()) == 1
    timers[0].cancel()
    join_idle_timer(Deadline(PATIENCE))
    assert threads() == []


def test_the_thread_ends_after_the_last_call_and_starts_anew(called):
    for _ in range(3):
        set_timer(0, lambda: called.put(threading.get_ident()))
        called.get(timeout=PATIENCE)
        join_idle_timer(Deadline(PATIENCE))
        assert threads() == []


def test_nobody_waits_for_the_thread_while_a_timer_is_left():
    timer = set_timer(LATER, lambda: None)
    InThread(lambda: join_idle_timer(Deadline(None))).result()
    timer.cancel()


def test_a_function_may_wait_for_the_end_of_the_thread_without_a_deadlock(called):
    set_timer(0, lambda: called.put(join_idle_timer(Deadline(None))))
    assert called.get(timeout=PATIENCE) is None


@pytest.mark.parametrize("error", [ValueError("a fault"), SystemExit(1)])
def test_what_a_function_raises_is_logged_and_the_others_are_called(called, caplog, error):
    def fail() -> None:
        raise error

    set_timer(0.02, fail)
    set_timer(0.05, lambda: called.put("unharmed"))
    assert called.get(timeout=PATIENCE) == "unharmed"
    [record] = caplog.records
    assert (record.name, record.levelno) == ("livesession", logging.ERROR)
    assert record.exc_info[1] is error


def test_a_log_handler_that_fails_does_not_keep_the_others_from_being_called(called, monkeypatch):
    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("a log handler's own fault")

    monkeypatch.setattr(logging.getLogger("livesession"), "handlers", [Failing()])
    set_timer(0.02, lambda: 1 / 0)
    set_timer(0.05, lambda: called.put("unharmed"))
    assert called.get(timeout=PATIENCE) == "unharmed"


def test_a_function_that_was_called_or_cancelled_is_kept_alive_no_longer():
    class Work:
        def __call__(self) -> None: ...

        def __del__(self) -> None:
            gone.append(1)

    gone: list[int] = []
    keeper = set_timer(LATER, lambda: None)
    timer = set_timer(LATER, Work())
    set_timer(0, Work())
    timer.cancel()
    wait_until(lambda: gc.collect() is not None and len(gone) == 2)
    keeper.cancel()


def test_without_threads_setting_a_timer_raises_and_a_later_one_works(called, monkeypatch):
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError, match="can't start"):
            set_timer(0, lambda: called.put("never"))
    set_timer(0.02, lambda: called.put("later"))
    assert called.get(timeout=PATIENCE) == "later"
    assert called.empty()


def test_threads_that_set_and_cancel_at_once_lose_nothing():
    count, calls = 500, queue.Queue()

    def work(number: int) -> None:
        for step in range(count):
            set_timer(0.001 * (step % 5), lambda: calls.put(number))
            set_timer(LATER, lambda: calls.put("cancelled")).cancel()

    for worker in [InThread(lambda number=number: work(number)) for number in range(4)]:
        worker.result()
    heard = [calls.get(timeout=PATIENCE) for _ in range(4 * count)]
    assert sorted(heard) == sorted(list(range(4)) * count)
    assert calls.empty()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
def test_a_signal_handler_sets_and_cancels_timers_in_the_middle_of_setting_and_cancelling():
    """On the main thread. The signal is not SIGALRM, which pytest-timeout uses."""
    calls, signals = queue.Queue(), []

    def handler(number: int, frame: object) -> None:
        signals.append(set_timer(0, lambda: calls.put("handler")))
        set_timer(LATER, lambda: None).cancel()

    before = signal.signal(signal.SIGVTALRM, handler)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.0005, 0.0005)
    try:
        for _ in range(3_000):
            set_timer(0, lambda: calls.put("main"))
            set_timer(LATER, lambda: None).cancel()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    heard = [calls.get(timeout=PATIENCE) for _ in range(3_000 + len(signals))]
    assert signals
    assert heard.count("handler") == len(signals)
    join_idle_timer(Deadline(PATIENCE))
    assert threads() == []


def test_a_finalizer_may_set_a_timer(called):
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            set_timer(0, lambda: called.put("finalized"))

    for _ in range(20):
        Cycle()
    gc.collect()
    assert [called.get(timeout=PATIENCE) for _ in range(20)] == ["finalized"] * 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_none_of_the_parent_s_timers_and_can_set_its_own(called):
    parents = set_timer(0.2, lambda: called.put("parent's"))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            done = threading.Event()
            own = set_timer(LATER, lambda: os.write(writer, b"too early "))
            parents.cancel()  # matches none of the child's
            set_timer(0.4, done.set)
            os.write(writer, f"{done.wait(PATIENCE)} {called.empty()} {len(threads())}".encode())
            own.cancel()
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as told:
        assert told.read() == b"True True 1"
    os.waitpid(child, 0)
    assert called.get(timeout=PATIENCE) == "parent's"
