"""What is special about TLS: transport.md section 2, and of section 1 what a poll cannot see."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest

from livesession import ConnectionClosedError, GenerativeContentBlob, LiveSessionError, SessionOptions
from tests.hazards.common import PATIENCE, everything, nothing_is_left, said
from tests.kit.faults import fault_proxy
from tests.kit.servers import Peer, RawPeer, frame, raw_server, script_server

pytestmark = pytest.mark.slow

NEEDLE = "in-clear-in-clear"
SAID = frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"said"}]}}}')
BIG = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(12_000_000))


def assert_tls_records_only(data: bytes) -> None:
    """Nothing but TLS records, the last of which may be torn."""
    at = 0
    while at < len(data):
        assert 20 <= data[at] <= 23, f"no TLS record at byte {at} of {len(data)}"
        assert data[at + 1 : at + 2] in (b"", b"\x03")
        at += 5 + int.from_bytes(data[at + 3 : at + 5], "big")


def send_needles(session) -> None:
    for _ in range(5):
        with pytest.raises(LiveSessionError):
            session.send(NEEDLE, True)


def end_by_close(session, proxy) -> None:
    session.close(timeout=1)


def end_by_drop(session, proxy) -> None:
    proxy.links[0].cut()
    everything(session.receive(timeout=PATIENCE))


def end_by_a_torn_send(session, proxy) -> None:
    with pytest.raises(LiveSessionError):
        session.send_video_realtime(BIG, timeout=0.2)


@pytest.mark.parametrize("end", [end_by_close, end_by_drop, end_by_a_torn_send])
def test_nothing_goes_out_in_clear_after_the_end_nor_before(end, server_tls, client_tls):
    """SSLSocket.shutdown() makes a plain socket of it, and a later send goes out in clear."""
    leaving = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        if end is end_by_a_torn_send:
            leaving.wait(PATIENCE)
        peer.wait_for_end()

    with nothing_is_left(), raw_server(script, server_tls) as server, fault_proxy(server, record=True) as proxy:
        session = proxy.model(ssl_context=client_tls).connect()
        end(session, proxy)
        send_needles(session)
        leaving.set()
        session.close(timeout=0.2)
        send_needles(session)
        proxy.links[0].ended.wait(PATIENCE)
        seen = bytes(proxy.to_server.seen)
    assert NEEDLE.encode() not in seen
    assert b"test-key" not in seen
    assert b"GET /" not in seen
    assert_tls_records_only(seen)


def test_messages_that_one_record_brought_are_delivered_without_further_input(server_tls, client_tls):
    """A poll does not see what is decrypted already: after one of three messages it waits for the network."""

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(SAID * 100)
        peer.wait_for_end()

    with raw_server(script, server_tls) as server:
        session = server.model(ssl_context=client_tls).connect()
        stream = session.receive(timeout=PATIENCE)
        assert [next(stream).text for _ in range(100)] == ["said"] * 100
        session.close(timeout=0.1)


def test_frames_that_came_with_the_upgrade_over_tls_are_delivered(server_tls, client_tls):
    """What the upgrade read too much, and what it left in the TLS layer."""

    def script(peer: RawPeer) -> None:
        peer.upgrade(followed_by=frame(b'{"setupComplete":{}}') + SAID * 1_000)
        peer.wait_for_end()

    with raw_server(script, server_tls) as server:
        session = server.model(ssl_context=client_tls).connect()
        stream = session.receive(timeout=PATIENCE)
        assert [next(stream).text for _ in range(1_000)] == ["said"] * 1_000
        session.close(timeout=0.1)


def test_a_pause_with_decrypted_bytes_at_hand_ends_without_further_input(server_tls, client_tls):
    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(SAID * 3_000)
        peer.wait_for_end()

    options = SessionOptions(inbox_bytes=1_000)
    with raw_server(script, server_tls) as server:
        session = server.model(ssl_context=client_tls, options=options).connect()
        stream = session.receive(timeout=PATIENCE)
        assert [next(stream).text for _ in range(3_000)] == ["said"] * 3_000
        session.close(timeout=0.1)


def test_what_had_arrived_survives_a_failed_send_over_tls(server_tls, client_tls):
    """After abort() websocket-client delivered 1 of 100 messages, and then ciphertext as frames."""
    leaving = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(SAID * 2_000)
        leaving.wait(PATIENCE)

    options = SessionOptions(inbox_bytes=1_000)
    with raw_server(script, server_tls) as server:
        session = server.model(ssl_context=client_tls, options=options).connect()
        with pytest.raises(LiveSessionError):
            session.send_video_realtime(BIG, timeout=0.3)
        received, error = everything(session.receive(timeout=PATIENCE))
        assert received == ["said"] * 2_000
        assert isinstance(error, ConnectionClosedError)
        assert error.origin == "local"
        leaving.set()
        session.close()


def no_close_notify(peer: RawPeer) -> None:
    socket.socket.shutdown(peer.socket, socket.SHUT_RDWR)


def close_notify(peer: RawPeer) -> None:
    peer.socket.unwrap()


@pytest.mark.parametrize("end", [no_close_notify, close_notify])
def test_an_end_of_tls_without_a_close_frame_is_an_end_by_the_network(end, server_tls, client_tls):
    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(SAID)
        end(peer)

    with nothing_is_left(), raw_server(script, server_tls) as server:
        session = server.model(ssl_context=client_tls).connect()
        received, error = everything(session.receive(timeout=PATIENCE))
        assert received == ["said"]
        assert (error.code, error.origin) == (1006, "network")
        session.close()


@pytest.mark.parametrize("end", ["cut_after", "reset_after"])
def test_a_torn_tls_record_is_an_end_by_the_network(end, server_tls, client_tls):
    now = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        now.wait(PATIENCE)
        peer.send(said("x" * 10_000))
        peer.wait_for_end()

    with nothing_is_left(), script_server(script, server_tls) as server, fault_proxy(server) as proxy:
        session = proxy.model(ssl_context=client_tls).connect()
        getattr(proxy.to_client, end)(2_000)
        now.set()
        received, error = everything(session.receive(timeout=PATIENCE))
        assert received == []
        assert (error.code, error.origin, error.retryable) == (1006, "network", True)
        session.close()


def test_a_session_over_tls_1_2_answers(authority, client_tls):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("localhost").configure_cert(context)

    def script(peer: Peer) -> None:
        peer.accept()
        for _ in range(50):
            peer.read()
            peer.send(said("yes"), {"serverContent": {"turnComplete": True}})
        peer.wait_for_end()

    with script_server(script, context) as server, server.model(ssl_context=client_tls).connect() as session:
        assert [session.ask("?").text for _ in range(50)] == ["yes"] * 50
