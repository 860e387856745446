"""close() from code that runs on top of other code: handlers of the log and of signals, and iterables.

It may not wait for the thread that it runs on. As in test_close_everywhere.py, each test asserts the bound on the time
and that neither a thread of this library nor a socket is left.
"""

from __future__ import annotations

import logging
import signal
import threading
import time

import pytest

from livesession import GenerativeContentBlob, SessionClosedError, SessionOptions
from tests.hazards.common import (
    PATIENCE,
    SLACK,
    Deaf,
    everything,
    nothing_is_left,
    numbered,
    own_threads,
    timed_close,
)
from tests.kit.servers import RawPeer, raw_server
from tests.kit.waiting import InThread, wait_until

pytestmark = pytest.mark.slow

TIMEOUT = 0.3
BIG = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(12_000_000))


class ClosesOn(logging.Handler):
    """Closes a session from the thread that logs some words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words
        self.session = None
        self.took: list[float] = []
        self.thread = ""
        self.closed = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self.words in record.getMessage() and not self.closed.is_set():
            self.thread = threading.current_thread().name
            self.took.append(timed_close(self.session, TIMEOUT))
            self.closed.set()


@pytest.mark.parametrize("answers", [True, False], ids=["the server answers", "it never answers"])
def test_close_from_a_log_handler_on_the_reader_thread(answers, monkeypatch):
    """It may not join itself; and the inbox is full at the time."""
    handler, go, leaving = ClosesOn("inbox is full"), threading.Event(), threading.Event()
    monkeypatch.setattr(logging.getLogger("livesession"), "handlers", [handler])

    def script(peer: RawPeer) -> None:
        peer.accept()
        go.wait(PATIENCE)
        peer.socket.sendall(b"".join(map(numbered, range(1_000))))
        if answers:
            peer.wait_for_end()
        leaving.wait(PATIENCE)

    with nothing_is_left(), raw_server(script) as server:
        handler.session = session = server.model(options=SessionOptions(inbox_bytes=5_000)).connect()
        stream = session.receive(timeout=PATIENCE)
        go.set()
        assert handler.closed.wait(PATIENCE)
        received, error = everything(stream)
        wait_until(lambda: not own_threads())
        leaving.set()
    assert handler.thread == "livesession-reader"
    assert handler.took[0] < SLACK
    assert error is None
    assert len(received) > 50
    assert received == [str(number) for number in range(len(received))]


def test_close_from_the_iterable_of_a_media_stream():
    took: list[float] = []
    script = Deaf()

    def chunks():
        yield bytes(640)
        took.append(timed_close(session, TIMEOUT))
        yield bytes(640)

    with nothing_is_left(), raw_server(script) as server:
        session = server.model().connect()
        with pytest.raises(SessionClosedError):
            session.send_media_stream(chunks())
        assert not own_threads()
        script.leaving.set()
    assert took[0] < TIMEOUT + SLACK


needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal on this system")


@pytest.fixture
def on_signal():
    """Installs a handler of SIGUSR1 for the test, and sends it to the main thread once an event is set."""
    before = signal.getsignal(signal.SIGUSR1)

    def install(handler, when: threading.Event) -> InThread:
        signal.signal(signal.SIGUSR1, lambda *_: handler())

        def send() -> None:
            assert when.wait(PATIENCE)
            time.sleep(0.05)  # for the main thread to come from the event to its wait; nothing tells of that
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

        return InThread(send)

    yield install
    signal.signal(signal.SIGUSR1, before)


@needs_signals
def test_close_from_a_signal_handler_while_the_main_thread_receives(on_signal):
    script, ready = Deaf(b"".join(map(numbered, range(50)))), threading.Event()
    took: list[float] = []
    with nothing_is_left(), raw_server(script) as server:
        session = server.model().connect()
        stream = session.receive(timeout=PATIENCE)
        sending = on_signal(lambda: took.append(timed_close(session, TIMEOUT)), ready)
        texts = [next(stream).text for _ in range(50)]
        ready.set()
        assert everything(stream) == ([], None)
        sending.result()
        assert not own_threads()
        script.leaving.set()
    assert took[0] < TIMEOUT + SLACK
    assert texts == [str(number) for number in range(50)]


@needs_signals
def test_close_from_a_signal_handler_while_the_main_thread_is_stuck_in_send(on_signal):
    """The handler runs on top of the send that holds the write lock: it can neither have the lock nor wait for it."""
    stuck, leaving, took = threading.Event(), threading.Event(), []

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.recv(100_000)
        stuck.set()
        leaving.wait(PATIENCE)

    with nothing_is_left(), raw_server(script) as server:
        session = server.model().connect()
        stream = session.receive(timeout=PATIENCE)
        sending = on_signal(lambda: took.append(timed_close(session, TIMEOUT)), stuck)
        with pytest.raises(SessionClosedError):
            session.send_video_realtime(BIG)
        sending.result()
        assert everything(stream) == ([], None)
        wait_until(lambda: not own_threads())
        leaving.set()
    assert took[0] < TIMEOUT + SLACK
