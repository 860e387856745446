"""Servers for the programs: echoing ones over plain TCP and over TLS, in the process of the tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from attrs import frozen

from tests.kit.servers import Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import PATIENCE


@frozen
class Place:
    """Where a program finds its server, and the CA to trust; `""` for none."""

    url: str
    ca_file: str


@pytest.fixture(scope="session")
def ca_file(authority, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def echo(peer: Peer) -> None:
    """Answers each turn with its own text."""
    peer.accept()
    while True:
        message = peer.read()
        if content := message.get("clientContent"):
            text = content["turns"][0]["parts"][0]["text"]
            peer.send({"serverContent": {"modelTurn": {"parts": [{"text": text}]}, "turnComplete": True}})


@pytest.fixture
def plain_place() -> Iterator[Place]:
    """An echoing server over plain TCP."""
    with script_server(echo) as server:
        yield Place(server.url, "")


@pytest.fixture
def tls_place(server_tls, ca_file) -> Iterator[Place]:
    """An echoing server over TLS."""
    with script_server(echo, server_tls) as server:
        yield Place(server.url, ca_file)


@pytest.fixture(params=["plain", "TLS"])
def place(request) -> Place:
    """Either of them."""
    return request.getfixturevalue(f"{request.param.lower()}_place")


@pytest.fixture(params=["plain", "TLS"])
def deaf_place(request) -> Iterator[Place]:
    """A server for one client, that goes deaf after the first bytes that follow the setup, of which it tells."""
    tls = request.param == "TLS"
    leaving = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.recv(1000)
        peer.socket.sendall(frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"go on"}]}}}'))
        leaving.wait(PATIENCE)

    with raw_server(script, request.getfixturevalue("server_tls") if tls else None) as server:
        try:
            yield Place(server.url, request.getfixturevalue("ca_file") if tls else "")
        finally:
            leaving.set()
