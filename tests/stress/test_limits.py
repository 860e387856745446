"""What an excessive server costs: memory within twice the limit, CPU in proportion to what it sent, a clear error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.servers import RawPeer, frame, raw_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="measures through /proc"),
]

PROGRAM = Path(__file__).with_name("arriving.py")
MEGABYTE = 1024 * 1024
CLOSE_NORMAL = frame(b"\x03\xe8", 8)


def receive(send: Callable[[RawPeer], None], limit: int) -> dict:
    """What a program of its own says of the session; `send` is called once it receives."""

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.recv(65536)
        send(peer)
        peer.wait_for_end()

    with raw_server(script) as server:
        command = [sys.executable, "-X", "faulthandler", str(PROGRAM), server.url, str(limit)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    print(result)
    return result


@pytest.mark.parametrize("limit", [4 * MEGABYTE, 64 * MEGABYTE], ids=["4 MB", "64 MB"])
def test_a_frame_that_announces_a_terabyte_is_refused_and_takes_no_memory(limit):
    def send(peer: RawPeer) -> None:
        peer.socket.sendall(b"\x82\x7f" + (1 << 40).to_bytes(8, "big") + bytes(MEGABYTE))

    result = receive(send, limit)
    assert f"a message over the limit of {limit:,} bytes (SessionOptions.max_message_bytes)" in result["ended"]
    assert (result["messages"], result["code"]) == (0, 1009)
    assert result["peak_kb"] < 2 * 1024, result


@pytest.mark.parametrize("limit", [4 * MEGABYTE, 64 * MEGABYTE], ids=["4 MB", "64 MB"])
def test_two_hundred_thousand_fragments_stay_within_twice_the_limit_until_they_break_it(limit):
    size = limit // 200_000

    def send(peer: RawPeer) -> None:
        fragments = frame(b"x" * size, 0, final=False) * 1_000
        peer.socket.sendall(frame(b"x" * size, 2, final=False))
        for _ in range(200):
            peer.socket.sendall(fragments)
        peer.socket.sendall(frame(b"x" * MEGABYTE, 0))

    result = receive(send, limit)
    assert "over the limit" in result["ended"]
    assert (result["messages"], result["code"]) == (0, 1009)
    assert result["peak_kb"] < 2 * limit / 1024, result


def test_a_single_frame_stays_within_twice_the_limit_while_it_arrives():
    limit = 64 * MEGABYTE

    def send(peer: RawPeer) -> None:
        whole = frame(b"x" * limit)
        peer.socket.sendall(whole[: limit - MEGABYTE])
        peer.socket.shutdown(1)

    result = receive(send, limit)
    assert result["code"] == 1006
    assert result["peak_kb"] < 2 * limit / 1024, result


def test_a_message_in_two_hundred_thousand_fragments_is_delivered_at_a_cpu_cost_that_grows_with_their_number():
    def cost(count: int) -> float:
        def send(peer: RawPeer) -> None:
            peer.socket.sendall(frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"', 2, final=False))
            fragments = frame(b"x" * 20, 0, final=False) * 1_000
            for _ in range(count // 1_000):
                peer.socket.sendall(fragments)
            peer.socket.sendall(frame(b'"}]}}}', 0) + CLOSE_NORMAL)

        result = receive(send, 64 * MEGABYTE)
        assert (result["messages"], result["ended"]) == (1, "quietly")
        return result["cpu_seconds"]

    few = min(cost(50_000) for _ in range(2))
    assert cost(200_000) < 2.5 * 4 * few  # were it quadratic, it would be 16 times
