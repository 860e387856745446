"""What is written to a socket that takes nothing now, or only a part: frames stay whole, and nothing is forgotten."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from livesession import SendTimeout
from livesession.connection.connection import Connection
from livesession.connection.duplex import Duplex
from livesession.connection.writer import FrameWriter, StreamBroken
from livesession.sync.deadline import Deadline
from tests.connection.test_liveness import text_frame
from tests.hazards.common import client_frames
from tests.kit.servers import PATIENCE, RawPeer, frame, raw_server

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Pair:
    """A writer and the other end of its socket."""

    def __init__(self, ours: socket.socket, theirs: socket.socket) -> None:
        self.writer = FrameWriter(Duplex(ours), lambda: None)
        self.ours, self.theirs = ours, theirs

    def send(self, data: bytes, timeout: float = PATIENCE) -> None:
        self.writer.send(data, Deadline(timeout), TEXT, lambda: None)

    def fill(self) -> int:
        """Leaves no room in the socket; how many bytes it took."""
        count = 0
        try:
            while True:
                count += self.ours.send(b"x")
        except BlockingIOError:
            return count

    def frames(self) -> list[tuple[int, bytes]]:
        """What has come at the other end, which must be whole frames."""
        return [(opcode, data) for opcode, _, data in client_frames(self.theirs.recv(1 << 20))]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(PATIENCE)
        yield Pair(ours, theirs)


def test_a_message_of_which_nothing_could_be_written_in_time_leaves_the_stream_whole(pair):
    filled = pair.fill()
    with pytest.raises(SendTimeout) as caught:
        pair.send(b"late", timeout=0.05)
    assert not caught.value.session_ended
    assert not pair.writer.is_torn
    while filled:
        filled -= len(pair.theirs.recv(filled))
    pair.send(b"now")
    assert pair.frames() == [(TEXT, b"now")]


def test_behind_a_message_that_went_out_in_part_nothing_is_written(pair):
    with pytest.raises(SendTimeout) as caught:
        pair.send(bytes(8_000_000), timeout=0.05)
    assert caught.value.session_ended
    assert pair.writer.is_torn
    with pytest.raises(StreamBroken):
        pair.send(b"more")


def test_behind_the_answer_to_a_close_frame_nothing_is_written(pair):
    pair.writer.owe_pong(b"a")
    pair.writer.owe_close(1000)
    pair.writer.owe_pong(b"b")
    with pytest.raises(StreamBroken):
        pair.send(b"more")
    assert pair.frames() == [(PONG, b"a"), (CLOSE, b"\x03\xe8")]


def test_a_pong_for_a_peer_that_has_gone_is_no_error_of_its_own(pair):
    pair.theirs.close()
    pair.writer.owe_pong(b"a")
    with pytest.raises(StreamBroken):
        pair.send(b"more")


def test_pings_of_a_server_that_does_not_read_hold_nothing_up_and_are_answered_once_it_reads(monkeypatch):
    """Thousands of pongs fill the socket, down to a part of one; of those that do not fit the newest is sent."""
    start, received, newest = Connection.start, bytearray(), b"%0125d" % 20_000
    is_heard, is_answered = threading.Event(), threading.Event()

    def start_narrow(connection: Connection) -> None:
        connection._reading.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        start(connection)

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(b"".join(frame(b"%0125d" % number, PING) for number in range(20_001)))
        peer.socket.sendall(text_frame("behind the pings"))
        assert is_heard.wait(PATIENCE)
        while newest not in pongs():
            piece = peer.socket.recv(1 << 20)
            assert piece, "the client has gone"
            received.extend(piece)
        is_answered.set()
        peer.wait_for_end()

    def pongs() -> list[bytes]:
        return [data for opcode, _, data in client_frames(bytes(received)) if opcode == PONG]

    monkeypatch.setattr(Connection, "start", start_narrow)
    with raw_server(script) as server, server.model().connect() as session:
        assert next(session.receive(timeout=PATIENCE)).text == "behind the pings"
        is_heard.set()
        assert is_answered.wait(PATIENCE)
        session.close(timeout=0.1)
    assert pongs() == sorted(pongs())
    assert 5 < len(pongs()) < 20_000
