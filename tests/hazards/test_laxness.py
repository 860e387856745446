"""What breaks the protocol ends the connection, with its close code and nothing after it: transport.md section 3.

The frame reader by itself is shown in tests/connection/test_frames.py; here it is what the server sees, and the
session says.
"""

from __future__ import annotations

import socket

import pytest

from livesession import ConnectionClosedError
from tests.hazards.common import PATIENCE, client_frames, everything, nothing_is_left
from tests.kit.servers import RawPeer, frame, raw_server

pytestmark = pytest.mark.slow

SAID = frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"said"}]}}}')
TEXT, CLOSE, PING = 1, 8, 9

BROKEN = {
    "compressed, though no extension was agreed": (frame(b"x", reserved=4), 1002),
    "a frame of a reserved kind": (frame(b"x", 3), 1002),
    "a control frame of a reserved kind": (frame(b"x", 11), 1002),
    "masked": (b"\x82\x81abcdx", 1002),
    "a long ping": (frame(b"x" * 126, PING), 1002),
    "a fragmented close frame": (frame(b"\x03\xe8", CLOSE, final=False), 1002),
    "a continuation of nothing": (frame(b"x", 0), 1002),
    "a message inside a message": (frame(b"x", final=False) + SAID, 1002),
    "text that is not UTF-8": (frame(b"\xff", TEXT), 1007),
    "text that ends within a character": (frame("€".encode()[:2], TEXT), 1007),
    "a bad frame between fragments": (frame(b"a", TEXT, final=False) + frame(b"b", 3) + frame(b"c", 0), 1002),
    "a close frame with one byte": (frame(b"\x03", CLOSE), 1002),
    "a close code that must not be sent": (frame(b"\x03\xee", CLOSE), 1002),
    "a close reason that is not UTF-8": (frame(b"\x03\xe8\xff", CLOSE), 1007),
}


@pytest.mark.parametrize(("data", "code"), BROKEN.values(), ids=BROKEN.keys())
def test_what_breaks_the_protocol_is_answered_with_its_code_and_ends_the_session(data, code):
    """websocket-client sends nothing, stays usable, and may join what comes before and after the bad frame."""
    received = bytearray()

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(SAID + data + SAID)
        while piece := peer.socket.recv(65536):
            received.extend(piece)
            if client_frames(received):
                return

    with nothing_is_left(), raw_server(script) as server:
        session = server.model().connect()
        delivered, error = everything(session.receive(timeout=PATIENCE))
        assert delivered == ["said"]
        assert isinstance(error, ConnectionClosedError)
        assert (error.code, error.origin, error.retryable) == (code, "local", False)
        session.close()
    assert [(opcode, data) for opcode, _, data in client_frames(received)] == [(CLOSE, code.to_bytes(2, "big"))]


def test_nothing_that_follows_the_servers_close_frame_is_delivered_or_answered():
    received = bytearray()

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(SAID + frame(b"\x03\xe8bye", CLOSE) + frame(b"late", PING) + SAID)
        while piece := peer.socket.recv(65536):
            received.extend(piece)
            if client_frames(received):
                return

    with raw_server(script) as server:
        session = server.model().connect()
        assert everything(session.receive(timeout=PATIENCE)) == (["said"], None)
        assert (session.close_code, session.close_reason) == (1000, "bye")
        session.close()
    assert [opcode for opcode, _, _ in client_frames(received)] == [CLOSE]


def test_the_server_gets_the_close_frame_and_no_reset_while_it_is_still_sending():
    """A socket closed with unread input resets the connection, and with it what the server has not read yet."""
    received, ends = bytearray(), []

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(frame(b"x", 3) + bytes(2_000_000))
        while not client_frames(received):
            received.extend(peer.socket.recv(65536))
        peer.socket.shutdown(socket.SHUT_WR)
        ends.append(peer.socket.recv(65536))

    with nothing_is_left(), raw_server(script) as server:
        session = server.model().connect()
        assert everything(session.receive(timeout=PATIENCE))[1].code == 1002
        session.close()
    assert [opcode for opcode, _, _ in client_frames(received)] == [CLOSE]
    assert ends == [b""]
