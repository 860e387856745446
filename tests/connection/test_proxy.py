"""Proxies: HTTP CONNECT given or from the environment, SOCKS, and none where none is wanted."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading

import pytest

from livesession import (
    ConfigurationError,
    ConnectError,
    ConnectTimeout,
    GoogleAI,
    LiveGenerativeModel,
    SessionOptions,
)
from livesession.emulator import LiveEmulator
from tests.kit.servers import PATIENCE, Peer, script_server


def relay(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


class Proxy:
    """A proxy that relays each connection where the client asks; `greet` reads the request and gives the target."""

    def __init__(self, greet) -> None:
        self.requests: list[bytes] = []
        self._greet = greet
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="proxy")

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, contextlib.suppress(OSError, ValueError):
                    client.settimeout(PATIENCE)
                    self._relay(client)

    def _relay(self, client: socket.socket) -> None:
        target = self._greet(client, self.requests)
        with socket.create_connection(target, PATIENCE) as server:
            back = threading.Thread(target=relay, args=(server, client), name="proxy-back")
            back.start()
            relay(client, server)
            back.join(PATIENCE)


def greet_http(client: socket.socket, requests: list[bytes]) -> tuple[str, int]:
    request = b""
    while b"\r\n\r\n" not in request:
        request += client.recv(4096)
    requests.append(request)
    host, port = request.split()[1].decode().rsplit(":", 1)
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    return host, int(port)


def greet_socks5(client: socket.socket, requests: list[bytes]) -> tuple[str, int]:
    client.recv(4096)
    client.sendall(b"\5\0")
    request = client.recv(4096)
    requests.append(request)
    client.sendall(b"\5\0\0\1\0\0\0\0\0\0")
    host = request[5 : 5 + request[4]].decode() if request[3] == 3 else socket.inet_ntoa(request[4:8])
    return host, int.from_bytes(request[-2:], "big")


def idle(peer: Peer) -> None:
    peer.accept()
    peer.wait_for_end()


def connect(url: str, **arguments: object) -> None:
    backend = GoogleAI(api_key="k", base_url=url, **arguments)
    LiveGenerativeModel("m", backend=backend).connect().close()


def test_a_proxy_that_was_given_is_used_with_its_credentials():
    with script_server(idle) as server, Proxy(greet_http) as proxy:
        connect(server.url, proxy=f"http://me:p%40ss@{proxy.address}")
    assert base64.b64encode(b"me:p@ss") in proxy.requests[0]


def test_a_proxy_tunnels_tls(server_tls, client_tls):
    with script_server(idle, server_tls) as server, Proxy(greet_http) as proxy:
        connect(server.url, proxy=f"http://{proxy.address}", ssl_context=client_tls)
    assert proxy.requests[0].startswith(b"CONNECT localhost:")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_proxy_of_the_environment_is_used(monkeypatch, variable):
    with script_server(idle) as server, Proxy(greet_http) as proxy:
        monkeypatch.setenv(variable, f"http://{proxy.address}")
        connect(server.url)
    assert len(proxy.requests) == 1


def test_no_proxy_of_the_environment_is_heeded(monkeypatch):
    with script_server(idle) as server, Proxy(greet_http) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", "localhost")
        connect(server.url)
    assert proxy.requests == []


def test_proxy_false_goes_directly(monkeypatch):
    with script_server(idle) as server, Proxy(greet_http) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        connect(server.url, proxy=False)
    assert proxy.requests == []


@pytest.mark.parametrize("kind", ["google", "vertex", "firebase", "firebase-vertex"])
def test_the_emulator_is_never_reached_through_a_proxy(monkeypatch, kind):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with LiveEmulator() as emulator:
        LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend(kind)).connect().close()


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_is_used(scheme):
    with script_server(idle) as server, Proxy(greet_socks5) as proxy:
        connect(server.url, proxy=f"{scheme}://{proxy.address}")
    assert (b"localhost" in proxy.requests[0]) == (scheme == "socks5h")


def test_a_proxy_that_refuses_is_named_with_its_status():
    def refuse(client: socket.socket, requests: list[bytes]) -> tuple[str, int]:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        raise ValueError

    with Proxy(refuse) as proxy:
        with pytest.raises(ConnectError, match=r"HTTP 407.*credentials"):
            connect("ws://server.invalid", proxy=f"http://{proxy.address}")


def test_a_proxy_that_nothing_listens_at_is_named_and_not_the_server():
    with pytest.raises(ConnectError, match=r"The proxy 127.0.0.1:1 did not connect.*HTTPS_PROXY"):
        connect("ws://server.invalid", proxy="http://user:geheim@127.0.0.1:1")


def test_a_proxy_that_speaks_something_else_is_named_and_not_the_server():
    def greet(client: socket.socket, requests: list[bytes]) -> tuple[str, int]:
        client.recv(4096)
        client.sendall(b"220 mail.invalid ready\r\n")
        raise ValueError

    with Proxy(greet) as proxy:
        with pytest.raises(ConnectError, match=rf"The proxy {proxy.address} did not connect"):
            connect("ws://server.invalid", proxy=f"http://{proxy.address}")


def test_of_what_a_proxy_says_that_is_no_http_only_the_beginning_is_shown():
    def chatter(client: socket.socket, requests: list[bytes]) -> tuple[str, int]:
        client.recv(4096)
        client.sendall(b"x" * 5_000 + b"\r\n")
        raise ValueError

    with Proxy(chatter) as proxy:
        with pytest.raises(ConnectError, match=r"did not connect: x{200}\. Check") as caught:
            connect("ws://server.invalid", proxy=f"http://{proxy.address}")
    assert "\n" not in str(caught.value)


def test_a_proxy_that_does_not_answer_is_named_beside_the_server_and_its_password_is_not():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        backend = GoogleAI(api_key="k", base_url="ws://server.invalid", proxy=f"http://user:geheim@{address}")
        model = LiveGenerativeModel("m", backend=backend, options=SessionOptions(connect_timeout=0.2))
        with pytest.raises(ConnectTimeout, match=rf"server.invalid:80 through the proxy {address} within") as caught:
            model.connect()
    assert "geheim" not in str(caught.value)


def test_a_proxy_of_an_unknown_kind_is_refused():
    with pytest.raises(ConfigurationError, match="http://host:port"):
        connect("ws://server.invalid", proxy="ftp://host:1")
