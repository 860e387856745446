"""close() returns in time whatever happens, and from anywhere (design section 2)."""

from __future__ import annotations

import json
import logging
import os
import threading
import time

import pytest

from livesession import (
    ConnectError,
    GenerativeContentBlob,
    ResumptionError,
    SessionClosedError,
    SessionOptions,
    SessionResumptionConfig,
)
from livesession.connection.frames import CLOSE, close_payload
from tests.hazards.common import own_threads, sockets
from tests.kit.servers import Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import PATIENCE, InThread, wait_until

TIMEOUT = 0.5
SLACK = 0.5 + 0.5  # what close() may take beyond its timeout, and the noise of a busy machine

SAID = {"serverContent": {"modelTurn": {"parts": [{"text": "x" * 2_000}]}}}


def timed_close(session, timeout: float = TIMEOUT) -> float:
    start = time.monotonic()
    session.close(timeout=timeout)
    return time.monotonic() - start


def idle(peer: Peer) -> None:
    peer.accept()
    peer.wait_for_end()


class Ignoring:
    """A server that never answers a close frame; `flood` keeps sending as well."""

    def __init__(self, *, flood: bool = False) -> None:
        self.flood = flood
        self.leaving = threading.Event()

    def __call__(self, peer: RawPeer) -> None:
        peer.accept()
        data = frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"x"}]}}}')
        while self.flood and not self.leaving.is_set():
            peer.socket.sendall(data)
        self.leaving.wait(PATIENCE)


def test_close_is_quick_when_the_server_answers():
    with script_server(idle) as server:
        assert timed_close(server.model().connect(), timeout=5) < 1


def test_close_returns_when_the_peer_never_answers():
    script = Ignoring()
    with raw_server(script) as server:
        assert timed_close(server.model().connect()) < TIMEOUT + SLACK
        script.leaving.set()


def test_close_returns_when_the_peer_floods():
    script = Ignoring(flood=True)
    with raw_server(script) as server:
        assert timed_close(server.model().connect()) < TIMEOUT + SLACK
        script.leaving.set()


def test_close_returns_while_a_sender_is_stuck_and_releases_it():
    script = Ignoring()
    blob = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(16_000_000))
    with raw_server(script) as server:
        session = server.model().connect()
        sender = InThread(lambda: session.send_video_realtime(blob))
        sender.thread.join(0.2)
        assert sender.thread.is_alive()
        assert timed_close(session) < TIMEOUT + SLACK
        with pytest.raises(SessionClosedError):
            sender.result()
        script.leaving.set()


def test_close_returns_with_a_full_inbox_and_what_had_arrived_is_still_delivered(monkeypatch):
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(*[SAID] * 500)
        peer.wait_for_end()

    full = threading.Event()
    monkeypatch.setattr(logging.getLogger("livesession"), "filters", [lambda record: full.set() or True])
    with script_server(script) as server:
        session = server.model(options=SessionOptions(inbox_bytes=4_000)).connect()
        stream = session.receive()
        assert full.wait(PATIENCE)
        assert timed_close(session) < TIMEOUT + SLACK
        assert len(list(stream)) >= 2


def test_close_from_the_consumer_loop_ends_it():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(SAID)
        peer.wait_for_end()

    with script_server(script) as server:
        session = server.model().connect()
        for _ in session.receive():
            session.close()
        assert session.is_closed


def test_two_closes_at_once_both_return():
    script = Ignoring()
    with raw_server(script) as server:
        session = server.model().connect()
        both = threading.Barrier(2)

        def close() -> float:
            both.wait(PATIENCE)
            return timed_close(session)

        closing = [InThread(close), InThread(close)]
        assert max(each.result() for each in closing) < TIMEOUT + SLACK
        script.leaving.set()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors through /proc")
def test_close_leaves_no_thread_and_no_descriptor():
    before = sockets(), own_threads()
    with script_server(idle) as server:
        model = server.model()
        for _ in range(20):
            model.connect().close()
            assert own_threads() == before[1]
    assert (sockets(), own_threads()) == before


def test_close_during_a_resumption_that_hangs_ends_it():
    calls = threading.Semaphore(1)
    second = threading.Event()

    def script(peer: Peer) -> None:
        if calls.acquire(blocking=False):
            peer.accept()
            peer.send({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}})
        else:
            peer.read()
            second.set()
        peer.wait_for_end()

    with script_server(script) as server:
        session = server.model().connect(session_resumption=SessionResumptionConfig())
        next(session.receive())
        resuming = InThread(session.resume_session)
        assert second.wait(PATIENCE)
        assert timed_close(session) < TIMEOUT + SLACK
        with pytest.raises(ResumptionError) as caught:
            resuming.result()
        assert isinstance(caught.value.__cause__, ConnectError)


def test_what_stands_behind_the_servers_close_frame_is_neither_delivered_nor_obeyed():
    def script(peer: RawPeer) -> None:
        peer.accept()
        words = [frame(json.dumps(said).encode()) for said in (SAID, SAID)]
        peer.socket.sendall(words[0] + frame(close_payload(1000), CLOSE) + words[1] + frame(close_payload(1011), CLOSE))
        peer.wait_for_end()

    with raw_server(script) as server, server.model().connect() as session:
        assert [len(message.text) for message in session.receive(timeout=PATIENCE)] == [2_000]
        assert session.close_code == 1000


def test_a_session_that_is_forgotten_while_it_is_being_resumed_ends_the_attempt():
    calls, second = threading.Semaphore(1), threading.Event()

    def script(peer: Peer) -> None:
        if calls.acquire(blocking=False):
            peer.accept()
            peer.send({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}})
            peer.drop()
        else:
            peer.read()
            second.set()
            peer.wait_for_end()

    with script_server(script) as server:
        sessions = [server.model().connect(session_resumption=SessionResumptionConfig())]
        assert second.wait(PATIENCE)
        with pytest.warns(ResourceWarning):
            sessions.clear()
        wait_until(lambda: not own_threads())
