"""Names, addresses and proxies: transport.md section 3 "Connect options" (the rest: tests/connection/test_proxy.py)."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from livesession import ConnectError, ConnectTimeout, GoogleAI, LiveGenerativeModel, SessionOptions
from tests.hazards.common import PATIENCE, nothing_is_left, said
from tests.kit.faults import fault_proxy
from tests.kit.servers import Peer, RawPeer, raw_server, script_server

pytestmark = pytest.mark.slow


def greet(peer: Peer) -> None:
    peer.accept()
    peer.send(said("hello"))
    peer.wait_for_end()


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_an_ipv6_address_works_and_stands_in_brackets_in_the_request():
    with script_server(greet) as server, fault_proxy(server, host="::1", record=True) as proxy:
        backend = GoogleAI(api_key="k", base_url=proxy.url, proxy=False)
        with LiveGenerativeModel("m", backend=backend).connect() as session:
            assert next(session.receive(timeout=PATIENCE)).text == "hello"
        assert f"\r\nHost: [::1]:{proxy.port}\r\n".encode() in proxy.to_server.seen


def test_an_ipv6_address_stands_in_brackets_in_the_request_to_a_proxy():
    """websocket-client asks for `CONNECT ::1:9080`."""
    requests: list[bytes] = []

    def script(peer: RawPeer) -> None:
        requests.append(peer.read_request())
        peer.answer("403 Forbidden")

    with raw_server(script) as server:
        backend = GoogleAI(api_key="k", base_url="ws://[::1]:9080", proxy=server.url.replace("ws:", "http:"))
        with pytest.raises(ConnectError, match="403"):
            LiveGenerativeModel("m", backend=backend).connect()
    assert requests[0].startswith(b"CONNECT [::1]:9080 HTTP/1.1\r\nHost: [::1]:9080\r\n")


NO_SUCH_FAMILY = 45


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, NO_SUCH_FAMILY], ids=["refuses", "IPv6", "family"])
def test_a_name_whose_first_address_does_not_work_is_reached_at_the_second(family, monkeypatch):
    """One that refuses, and one of a family that this system does not have; only the resolver's answer is made up."""
    with script_server(greet) as server:
        port = int(server.url.rpartition(":")[2])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            dead = probe.getsockname()[1]
        first = ("::1", dead, 0, 0) if family == socket.AF_INET6 else ("127.0.0.1", dead)
        answer = [
            (family, socket.SOCK_STREAM, 0, "", first),
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: answer)
        backend = GoogleAI(api_key="k", base_url="ws://two.addresses.invalid", proxy=False)
        with LiveGenerativeModel("m", backend=backend).connect() as session:
            assert next(session.receive(timeout=PATIENCE)).text == "hello"


def test_a_proxy_that_drips_its_answer_ends_at_the_deadline():
    leaving = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.read_request()
        peer.socket.sendall(b"HTTP/1.1 200 OK\r\n")
        while not leaving.wait(0.05):
            peer.socket.sendall(b"X")

    with nothing_is_left(), raw_server(script) as server:
        backend = GoogleAI(api_key="k", base_url="ws://far.invalid", proxy=server.url.replace("ws:", "http:"))
        start = time.monotonic()
        with pytest.raises(ConnectTimeout):
            LiveGenerativeModel("m", backend=backend, options=SessionOptions(connect_timeout=0.4)).connect()
        assert time.monotonic() - start < 1.4
        leaving.set()
