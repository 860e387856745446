"""However many threads write, and however the socket takes their bytes: frames stay whole and in order."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livesession.connection.duplex import Duplex
from livesession.connection.frames import BINARY
from livesession.connection.writer import FrameWriter
from livesession.sync.deadline import Deadline
from tests.hazards.common import PATIENCE, client_frames
from tests.kit.waiting import InThread

pytestmark = pytest.mark.slow

SENDERS = st.lists(
    st.lists(st.integers(1, 300) | st.integers(60_000, 300_000), min_size=1, max_size=8), min_size=1, max_size=5
)


@contextlib.contextmanager
def narrow_pair() -> Iterator[tuple[Duplex, socket.socket]]:
    """Two ends with little room between them, so that a large frame goes out in many pieces."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with theirs, contextlib.closing(Duplex(ours)) as duplex:
        yield duplex, theirs


def read_to_the_end(sock: socket.socket, piece: int) -> bytes:
    return b"".join(iter(lambda: sock.recv(piece), b""))


def payload(sender: int, number: int, size: int) -> bytes:
    return bytes([sender, number]) * size


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(SENDERS, st.integers(1_000, 100_000), st.integers(0, 20))
def test_any_interleaving_of_senders_keeps_frames_whole_and_in_order(senders, piece, pings):
    with narrow_pair() as (duplex, theirs):
        writer = FrameWriter(duplex, lambda: None)
        reading = InThread(lambda: read_to_the_end(theirs, piece))

        def send(sender: int) -> None:
            for number, size in enumerate(senders[sender]):
                writer.send(payload(sender, number, size), Deadline(PATIENCE), BINARY, lambda: None)

        threads = [InThread(lambda sender=sender: send(sender)) for sender in range(len(senders))]
        for number in range(pings):
            writer.owe_pong(b"%d" % number)
        for thread in threads:
            thread.result()
        duplex.shutdown()
        writer.retire()
        frames = client_frames(reading.result())
    messages = [data for opcode, _, data in frames if opcode == BINARY]
    for sender, sizes in enumerate(senders):
        assert [data for data in messages if data[:1] == bytes([sender])] == [
            payload(sender, number, size) for number, size in enumerate(sizes)
        ]
    assert len(messages) == sum(map(len, senders))
