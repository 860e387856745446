"""Moments that have to be forced: garbage on the reader thread, and Ctrl-C while the reader thread is made."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import warnings

import pytest

from livesession import LiveSessionError
from tests.interrupts.numbered_server import answer_text
from tests.interrupts.positions import Lines, is_library
from tests.interrupts.watchdog import at_most
from tests.interrupts.world import BOUND, World, own_threads, wait_until

STRIDE = 5  # lines; each of them takes tens of milliseconds, and there are hundreds

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such signals on this system"),
]

READER = "livesession-reader"


@pytest.fixture
def world():
    """Sessions that are dropped are what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield World()


def asks(world, session) -> None:
    name = world.name()
    assert session.ask(name).text == answer_text(name)


class Dropper(logging.Handler):
    """Drops the last reference to a session from the thread that logs some words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words
        self.held: list = []
        self.thread = ""

    def emit(self, record: logging.LogRecord) -> None:
        if self.words in record.getMessage() and self.held:
            self.thread = threading.current_thread().name
            self.held.clear()


def test_a_session_that_is_dropped_by_a_log_handler_on_the_reader_thread_does_not_stop_the_others(world, monkeypatch):
    dropper = Dropper("lost")
    monkeypatch.setattr(logging.getLogger("livesession"), "handlers", [dropper])
    with at_most(2 * BOUND), world.connect() as other:
        dropper.held.append(world.connect(resumable=True))
        dropped = world.server.served[-1]
        dropper.held[0].send("drop")
        wait_until(lambda: not dropper.held, "the handler was not called")
        wait_until(lambda: dropped.is_over, "the connection stays open")
        asks(world, other)
    assert dropper.thread == READER
    world.check_nothing_is_left()


class LinesOfReader:
    """Does something at the n-th line of the library on the reader thread, from when it is armed."""

    def __init__(self, number: int, act) -> None:
        self._number = number
        self._act = act
        self.is_armed = False
        self.count = 0

    def on_call(self, frame, event, arg):
        if threading.current_thread().name != READER or not is_library(frame.f_code):
            return None
        return self._on_line

    def _on_line(self, frame, event, arg):
        if event == "line" and self.is_armed:
            self.count += 1
            if self.count == self._number:
                self.is_armed = False
                self._act()
        return self._on_line


@pytest.fixture
def trace_threads():
    yield threading.settrace
    threading.settrace(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("resumable", [False, True], ids=["ends", "is resumed"])
def test_a_session_that_is_garbage_at_any_line_of_the_reader_thread_does_not_stop_the_others(
    resumable, world, trace_threads
):
    number = 1
    while True:
        held: list = []
        lines = LinesOfReader(number, held.clear)
        trace_threads(lines.on_call)
        with at_most(2 * BOUND), world.connect() as other:
            held.append(world.connect(resumable=resumable))
            dropped = world.server.served[-1]
            held[0].send("late 3")
            lines.is_armed = True
            with contextlib.suppress(IndexError, LiveSessionError):
                held[0].send("drop")
            wait_until(lambda ended=dropped: ended.is_over, "the connection stays open")
            asks(world, other)
            asks(world, other)
            lines.is_armed = False
            held.clear()
            asks(world, other)
        wait_until(lambda: not own_threads(), f"a thread stays, after line {number}")
        if lines.count < number:
            break
        number += STRIDE
    assert number > 200


def interrupt() -> None:
    raise KeyboardInterrupt


def test_ctrl_c_at_any_line_of_connect_does_not_spoil_later_connects(world):
    """As between the making and the starting of the thread that reads for all sessions."""
    asks(world, world.connect())
    number = 1
    while True:
        wire, sessions = Lines(number, interrupt), []
        with contextlib.suppress(KeyboardInterrupt):
            wire.start()
            sessions.append(world.model.connect())
        wire.stop()
        for session in sessions:
            session.close()
        with at_most(BOUND), world.connect() as session:
            asks(world, session)
        if not wire.place:
            break
        number += STRIDE
    assert number > 300
