"""Events and notifiers: they wake who waits, and an interruption at any place leaves them as good as before."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from livesession.sync.deadline import Deadline
from livesession.sync.events import Event, Notifier
from tests.interrupts.positions import Instructions, Lines
from tests.kit.waiting import InThread, wait_until

needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal on this system")


def interrupt(*_) -> None:
    raise KeyboardInterrupt


def line(number):
    return Lines(number, interrupt)


def instruction(number):
    return Instructions(number, signal.SIGUSR1)


every_place = pytest.mark.parametrize("wire_at", [line, instruction], ids=["line", "signal"])


@pytest.fixture
def sigusr1_interrupts():
    before = signal.signal(signal.SIGUSR1, interrupt)
    yield
    signal.signal(signal.SIGUSR1, before)


def is_interrupted(wire, work) -> bool:
    """Runs it with an interruption; False where it came to none."""
    try:
        try:
            wire.start()
            work()
        finally:
            wire.stop()
        time.sleep(0)  # the interpreter looks for signals
    except KeyboardInterrupt:
        return True
    assert not wire.place
    return False


def walk(wire_at, round_of) -> int:
    """Calls `round_of` with a wire for each place, until it says that the end was reached; how many there were."""
    number = 1
    while round_of(wire_at(number)):
        number += 1
    return number - 1


def waiting(wait) -> InThread:
    """A thread that has begun to wait."""
    begun = threading.Event()

    def work():
        begun.set()
        return wait()

    thread = InThread(work)
    begun.wait()
    time.sleep(0.002)  # nothing tells of a thread's waiting
    return thread


def test_an_event_releases_all_who_wait_and_who_come_later():
    event = Event()
    threads = [waiting(lambda: event.wait(20)) for _ in range(3)]
    event.set()
    assert all(thread.result() for thread in threads)
    assert event.wait(0)
    assert event.is_set


def test_an_event_that_is_not_set_lets_go_at_the_time_limit():
    event = Event()
    assert not event.wait(0)
    assert not event.wait(0.01)


def test_an_event_may_be_set_by_several_threads_and_again():
    event = Event()
    for thread in [InThread(event.set) for _ in range(4)]:
        thread.result()
    event.set()
    assert event.wait(0)


def test_a_notifier_lets_all_who_wait_look_again():
    notifier, news = Notifier(), []
    threads = [waiting(lambda: notifier.wait_until(lambda: bool(news), Deadline(20))) for _ in range(3)]
    notifier.notify()
    assert all(thread.thread.is_alive() for thread in threads)
    news.append(1)
    notifier.notify()
    assert all(thread.result() for thread in threads)


def test_what_comes_while_a_thread_begins_to_wait_is_not_missed():
    notifier, news = Notifier(), []

    def has_news():
        if not news:
            news.append(1)
            notifier.notify()  # by another thread, just behind the look
            return False
        return True

    assert notifier.wait(has_news, 20)


def test_a_handler_on_top_of_a_wait_can_wait_for_the_same_event(sigusr1_interrupts):
    event, seen = Event(), []

    def handler(*_):
        seen.append(event.wait(0.01))
        event.set()

    signal.signal(signal.SIGUSR1, handler)
    main = threading.main_thread().ident
    thread = InThread(lambda: (time.sleep(0.05), signal.pthread_kill(main, signal.SIGUSR1)))
    assert event.wait(20)
    thread.result()
    assert seen == [False]


@needs_signals
@every_place
def test_an_interrupted_wait_leaves_an_event_for_others_to_wait_for(wire_at, sigusr1_interrupts):
    event = Event()

    def round_of(wire):
        interrupted = is_interrupted(wire, lambda: event.wait(0.001))
        other = Event()
        is_interrupted(wire_at(0), other.set)
        return interrupted

    assert walk(wire_at, round_of) > 3  # the fewest places: it is set before the wait has begun
    other = waiting(lambda: event.wait(20))
    event.set()
    assert other.result()
    assert event.wait(0)


@needs_signals
@every_place
def test_an_interrupted_wait_for_what_has_happened_leaves_the_event_set_for_all(wire_at, sigusr1_interrupts):
    def round_of(wire):
        event = Event()
        setting = InThread(lambda: (time.sleep(0.01), event.set()))
        interrupted = is_interrupted(wire, lambda: event.wait(20))
        setting.result()
        assert event.wait(0)
        assert waiting(lambda: event.wait(0)).result()
        return interrupted

    assert walk(wire_at, round_of) > 3  # the fewest places: it is set before the wait has begun


@needs_signals
@every_place
@pytest.mark.parametrize("kind", ["event", "notifier"])
def test_an_interrupted_wake_up_can_be_repeated(kind, wire_at, sigusr1_interrupts):
    """A thread that was taken off the list of those who wait, and not woken, would wait for good."""

    def round_of(wire):
        event, notifier, news = Event(), Notifier(), []

        def wake():
            news.append(1)
            event.set() if kind == "event" else notifier.notify()

        def wait():
            return event.wait(20) if kind == "event" else notifier.wait_until(lambda: bool(news), Deadline(20))

        threads = [InThread(wait) for _ in range(2)]
        gates = (event._notifier if kind == "event" else notifier)._gates
        wait_until(lambda: len(gates) == 2)
        interrupted = is_interrupted(wire, wake)
        wake()
        assert all(thread.result() for thread in threads)
        return interrupted

    assert walk(wire_at, round_of) >= 3


@needs_signals
@every_place
def test_gates_of_interrupted_waits_do_not_pile_up(wire_at, sigusr1_interrupts):
    notifier = Notifier()
    walk(wire_at, lambda wire: is_interrupted(wire, lambda: notifier.wait(lambda: False, 0.0005)))
    notifier.notify()
    assert not notifier.is_awaited
