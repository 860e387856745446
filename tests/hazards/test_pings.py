"""Pings are answered, whoever else writes, and cost nothing: transport.md section 3 "Ping", peers.md 0.1 (W4)."""

from __future__ import annotations

import threading

import pytest

from livesession import GenerativeContentBlob
from tests.hazards.common import PATIENCE, client_frames, said
from tests.kit.servers import Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import InThread

pytestmark = pytest.mark.slow

PING, PONG = 9, 10
MANY = 20_000
SAID = frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"after"}]}}}')


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_flood_of_pings_at_a_server_that_does_not_read_holds_nothing_up(tls, server_tls, client_tls):
    """The server writes 20,000 pings and a message before it reads anything: no deadlock, and the last ping counts."""
    delivered, received = threading.Event(), bytearray()

    def script(peer: RawPeer) -> None:
        peer.accept()
        for start in range(0, MANY, 100):
            peer.socket.sendall(b"".join(frame(b"%119d" % number, PING) for number in range(start, start + 100)))
        peer.socket.sendall(SAID)
        delivered.wait(PATIENCE)
        while piece := peer.socket.recv(65536):
            received.extend(piece)

    with raw_server(script, server_tls if tls else None) as server:
        session = server.model(ssl_context=client_tls if tls else None).connect()
        assert next(session.receive(timeout=PATIENCE)).text == "after"
        delivered.set()
        session.close(timeout=1)
    pongs = [int(data) for opcode, _, data in client_frames(bytes(received)) if opcode == PONG]
    assert pongs == sorted(set(pongs))
    assert pongs[-1] == MANY - 1


def test_pings_during_a_stuck_send_are_answered_once_it_goes_on_and_split_no_frame():
    flowing, received = threading.Event(), bytearray()
    big = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(12_000_000))

    def script(peer: RawPeer) -> None:
        peer.accept()
        received.extend(peer.socket.recv(1_000))  # the message has begun
        peer.socket.sendall(b"".join(frame(b"%d" % number, PING) for number in range(100)) + SAID)
        flowing.wait(PATIENCE)
        while piece := peer.socket.recv(1 << 20):
            received.extend(piece)

    with raw_server(script) as server:
        session = server.model().connect()
        sender = InThread(lambda: session.send_video_realtime(big))
        assert next(session.receive(timeout=PATIENCE)).text == "after"
        flowing.set()
        sender.result()
        session.close(timeout=1)
    frames = client_frames(bytes(received))
    assert [len(data) for opcode, _, data in frames if opcode == 1 and len(data) > 16_000_000]
    assert [data for opcode, _, data in frames if opcode == PONG][-1] == b"99"
    assert frames[-1][0] == 8


def test_pings_between_the_fragments_of_a_message_are_answered_before_it_is_whole():
    """A slow message of many fragments must not look like a dead client."""
    payload = b'{"serverContent":{"modelTurn":{"parts":[{"text":"in pieces"}]}}}'

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(frame(payload[:10], 2, final=False) + frame(b"alive?", PING))
        [(opcode, _, data)] = client_frames(peer.socket.recv(100))
        assert (opcode, data) == (PONG, b"alive?")
        peer.socket.sendall(frame(payload[10:], 0))
        peer.wait_for_end()

    with raw_server(script) as server:
        session = server.model().connect()
        assert next(session.receive(timeout=PATIENCE)).text == "in pieces"
        session.close(timeout=0.1)


def test_a_pong_that_nobody_asked_for_is_ignored():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.websocket.pong(b"unasked")
        peer.send(said("after"))
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        assert next(session.receive(timeout=PATIENCE)).text == "after"
