"""A network that cuts, resets, swallows and slows down: transport.md section 3 ("EOF", "RST") and section 4."""

from __future__ import annotations

import threading
import time

import pytest

from livesession import ConnectionClosedError, GenerativeContentBlob, SessionClosedError
from tests.hazards.common import PATIENCE, SLACK, everything, idle, nothing_is_left, said, timed_close
from tests.kit.faults import fault_proxy
from tests.kit.servers import Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import InThread

pytestmark = pytest.mark.slow

SAID = frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"whole"}]}}}')
LONG = frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"' + b"x" * 70_000 + b'"}]}}}')


class Says:
    """A server that sends bytes when it is told to."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.now = threading.Event()

    def __call__(self, peer: RawPeer) -> None:
        peer.accept()
        self.now.wait(PATIENCE)
        peer.socket.sendall(self.data)
        peer.wait_for_end()


@pytest.mark.parametrize("end", ["cut_after", "reset_after"])
@pytest.mark.parametrize("into", [0, 1, 3, 9, 10, 11, 40_000], ids=lambda count: f"{count} bytes into a frame")
def test_an_end_in_the_middle_of_a_frame_delivers_what_was_whole_and_ends_the_session(end, into):
    """EOF and RST, within each part of a header and in the payload; nothing of the torn message is delivered."""
    server_says = Says(SAID * 3 + LONG)
    with nothing_is_left(), raw_server(server_says) as server, fault_proxy(server) as proxy:
        session = proxy.model().connect()
        getattr(proxy.to_client, end)(3 * len(SAID) + into)
        server_says.now.set()
        received, error = everything(session.receive(timeout=PATIENCE))
        assert received == ["whole"] * 3
        assert isinstance(error, ConnectionClosedError)
        assert (error.code, error.origin, error.retryable) == (1006, "network", True)
        assert session.is_closed
        session.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_an_upgrade_and_frames_that_trickle_in_byte_by_byte_come_out_whole(tls, server_tls, client_tls):
    def script(peer: Peer) -> None:
        peer.accept()
        while True:
            peer.send(said(peer.read()["clientContent"]["turns"][0]["parts"][0]["text"].upper()))
            peer.websocket.ping()
            peer.send({"serverContent": {"turnComplete": True}})

    with script_server(script, server_tls if tls else None) as server, fault_proxy(server) as proxy:
        proxy.to_client.trickle()
        proxy.to_server.trickle()
        with proxy.model(ssl_context=client_tls if tls else None).connect() as session:
            for text in ("one", "two" * 50, "three" * 1_000):
                assert session.ask(text).text == text.upper()


def test_a_reply_to_the_close_frame_that_is_delayed_is_waited_for():
    """Messages that the server sent before its reply, with the same delay, are not lost."""

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(*[said("late")] * 20)
        sent.set()
        peer.wait_for_end()

    sent = threading.Event()
    with nothing_is_left(), script_server(script) as server, fault_proxy(server) as proxy:
        session = proxy.model().connect()
        stream = session.receive()
        proxy.to_client.delay(0.3)
        session.send_text_realtime("now")
        assert sent.wait(PATIENCE)
        took = timed_close(session, timeout=5)
        assert everything(stream) == (["late"] * 20, None)
    assert 0.25 < took < 2


def test_close_over_a_black_hole_returns_and_leaves_nothing():
    """A half-open connection: no FIN, no RST, no answer, and what was sent goes nowhere."""
    with nothing_is_left(), script_server(idle) as server, fault_proxy(server) as proxy:
        session = proxy.model().connect()
        stream = session.receive()
        proxy.to_server.black_hole()
        proxy.to_client.black_hole()
        session.send_text_realtime("is anybody there?")
        assert timed_close(session, 0.3) < 0.3 + SLACK
        assert everything(stream) == ([], None)


def test_a_connection_that_is_cut_while_a_big_message_goes_out_says_so():
    big = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(12_000_000))
    with nothing_is_left(), script_server(idle) as server, fault_proxy(server) as proxy:
        session = proxy.model().connect()
        proxy.to_server.cut_after(1_000_000)
        with pytest.raises(ConnectionClosedError) as caught:
            session.send_video_realtime(big)
        assert (caught.value.code, caught.value.origin) == (1006, "network")
        assert "lost" in str(caught.value) or "ended" in str(caught.value)
        assert session.is_closed
        with pytest.raises(SessionClosedError):
            session.send_text_realtime("x")
        assert everything(session.receive(timeout=PATIENCE))[0] == []
        assert timed_close(session, 5) < 1


def test_a_server_that_goes_without_reading_costs_nothing_that_it_had_said():
    """A close with unread input is an RST, which overtakes nothing that has arrived (transport.md section 4)."""
    big = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(12_000_000))

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.recv(1_000)  # the message has begun, and nobody reads its rest
        peer.socket.sendall(SAID * 200 + frame(b"\x03\xf3I have had enough", 8))

    with raw_server(script) as server:
        session = server.model().connect()
        sender = InThread(lambda: session.send_video_realtime(big))
        received, error = everything(session.receive(timeout=PATIENCE))
        assert received == ["whole"] * 200
        assert (error.code, error.reason, error.origin) == (1011, "I have had enough", "server")
        with pytest.raises(ConnectionClosedError, match="had enough"):
            sender.result()
        session.close()


def test_three_senders_over_a_slow_link_keep_frames_whole_and_in_order():
    heard: list[str] = []

    def script(peer: Peer) -> None:
        peer.accept()
        while len(heard) < 90:
            heard.append(peer.read()["realtimeInput"]["text"])
        peer.send(said("all"))
        peer.wait_for_end()

    def send(session, name: str) -> None:
        for number in range(30):
            session.send_text_realtime(f"{name} {number} " + name * (number * 997 % 20_000))

    with script_server(script) as server, fault_proxy(server) as proxy, proxy.model().connect() as session:
        proxy.to_server.throttle(2_000_000)
        senders = [InThread(lambda name=name: send(session, name)) for name in "abc"]
        for sender in senders:
            sender.result()
        assert next(session.receive(timeout=PATIENCE)).text == "all"
    for name in "abc":
        mine = [text for text in heard if text.startswith(name)]
        assert mine == [f"{name} {number} " + name * (number * 997 % 20_000) for number in range(30)]


def test_of_several_sessions_one_is_reset_and_the_others_live_on():
    def script(peer: Peer) -> None:
        peer.accept()
        while True:
            peer.send(said(peer.read()["realtimeInput"]["text"]))

    def talk(session, words: str) -> str | None:
        session.send_text_realtime(words)
        return next(session.receive(timeout=PATIENCE)).text

    with nothing_is_left(), script_server(script) as server, fault_proxy(server) as proxy:
        sessions = [proxy.model().connect() for _ in range(5)]
        assert [talk(session, "before") for session in sessions] == ["before"] * 5
        start = time.monotonic()
        proxy.links[2].reset()
        received, error = everything(sessions[2].receive(timeout=PATIENCE))
        assert received == []
        assert (error.code, error.origin) == (1006, "network")
        assert time.monotonic() - start < 2
        for number, session in enumerate(sessions):
            assert session.is_closed == (number == 2)
            assert number == 2 or talk(session, "after") == "after"
            session.close()
