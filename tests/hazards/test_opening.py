"""Before the WebSocket stands: transport.md section 3 ("Connect options", "Limits"), peers.md 0.1 (W6, W7, W9)."""

from __future__ import annotations

import io
import logging
import time

import pytest
import websocket

from livesession import (
    ConnectError,
    ConnectTimeout,
    FirebaseAI,
    GoogleAI,
    LiveGenerativeModel,
    SessionOptions,
    UpgradeRejectedError,
    VertexAI,
)
from tests.hazards.common import PATIENCE, idle, nothing_is_left, said
from tests.kit.faults import fault_proxy
from tests.kit.servers import Peer, RawPeer, raw_server, script_server

pytestmark = pytest.mark.slow

KEY = "sesame-open-up"


def greet(peer: Peer) -> None:
    peer.accept()
    peer.send(said("hello"))
    peer.wait_for_end()


@pytest.fixture
def trace():
    """What websocket-client's trace writes while it is on, as a user may switch it on for the whole process."""
    stream = io.StringIO()
    websocket.enableTrace(True, handler=logging.StreamHandler(stream))
    yield stream
    websocket.enableTrace(False)


def test_the_trace_of_websocket_client_does_not_show_a_key(trace):
    """W9: enableTrace(True) prints the headers of the request."""
    with script_server(greet) as server:
        common = {"base_url": server.url, "proxy": False}
        for backend in (
            GoogleAI(api_key=KEY, headers={"X-Secret": KEY}, **common),
            VertexAI(project="p", token=KEY, **common),
            FirebaseAI(api_key=KEY, project="p", app_check_token=KEY, auth_token=KEY, **common),
        ):
            with LiveGenerativeModel("m", backend=backend).connect() as session:
                assert next(session.receive(timeout=PATIENCE)).text == "hello"
    assert KEY not in trace.getvalue()


def test_headers_arrive_each_once_and_nothing_else_is_told():
    """No Origin, no cookies, and the headers of the back end unchanged."""
    requests: list[bytes] = []

    def script(peer: RawPeer) -> None:
        requests.append(peer.read_request())
        peer.accept()
        peer.wait_for_end()

    with raw_server(script) as server:
        backend = GoogleAI(api_key=KEY, base_url=server.url, proxy=False, headers={"X-Other": "täglich: 5"})
        LiveGenerativeModel("m", backend=backend).connect().close(timeout=0.1)
    head, _, rest = requests[0].partition(b"\r\n\r\n")
    headers = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
    names = [name.lower() for name, _ in headers]
    assert rest == b""
    assert len(names) == len(set(names))
    assert dict(headers)["X-Other"] == "täglich: 5"
    assert KEY in dict(headers).values()
    assert not {"origin", "cookie"} & set(names)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("end", ["cut_after", "reset_after"])
@pytest.mark.parametrize("count", [0, 1, 20, 100])
def test_an_end_during_the_handshake_is_an_error_that_can_be_retried(tls, end, count, server_tls, client_tls):
    with nothing_is_left(), script_server(idle, server_tls if tls else None) as server, fault_proxy(server) as proxy:
        getattr(proxy.to_client, end)(count)
        with pytest.raises(ConnectError) as caught:
            proxy.model(ssl_context=client_tls if tls else None).connect()
    assert caught.value.retryable or tls
    assert not isinstance(caught.value, ConnectTimeout)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_black_hole_during_the_handshake_ends_at_the_deadline(tls, server_tls, client_tls):
    with nothing_is_left(), script_server(idle, server_tls if tls else None) as server, fault_proxy(server) as proxy:
        proxy.to_client.black_hole()
        model = proxy.model(ssl_context=client_tls if tls else None, options=SessionOptions(connect_timeout=0.3))
        start = time.monotonic()
        with pytest.raises(ConnectTimeout):
            model.connect()
        assert time.monotonic() - start < 1.3


def test_a_refusal_with_a_chunked_body_is_reported_at_once():
    """websocket-client waits for no body without a length, and fails on it."""

    def script(peer: RawPeer) -> None:
        peer.read_request()
        body = b'{"error":{"message":"no such project"}}'
        peer.socket.sendall(
            b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        )
        peer.wait_for_end()

    with raw_server(script) as server:
        with pytest.raises(UpgradeRejectedError, match="no such project") as caught:
            server.model().connect()
    assert caught.value.status == 403


def test_a_wrong_answer_to_the_key_of_the_upgrade_is_no_websocket():
    def script(peer: RawPeer) -> None:
        peer.read_request()
        peer.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        )
        peer.wait_for_end()

    with nothing_is_left(), raw_server(script) as server:
        with pytest.raises(ConnectError, match="WebSocket server"):
            server.model().connect()


def test_a_variable_of_websocket_client_adds_no_certificates_to_trust(authority, server_tls, tmp_path, monkeypatch):
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with script_server(idle, server_tls) as server:
        with pytest.raises(ConnectError, match="certificate"):
            server.model().connect()
