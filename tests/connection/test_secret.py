"""Keys and tokens never show: not in reprs, errors, logs, nor in the local variables that a debug page prints."""

from __future__ import annotations

import logging
import traceback

import pytest

from livesession import FirebaseAI, GoogleAI, LiveGenerativeModel, LiveSessionError, SessionOptions, VertexAI
from livesession.connection.secret import Secret
from tests.kit.servers import Peer, RawPeer, raw_server, script_server
from tests.kit.waiting import PATIENCE

KEY = "sesame-open-up"


def hide(url: str) -> list:
    """Back ends that all hold the key, at one address."""
    common = {"base_url": url, "proxy": False}
    return [
        GoogleAI(api_key=KEY, **common),
        GoogleAI(api_key=lambda: KEY, **common),
        GoogleAI(api_key=f"auth_tokens/{KEY}", **common),
        VertexAI(project="p", token=KEY, **common),
        VertexAI(api_key=KEY, **common),
        FirebaseAI(api_key=KEY, project="p", app_check_token=KEY, auth_token=KEY, **common),
        GoogleAI(api_key="k", headers={"X-Secret": KEY}, **common),
    ]


def page(error: BaseException) -> str:
    """What a debug page shows: the whole chain of tracebacks, with local variables, of this library's frames."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(shown.format())


def connect_error(backend) -> LiveSessionError:
    options = SessionOptions(connect_timeout=PATIENCE, setup_timeout=PATIENCE)
    with pytest.raises(LiveSessionError) as caught:
        LiveGenerativeModel("m", backend=backend, options=options).connect()
    return caught.value


def test_a_back_end_prints_without_its_keys():
    for backend in hide("ws://127.0.0.1:1"):
        assert KEY not in repr(backend)
        assert KEY not in repr(LiveGenerativeModel("m", backend=backend))
        assert KEY not in repr(backend.endpoint())


def refuse(peer: RawPeer) -> None:
    peer.read_request()
    peer.answer("403 Forbidden", b'{"error":{"message":"no"}}')
    peer.wait_for_end()


def gibberish(peer: RawPeer) -> None:
    peer.read_request()
    peer.socket.sendall(b"HTTP/1.1 101 Yes\r\nUpgrade: something\r\n\r\n")
    peer.wait_for_end()


def hang_up(peer: RawPeer) -> None:
    peer.read_request()


@pytest.mark.parametrize("script", [refuse, gibberish, hang_up])
def test_a_failed_upgrade_shows_no_key(script):
    with raw_server(script) as server:
        for backend in hide(server.url):
            assert KEY not in page(connect_error(backend))


def test_a_refused_connection_shows_no_key():
    for backend in hide("ws://127.0.0.1:1"):
        assert KEY not in page(connect_error(backend))


def test_a_refused_setup_shows_no_key():
    def script(peer: Peer) -> None:
        peer.read()
        peer.close(1007, "API key not valid.")

    with script_server(script) as server:
        for backend in hide(server.url):
            assert KEY not in page(connect_error(backend))


@pytest.mark.parametrize("scheme", ["http", "socks5", "ftp"])
def test_a_proxy_that_fails_shows_no_password(scheme):
    proxy = f"{scheme}://user:{KEY}@127.0.0.1:1"
    backend = GoogleAI(api_key=KEY, base_url="ws://server.invalid", proxy=proxy)
    del proxy
    assert KEY not in repr(backend)
    assert KEY not in page(connect_error(backend))


def test_a_session_and_its_errors_show_no_key():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.close(1011, "Internal error")

    with script_server(script) as server:
        for backend in hide(server.url):
            session = LiveGenerativeModel("m", backend=backend).connect()
            with pytest.raises(LiveSessionError) as caught:
                list(session.receive())
            assert KEY not in repr(session)
            assert KEY not in page(caught.value)
            with pytest.raises(LiveSessionError) as caught:
                session.send("x")
            assert KEY not in page(caught.value)
            session.close()


def test_the_log_shows_no_key(caplog):
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send({"serverContent": {"turnComplete": True}})
        peer.wait_for_end()

    caplog.set_level(logging.DEBUG)
    with script_server(script) as server:
        for backend in hide(server.url):
            with LiveGenerativeModel("m", backend=backend).connect() as session:
                next(session.receive())
    ours = [record for record in caplog.records if record.name.startswith("livesession")]
    assert ours
    assert not any(KEY in record.getMessage() for record in ours)


def test_a_resumption_handle_does_not_print():
    from livesession import LiveSessionResumptionUpdate, SessionResumptionConfig

    assert KEY not in repr(SessionResumptionConfig(handle=KEY))
    assert KEY not in repr(LiveSessionResumptionUpdate(new_handle=KEY, resumable=True))


def test_cookies_of_one_server_are_not_sent_to_another_session():
    requests: list[bytes] = []

    def script(peer: RawPeer) -> None:
        requests.append(peer.read_request())
        peer.answer("302 Found", b"", "Set-Cookie: spy=1; Domain=localhost", "Location: /")
        peer.wait_for_end()

    with raw_server(script) as server:
        for _ in range(2):
            connect_error(GoogleAI(api_key=KEY, base_url=server.url, proxy=False))
    assert len(requests) == 2
    assert not any(b"Cookie" in request for request in requests)


@pytest.mark.parametrize(
    "url", [f"http://user:x#{KEY}@127.0.0.1:1", f"http://user:{KEY}@127.0.0.1:port", f"{KEY}\u2100@host"]
)
def test_a_proxy_that_cannot_be_read_shows_no_password(url):
    backend = GoogleAI(api_key="k", base_url="ws://server.invalid", proxy=url)
    del url
    assert KEY not in page(connect_error(backend))


def test_a_server_that_repeats_the_key_does_not_make_it_show():
    def echo_body(peer: RawPeer) -> None:
        peer.read_request()
        peer.answer("403 Forbidden", f"you said {KEY}".encode())
        peer.wait_for_end()

    def echo_reason(peer: Peer) -> None:
        peer.read()
        peer.close(1008, f"who is {KEY}?")

    for server_of, script in ((raw_server, echo_body), (script_server, echo_reason)):
        with server_of(script) as server:
            for backend in hide(server.url):
                if "auth_tokens" not in backend.endpoint().headers.get("Authorization", Secret("")).reveal():
                    error = connect_error(backend)
                    assert KEY not in page(error)
                    assert KEY not in str(vars(error))
