"""The hostile network itself does what it says (tests/kit/faults.py)."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from tests.kit.faults import FaultProxy, fault_proxy
from tests.kit.servers import PATIENCE, RawPeer, raw_server

pytestmark = pytest.mark.slow


def echo(peer: RawPeer) -> None:
    while piece := peer.socket.recv(65536):
        peer.socket.sendall(piece)


def dial(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), PATIENCE)


def read(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (piece := sock.recv(count - len(data))):
        data += piece
    return data


def test_without_a_fault_everything_goes_through_and_so_does_the_end():
    with raw_server(echo) as server, fault_proxy(server, record=True) as proxy, dial(proxy) as sock:
        sock.sendall(b"x" * 500_000)
        sock.shutdown(socket.SHUT_WR)
        assert read(sock, 600_000) == b"x" * 500_000
        assert proxy.links[0].ended.wait(PATIENCE)
        assert proxy.to_server.seen == proxy.to_client.seen == b"x" * 500_000


def test_a_trickle_hands_on_one_byte_at_a_time_and_resume_ends_it():
    with raw_server(echo) as server, fault_proxy(server) as proxy, dial(proxy) as sock:
        proxy.to_client.trickle(pause=0.002)
        sock.sendall(b"abcdef")
        assert read(sock, 1) == b"a"
        assert len(sock.recv(100)) < 5
        proxy.to_client.wait_for(6)
        proxy.to_client.resume()
        sock.sendall(b"x" * 10_000)
        proxy.to_client.wait_for(10_006)


@pytest.mark.parametrize("fault", [lambda way: way.delay(0.1), lambda way: way.throttle(2_000)], ids=["delay", "rate"])
def test_a_delay_and_a_throttle_take_their_time(fault):
    with raw_server(echo) as server, fault_proxy(server) as proxy, dial(proxy) as sock:
        fault(proxy.to_server)
        start = time.monotonic()
        sock.sendall(b"x" * 200)
        assert read(sock, 200) == b"x" * 200
        assert time.monotonic() - start > 0.08


def test_a_cut_hands_on_so_many_bytes_and_then_the_end():
    with raw_server(echo) as server, fault_proxy(server) as proxy, dial(proxy) as sock:
        proxy.to_client.cut_after(5)
        sock.sendall(b"0123456789")
        assert read(sock, 100) == b"01234"
        assert proxy.links[0].ended.wait(PATIENCE)


@pytest.mark.parametrize("fault", [lambda proxy: proxy.to_client.reset_after(5), lambda proxy: None])
def test_a_reset_is_a_reset(fault):
    with raw_server(echo) as server, fault_proxy(server) as proxy, dial(proxy) as sock:
        fault(proxy)
        sock.sendall(b"0123456789")
        proxy.to_client.wait_for(5)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            read(sock, 100)


def test_a_black_hole_swallows_and_keeps_the_connection():
    with raw_server(echo) as server, fault_proxy(server) as proxy, dial(proxy) as sock:
        proxy.to_server.black_hole()
        sock.sendall(b"lost")
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        proxy.to_server.resume()
        sock.settimeout(PATIENCE)
        sock.sendall(b"kept")
        assert read(sock, 4) == b"kept"


def test_one_link_of_several_can_be_broken():
    with raw_server(echo) as server, fault_proxy(server) as proxy, dial(proxy) as one:
        one.sendall(b"1")
        assert read(one, 1) == b"1"
        proxy.links[0].cut()
        assert read(one, 1) == b""
        with dial(proxy) as other:
            other.sendall(b"2")
            assert read(other, 1) == b"2"


def test_leaving_ends_the_thread_and_closes_what_is_open():
    with raw_server(echo) as server:
        with fault_proxy(server) as proxy:
            sock = dial(proxy)
            sock.sendall(b"x")
            proxy.to_client.wait_for(1)
        with sock:
            assert len(read(sock, 2)) == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "fault-proxy"]


def test_a_server_that_does_not_listen_is_an_end_of_the_connection():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with fault_proxy(port) as proxy, dial(proxy) as sock:
        assert read(sock, 1) == b""
