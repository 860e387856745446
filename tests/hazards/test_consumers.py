"""Between the reader thread and who receives: the hazards of transport.md section 7; of section 8, descriptors."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from livesession import ConnectionClosedError, GenerativeContentBlob, SendTimeout, SessionClosedError, SessionOptions
from tests.hazards.common import PATIENCE, SLACK, everything, idle, nothing_is_left, own_threads, said, timed_close
from tests.kit.faults import fault_proxy
from tests.kit.servers import Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import InThread, wait_until

pytestmark = pytest.mark.slow

LOGGER = logging.getLogger("livesession")


def flood(peer: Peer) -> None:
    """Sends more than the inbox holds."""
    peer.accept()
    peer.send(*[said("x" * 2_000)] * 100)
    peer.wait_for_end()


class OnRecord(logging.Handler):
    """Does something with each log record that has some words, on the thread that logs."""

    def __init__(self, words: str, action) -> None:
        super().__init__()
        self.words = words
        self.action = action

    def emit(self, record: logging.LogRecord) -> None:
        if self.words in record.getMessage():
            self.action()


@pytest.fixture
def on_record(monkeypatch):
    def install(words: str, action) -> None:
        monkeypatch.setattr(LOGGER, "handlers", [OnRecord(words, action)])

    return install


def test_a_consumer_that_waits_is_released_when_the_connection_is_lost():
    """A reader that ends without leaving a mark in the queue hangs its consumer for ever."""
    with script_server(idle) as server, fault_proxy(server) as proxy, proxy.model().connect() as session:
        waiting = InThread(lambda: everything(session.receive()))
        waiting.thread.join(0.05)
        proxy.reset()
        received, error = waiting.result()
        assert received == []
        assert isinstance(error, ConnectionClosedError)


def test_the_end_is_there_for_every_consumer_one_after_another():
    """One mark for two consumers frees only the first."""
    with script_server(idle) as server, fault_proxy(server) as proxy, proxy.model().connect() as session:
        streams = [session.receive(timeout=PATIENCE) for _ in range(3)]
        proxy.reset()
        errors = [InThread(lambda stream=stream: everything(stream)).result()[1] for stream in streams]
        assert [error.code for error in errors] == [1006] * 3
        with pytest.raises(ConnectionClosedError):
            session.receive()


@pytest.mark.parametrize("words", ["inbox is full", ""], ids=["on the warning", "on every record"])
def test_a_log_handler_that_raises_on_the_reader_thread_hangs_nobody(words, on_record):
    """The reader may fail in code that is not its own; who receives and who closes must hear of it."""
    raised = threading.Event()

    def fail() -> None:
        raised.set()
        raise RuntimeError("a log handler's own fault")

    on_record(words, fail)
    with nothing_is_left(), script_server(flood) as server:
        session = server.model(options=SessionOptions(inbox_bytes=10_000)).connect()
        assert raised.wait(PATIENCE)
        received, error = everything(session.receive(timeout=5))
        assert len(received) >= 5
        assert isinstance(error, ConnectionClosedError)
        assert (error.code, error.origin) == (1006, "local")
        assert "log handler" in str(error)
        assert timed_close(session, 1) < 1 + SLACK


def test_a_full_inbox_does_not_keep_the_reader_from_ending(on_record):
    """A put that waits for room never ends when nobody makes room any more."""
    full = threading.Event()
    on_record("inbox is full", full.set)
    with nothing_is_left(), script_server(flood) as server:
        session = server.model(options=SessionOptions(inbox_bytes=10_000)).connect()
        stream = session.receive(timeout=PATIENCE)
        assert full.wait(PATIENCE)
        assert timed_close(session, 1) < 1 + SLACK
        received, error = everything(stream)
        assert len(received) >= 5
        assert error is None
        with pytest.raises(SessionClosedError):
            session.receive()


def test_a_failed_send_ends_a_paused_reader_though_nobody_receives(on_record):
    full, leaving = threading.Event(), threading.Event()
    on_record("inbox is full", full.set)

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(frame(json.dumps(said("x" * 2_000)).encode()) * 40)  # fits the windows of TCP
        leaving.wait(PATIENCE)

    big = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(12_000_000))
    with nothing_is_left(), raw_server(script) as server:
        session = server.model(options=SessionOptions(inbox_bytes=10_000)).connect()
        assert full.wait(PATIENCE)
        with pytest.raises(SendTimeout):
            session.send_video_realtime(big, timeout=0.2)
        wait_until(lambda: not own_threads())
        received, error = everything(session.receive(timeout=PATIENCE))
        assert len(received) == 40
        assert (error.code, error.origin) == (1006, "local")
        leaving.set()
        session.close()


@pytest.mark.skipif(os.name == "nt", reason="raises the limit on descriptors")
def test_a_session_works_with_descriptors_above_1023():
    """select() cannot wait for them, and corrupts memory in C when it is told to."""
    program = textwrap.dedent(
        """
        import os, resource, sys
        from livesession import GoogleAI, LiveGenerativeModel
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard != resource.RLIM_INFINITY and hard < 1_200:
            sys.exit("the limit cannot be raised")
        resource.setrlimit(resource.RLIMIT_NOFILE, (1_200, hard))
        taken = [os.dup(0) for _ in range(1_050)]
        model = LiveGenerativeModel("m", backend=GoogleAI(api_key="k", base_url=sys.argv[1], proxy=False))
        with model.connect() as session:
            session.send_text_realtime("x")
            print(next(session.receive(timeout=10)).text)
        """
    )

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(said("heard"))
        peer.wait_for_end()

    with script_server(script) as server:
        command = [sys.executable, "-X", "dev", "-c", program, server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if "cannot be raised" in done.stderr:
        pytest.skip("the limit on descriptors is below 1,200 here")
    assert done.stdout.strip() == "heard", done.stderr
