"""resume_session() among other threads: nothing is sent too early, nobody hangs, close() is heeded."""

from __future__ import annotations

import gc
import threading
import weakref
from itertools import islice

import pytest

from livesession import (
    ConfigurationError,
    ConnectError,
    ConnectionClosedError,
    GoogleAI,
    LiveGenerativeModel,
    LiveSessionResumed,
    LiveSessionResumptionUpdate,
    ResumptionError,
    SessionClosedError,
    SessionResumptionConfig,
)
from tests.kit.servers import Peer, script_server
from tests.kit.waiting import PATIENCE, InThread

HANDLE = {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}}


def test_an_empty_handle_is_none():
    setups: list[dict] = []

    def script(peer: Peer) -> None:
        setups.append(peer.accept())
        peer.drop()

    with script_server(script) as server:
        with server.model().connect(session_resumption=SessionResumptionConfig(handle="")) as session:
            with pytest.raises(ConnectionClosedError):  # there is nothing to go on from
                list(session.receive())
            assert session.resumption_handle is None
    assert [each["sessionResumption"] for each in setups] == [{}]


def idle(peer: Peer) -> None:
    peer.accept()
    peer.send(HANDLE)
    peer.wait_for_end()


def connect(server, **arguments: object):
    session = server.model(**arguments).connect(session_resumption=SessionResumptionConfig())
    next(session.receive())
    return session


def test_nothing_goes_out_before_the_setup_of_the_new_connection_is_complete():
    early: list[dict] = []
    resumed = threading.Event()

    def script(peer: Peer) -> None:
        early.append(peer.read())
        with pytest.raises(TimeoutError):
            early.append(peer.websocket.recv(timeout=0.1))
        peer.send({"setupComplete": {}}, HANDLE)
        peer.wait_for_end()

    def chatter(session) -> None:
        while not resumed.is_set():
            session.send_text_realtime("x")

    with script_server(script) as server, connect(server) as session:
        chatting = InThread(lambda: chatter(session))
        for _ in range(3):
            session.resume_session()
        resumed.set()
        chatting.result()
        session.send_text_realtime("it is open")
    assert [list(message) for message in early] == [["setup"]] * 4


def test_a_resumption_that_fails_in_the_credentials_releases_who_waits():
    keys = iter(["key"])

    def key() -> str:
        try:
            return next(keys)
        except StopIteration:
            raise PermissionError("the vault is locked") from None

    with script_server(idle) as server:
        backend = GoogleAI(api_key=key, base_url=server.url, proxy=False)
        session = LiveGenerativeModel("m", backend=backend).connect(session_resumption=SessionResumptionConfig())
        stream = session.receive()
        next(stream)
        with pytest.raises(PermissionError):
            session.resume_session()
        with pytest.raises(ResumptionError, match="could not be resumed: the vault is locked"):
            next(stream)
        session.close()


def test_a_resumption_that_fails_can_be_tried_again():
    calls = iter([True, False, True])

    def script(peer: Peer) -> None:
        if next(calls):
            idle(peer)
        else:
            peer.close(1011, "Internal error encountered.")

    with script_server(script) as server, connect(server) as session:
        with pytest.raises(ResumptionError) as caught:
            session.resume_session()
        assert isinstance(caught.value.__cause__, ConnectError)
        session.resume_session()
        assert [type(message) for message in islice(session.receive(), 2)] == [
            LiveSessionResumed,
            LiveSessionResumptionUpdate,
        ]


def test_close_during_a_resumption_ends_an_open_iterator_quietly():
    calls = threading.Semaphore(1)
    reached = threading.Event()

    def script(peer: Peer) -> None:
        if calls.acquire(blocking=False):
            idle(peer)
        else:
            reached.set()
            peer.wait_for_end()

    with script_server(script) as server:
        session = connect(server)
        consumer = InThread(lambda: list(session.receive()))
        resuming = InThread(session.resume_session)
        assert reached.wait(PATIENCE)
        session.close(timeout=1)
        assert consumer.result() == []
        with pytest.raises(ResumptionError):
            resuming.result()


def test_close_before_the_new_connection_is_begun_is_heeded():
    calls: list[int] = []
    closing = threading.Event()

    def script(peer: Peer) -> None:
        calls.append(1)
        peer.accept()
        peer.send(HANDLE)
        peer.wait_for_end()
        closing.wait(PATIENCE)

    with script_server(script) as server:
        session = connect(server)
        session.close()
        with pytest.raises(SessionClosedError):
            session.resume_session()
        closing.set()
    assert calls == [1]


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_a_timeout_that_is_none_is_refused(timeout):
    with script_server(idle) as server, connect(server) as session:
        with pytest.raises(ConfigurationError, match="timeout"):
            session.receive(timeout=timeout)
        with pytest.raises(ConfigurationError, match="timeout"):
            session.close(timeout=timeout)


def test_an_infinite_timeout_is_as_long_as_there_is():
    with script_server(idle) as server:
        session = connect(server)
        session.send("x", timeout=float("inf"))
        session.close(timeout=float("inf"))
        assert session.is_closed


def test_a_session_whose_resumption_failed_can_be_forgotten():
    calls = iter([True, False])

    def script(peer: Peer) -> None:
        if next(calls):
            idle(peer)
        else:
            peer.read()
            peer.close(1011, "Internal error encountered.")

    with script_server(script) as server:
        session = connect(server)
        with pytest.raises(ResumptionError):
            session.resume_session()
        reference = weakref.ref(session)
        del session
        gc.collect()
        assert reference() is None


def test_a_session_that_is_being_resumed_is_not_resumed_by_a_second_thread():
    calls, reached, go_on = threading.Semaphore(1), threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        if not calls.acquire(blocking=False):
            reached.set()
            assert go_on.wait(PATIENCE)
        idle(peer)

    with script_server(script) as server, connect(server) as session:
        resuming = InThread(session.resume_session)
        assert reached.wait(PATIENCE)
        with pytest.raises(ResumptionError, match="by another thread"):
            session.resume_session()
        go_on.set()
        resuming.result()
        [news, _] = islice(session.receive(), 2)
        assert 0 <= news.downtime < PATIENCE
