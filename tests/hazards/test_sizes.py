"""What is large, or in many pieces, costs no more than its size: transport.md section 3 "Limits", peers.md 0.1 (W8)."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from livesession import SessionOptions
from livesession.connection.frames import FrameError, FrameReader
from tests.hazards.common import PATIENCE, client_frames, everything
from tests.kit.servers import RawPeer, frame, raw_server

pytestmark = pytest.mark.slow

SCRATCH = memoryview(bytearray(64 * 1024))
OPENING, CLOSING = b'{"serverContent":{"modelTurn":{"parts":[{"text":"', b'"}]}}}'


def fragments(count: int, size: int = 10) -> bytes:
    """A message with a text of so many times `size` letters, a frame each."""
    return b"".join(
        [frame(OPENING, final=False), frame(b"x" * size, 0, final=False) * count, frame(CLOSING, 0)],
    )


def feed(reader: FrameReader, data: bytes, chunk: int) -> list[bytes]:
    rest, messages = memoryview(data), []
    while rest:
        room = reader.buffer(SCRATCH)
        count = min(len(room), len(rest), chunk)
        room[:count] = rest[:count]
        rest = rest[count:]
        messages += [data for _, data in reader.received(count)]
    return messages


def cost(data: bytes, chunk: int) -> float:
    """CPU seconds to read one message; the best of three."""
    times = []
    for _ in range(3):
        reader, start = FrameReader(64_000_000), time.thread_time()
        assert len(feed(reader, data, chunk)) == 1
        times.append(time.thread_time() - start)
    return min(times)


def test_the_cost_of_fragments_grows_as_their_number():
    """50,000, 100,000 and 200,000 fragments cost websocket-client 0.9, 2.6 and 8.6 s."""
    ratio = cost(fragments(100_000), 65_536) / cost(fragments(25_000), 65_536)
    assert ratio < 4 * 2, f"4 times the fragments cost {ratio:.1f} times as much"


def test_the_cost_of_a_large_message_in_small_pieces_grows_as_its_size():
    """20 MB in pieces as TCP brings them cost 9 s when each grew the buffer: 4 times the bytes, 20 times as much."""
    ratio = cost(frame(bytes(8_000_000)), 1_400) / cost(frame(bytes(2_000_000)), 1_400)
    assert ratio < 4 * 3, f"4 times the bytes cost {ratio:.1f} times as much"


def test_a_message_of_50_000_fragments_is_delivered():
    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(fragments(50_000))
        peer.wait_for_end()

    with raw_server(script) as server:
        session = server.model().connect()
        assert next(session.receive(timeout=PATIENCE)).text == "x" * 500_000
        session.close(timeout=0.1)


@pytest.mark.parametrize(("size", "count"), [(10, 200_000), (0, 50_000)], ids=["over the limit", "of nothing"])
def test_fragments_without_an_end_hold_no_more_than_the_limit(size, count):
    """Empty ones never reach the limit, and hold nothing."""
    limit = 1_000_000
    data = frame(OPENING, final=False) + frame(b"x" * size, 0, final=False) * count
    tracemalloc.start()
    try:
        reader = FrameReader(limit)
        if size:
            with pytest.raises(FrameError) as caught:
                feed(reader, data, 16_384)
            assert caught.value.code == 1009
        else:
            assert feed(reader, data, 16_384) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * limit


@pytest.mark.parametrize("length", [1 << 40, (1 << 63) + 5, (1 << 64) - 1], ids=["1 TB", "2^63", "2^64"])
def test_a_length_beyond_all_limits_ends_the_session_before_anything_is_held(length):
    received = bytearray()

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(b"\x82\x7f" + length.to_bytes(8, "big"))
        received.extend(peer.socket.recv(100))

    with raw_server(script) as server:
        session = server.model(options=SessionOptions(max_message_bytes=1_000_000)).connect()
        delivered, error = everything(session.receive(timeout=PATIENCE))
        assert (delivered, error.code, error.origin) == ([], 1009, "local")
        assert "max_message_bytes" in str(error)
        session.close()
    assert [(opcode, data) for opcode, _, data in client_frames(received)] == [(8, (1009).to_bytes(2, "big"))]


def test_a_message_as_long_as_the_limit_is_delivered_and_one_byte_more_is_not():
    text = b"x" * (2_000 - len(OPENING) - len(CLOSING))

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(frame(OPENING + text + CLOSING) + frame(OPENING + text + b"x" + CLOSING))
        peer.socket.recv(100)

    with raw_server(script) as server:
        session = server.model(options=SessionOptions(max_message_bytes=2_000)).connect()
        delivered, error = everything(session.receive(timeout=PATIENCE))
        assert delivered == [text.decode()]
        assert error.code == 1009
        session.close()
