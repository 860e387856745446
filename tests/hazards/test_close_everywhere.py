"""close() from anywhere: in time, with nothing left behind, and nothing lost that had arrived (design section 2).

tests/connection/test_closing.py has the plain cases, test_close_from_handlers.py those where the caller may not wait.
Each asserts the bound on the time, and that neither a thread of this library nor a socket is left.
"""

from __future__ import annotations

import threading

import pytest

from livesession import GenerativeContentBlob, GoogleAI, LiveGenerativeModel, SessionClosedError
from tests.hazards.common import (
    PATIENCE,
    SLACK,
    Deaf,
    everything,
    idle,
    nothing_is_left,
    numbered,
    own_threads,
    timed_close,
)
from tests.kit.servers import Peer, RawPeer, raw_server, script_server
from tests.kit.waiting import InThread

pytestmark = pytest.mark.slow

TIMEOUT = 0.3
BIG = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(12_000_000))


@pytest.mark.parametrize("where", ["beside it", "from the callable that gives its key"])
def test_close_while_another_session_is_being_connected(where):
    first, waiting, release = threading.Semaphore(1), threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        if not first.acquire(blocking=False):
            waiting.set()
            assert release.wait(PATIENCE)
        peer.accept()
        peer.wait_for_end()

    took: list[float] = []

    def key() -> str:
        if where != "beside it":
            took.append(timed_close(one, TIMEOUT))
        return "key"

    with nothing_is_left(), script_server(script) as server:
        one = server.model().connect()
        backend = GoogleAI(api_key=key, base_url=server.url, proxy=False)
        connecting = InThread(LiveGenerativeModel("m", backend=backend).connect)
        assert waiting.wait(PATIENCE)
        took.append(timed_close(one, TIMEOUT))
        release.set()
        other = connecting.result()
        assert not other.is_closed
        took.append(timed_close(other, TIMEOUT))
    assert max(took) < TIMEOUT + SLACK
    assert one.is_closed
    assert other.is_closed


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_close_at_a_server_that_floods_and_never_answers(tls, server_tls, client_tls):
    """What had arrived is delivered without a gap."""
    script = Deaf(flood=True)
    with nothing_is_left(), raw_server(script, server_tls if tls else None) as server:
        session = server.model(ssl_context=client_tls if tls else None).connect()
        stream = session.receive(timeout=PATIENCE)
        assert next(stream).text == "0"
        assert timed_close(session, TIMEOUT) < TIMEOUT + SLACK
        assert not own_threads()
        script.leaving.set()
        received, error = everything(stream)
    assert error is None
    assert received == [str(number) for number in range(1, len(received) + 1)]


def test_close_at_a_server_that_says_its_last_and_never_answers():
    script = Deaf(b"".join(map(numbered, range(500))))
    with nothing_is_left(), raw_server(script) as server:
        session = server.model().connect()
        stream = session.receive(timeout=PATIENCE)
        assert timed_close(session, TIMEOUT) < TIMEOUT + SLACK
        assert everything(stream) == ([str(number) for number in range(500)], None)
        script.leaving.set()


def test_close_from_twenty_threads_at_once_with_a_consumer_and_stuck_senders():
    together, begun, leaving = threading.Barrier(20), threading.Event(), threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(b"".join(map(numbered, range(100))))
        peer.socket.recv(1_000)
        begun.set()
        leaving.wait(PATIENCE)

    def close(session) -> float:
        together.wait(PATIENCE)
        return timed_close(session, TIMEOUT)

    with nothing_is_left(), raw_server(script) as server:
        session = server.model().connect()
        consumer = InThread(lambda: everything(session.receive(timeout=PATIENCE)))
        senders = [InThread(lambda: session.send_video_realtime(BIG)) for _ in range(3)]
        assert begun.wait(PATIENCE)
        closers = [InThread(lambda: close(session)) for _ in range(20)]
        assert max(closer.result() for closer in closers) < TIMEOUT + SLACK
        assert consumer.result() == ([str(number) for number in range(100)], None)
        for sender in senders:
            with pytest.raises(SessionClosedError):
                sender.result()
        assert not own_threads()
        leaving.set()


def test_close_after_the_end_is_quick_from_any_thread():
    with nothing_is_left(), script_server(idle) as server:
        session = server.model().connect()
        session.close(timeout=5)
        assert max(InThread(lambda: timed_close(session, 5)).result() for _ in range(3)) < 0.5
