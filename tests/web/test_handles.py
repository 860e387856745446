"""The handle that stands for an answer comes behind it: the end of a request waits for it, within limits."""

from __future__ import annotations

import threading

import pytest

from livesession import LiveGenerativeModel, LiveSession, SessionResumptionConfig
from livesession.web import SessionPool
from tests.kit.inside import core_of
from tests.kit.servers import Peer, script_server
from tests.kit.waiting import PATIENCE, InThread, wait_until
from tests.tools.calling import DONE, said


def handle(name: str) -> dict:
    return {"sessionResumptionUpdate": {"newHandle": name, "resumable": True}}


@pytest.fixture
def may_come():
    return threading.Event()


@pytest.fixture
def server(may_come):
    """Answers, and sends the handle for that when it may."""

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(handle("before"))
        peer.read()
        peer.send(said("Hello."), DONE)
        may_come.wait(PATIENCE)
        peer.send(handle("behind"))
        peer.wait_for_end()

    with script_server(script) as server:
        yield server
        may_come.set()


def pool_of(model: LiveGenerativeModel, sessions: list[LiveSession] | None = None, **options: float) -> SessionPool:
    """A pool; `sessions` gets those that it opens."""

    def connect(given: str | None) -> LiveSession:
        session = model.connect(session_resumption=SessionResumptionConfig(handle=given))
        if sessions is not None:
            sessions.append(session)
        return session

    return SessionPool(connect, **options)


def ask(pool: SessionPool) -> str | None:
    with pool.lease("ada") as session:
        session.ask("?")
        assert session.resumption_handle == "before"
    return session.resumption_handle


def test_the_end_of_a_request_waits_for_the_handle_of_its_answer(server, may_come):
    sessions: list[LiveSession] = []
    with pool_of(server.model(), sessions, handle_timeout=PATIENCE) as pool:
        asking = InThread(lambda: ask(pool))
        wait_until(lambda: sessions and core_of(sessions[0]).state.queue._listeners)  # the wait for it has begun
        may_come.set()
        assert asking.result() == "behind"


def test_a_handle_that_does_not_come_is_given_up_with_a_warning(server, caplog):
    with pool_of(server.model(), handle_timeout=0.05) as pool:
        assert ask(pool) == "before"
    assert "no resumption handle came within 0.05 s" in caplog.text


def test_a_request_without_a_turn_waits_for_no_handle(server, caplog):
    with pool_of(server.model(), handle_timeout=PATIENCE) as pool, pool.lease("ada"):
        pass
    assert not caplog.records


def test_a_turn_that_is_left_in_the_middle_is_waited_for_no_handle_of(caplog):
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(DONE)
        peer.read()
        peer.send(said("Half"))
        peer.wait_for_end()

    with script_server(script) as server, pool_of(server.model(), handle_timeout=PATIENCE) as pool:
        with pool.lease("ada") as session:
            session.ask("?")
            session.send("?", turn_complete=True)
            assert next(session.receive_turn()).text == "Half"
    assert not caplog.records


def test_sessions_that_cannot_be_resumed_are_waited_for_no_handle_of(server, caplog):
    model = server.model()
    with SessionPool(lambda given: model.connect(), handle_timeout=PATIENCE) as pool, pool.lease("ada") as session:
        session.ask("?")
    assert not caplog.records
