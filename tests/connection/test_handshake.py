"""What goes wrong before a session is open: a clear error, in time, with nothing left behind."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from livesession import (
    ConfigurationError,
    ConnectError,
    ConnectionClosedError,
    ConnectTimeout,
    GoogleAI,
    LiveGenerationConfig,
    LiveGenerativeModel,
    SessionOptions,
    SetupRejectedError,
    SetupTimeout,
    SpeechConfig,
    UpgradeRejectedError,
)
from livesession.emulator import LiveEmulator
from tests.kit.servers import PATIENCE, Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import InThread

GOOGLE_ERROR = json.dumps({"error": {"code": 403, "message": "The caller does not have permission."}}).encode()


def model_at(url: str, **options: float) -> LiveGenerativeModel:
    backend = GoogleAI(api_key="test-key", base_url=url, proxy=False)
    return LiveGenerativeModel("m", backend=backend, options=SessionOptions(**options))


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_refused_connection_names_host_and_port():
    port = unused_port()
    with pytest.raises(ConnectError, match=f"127.0.0.1:{port} refused") as caught:
        model_at(f"ws://127.0.0.1:{port}").connect()
    assert caught.value.retryable
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_an_unresolvable_host_is_named():
    with pytest.raises(ConnectError, match=r"'no-such-host\.invalid' could not be resolved") as caught:
        model_at("wss://no-such-host.invalid").connect()
    assert isinstance(caught.value.__cause__, socket.gaierror)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("401 Unauthorized", "key or token"),
        ("403 Forbidden", "does not have permission.*not allowed"),
        ("404 Not Found", "no such address"),
        ("429 Too Many Requests", "quota"),
        ("503 Service Unavailable", "try again"),
    ],
)
def test_an_http_error_on_the_upgrade_gives_its_status_and_what_to_do(status, words):
    def script(peer: RawPeer) -> None:
        peer.read_request()
        peer.answer(status, GOOGLE_ERROR)
        peer.wait_for_end()

    with raw_server(script) as server:
        with pytest.raises(UpgradeRejectedError, match=f"(?s){words}") as caught:
            server.model().connect()
    assert caught.value.status == int(status[:3])
    assert "permission" in caught.value.body
    assert caught.value.retryable == status.startswith("5")


def test_a_redirect_is_not_followed():
    followed = threading.Event()

    def elsewhere(peer: RawPeer) -> None:
        followed.set()

    with raw_server(elsewhere) as other:

        def script(peer: RawPeer) -> None:
            peer.read_request()
            peer.answer("302 Found", b"", f"Location: {other.url}/")
            peer.wait_for_end()

        with raw_server(script) as server:
            with pytest.raises(UpgradeRejectedError, match="redirect") as caught:
                server.model().connect()
        assert caught.value.status == 302
    assert not followed.is_set()


def test_a_server_that_speaks_no_http_is_named():
    def script(peer: RawPeer) -> None:
        peer.socket.sendall(b"220 mail.example ESMTP\r\n\r\n")
        peer.wait_for_end()

    with raw_server(script) as server:
        with pytest.raises(ConnectError, match="WebSocket server"):
            server.model().connect()


def test_a_server_that_hangs_up_on_the_request_is_reported():
    def script(peer: RawPeer) -> None:
        peer.read_request()

    with raw_server(script) as server:
        with pytest.raises(ConnectError, match="without an answer"):
            server.model().connect()


def test_an_answer_of_endless_headers_is_cut_off():
    def script(peer: RawPeer) -> None:
        peer.read_request()
        peer.socket.sendall(b"HTTP/1.1 101 Switching Protocols\r\n")
        while True:
            peer.socket.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")

    with raw_server(script) as server:
        with pytest.raises(ConnectError):
            server.model().connect()


def test_a_refusal_with_a_body_of_many_megabytes_is_cut_off():
    def script(peer: RawPeer) -> None:
        peer.read_request()
        peer.socket.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 50000000\r\n\r\n")
        while True:
            peer.socket.sendall(b"x" * 65536)

    with raw_server(script) as server:
        with pytest.raises(UpgradeRejectedError) as caught:
            server.model().connect()
    assert len(caught.value.body) <= 2000


@pytest.mark.parametrize("when", ["before the answer", "a byte at a time"])
def test_a_slow_upgrade_ends_at_the_deadline(when):
    leaving = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.read_request()
        while when == "a byte at a time" and not leaving.wait(0.05):
            peer.socket.sendall(b"H")
        leaving.wait(PATIENCE)

    with raw_server(script) as server:
        start = time.monotonic()
        with pytest.raises(ConnectTimeout, match=r"0\.4 s"):
            model_at(server.url, connect_timeout=0.4).connect()
        assert time.monotonic() - start < 2
        leaving.set()


def test_a_tls_handshake_that_stalls_ends_at_the_deadline():
    leaving = threading.Event()
    with raw_server(lambda _: leaving.wait(PATIENCE)) as server:
        with pytest.raises(ConnectTimeout):
            model_at(server.url.replace("ws:", "wss:"), connect_timeout=0.4).connect()
        leaving.set()


def test_no_setup_complete_is_a_timeout_that_says_what_may_be_the_matter():
    def script(peer: Peer) -> None:
        peer.read()
        peer.wait_for_end()

    with script_server(script) as server:
        with pytest.raises(SetupTimeout, match="setup_timeout"):
            model_at(server.url, setup_timeout=0.3).connect()


def test_keep_alives_before_setup_complete_are_no_answer():
    def script(peer: Peer) -> None:
        peer.read()
        peer.send({}, {}, {"setupComplete": {}})
        peer.wait_for_end()

    with script_server(script) as server:
        server.model().connect().close()


def test_a_close_instead_of_setup_complete_gives_code_reason_and_hint():
    def script(peer: Peer) -> None:
        peer.read()
        peer.close(1007, "API key expired. Please renew the API key.")

    with script_server(script) as server:
        with pytest.raises(SetupRejectedError, match="API key expired") as caught:
            server.model().connect()
    assert (caught.value.code, caught.value.reason) == (1007, "API key expired. Please renew the API key.")
    assert "Renew" in caught.value.hint
    assert not caught.value.retryable


def test_going_away_instead_of_setup_complete_may_be_tried_again():
    def script(peer: Peer) -> None:
        peer.read()
        peer.send({"goAway": {"timeLeft": "1s"}})
        peer.wait_for_end()

    with script_server(script) as server:
        with pytest.raises(SetupRejectedError) as caught:
            server.model().connect()
    assert caught.value.retryable


def test_another_message_instead_of_setup_complete_is_kept():
    def script(peer: Peer) -> None:
        peer.read()
        peer.send({"serverContent": {"turnComplete": True}})
        peer.wait_for_end()

    with script_server(script) as server:
        with pytest.raises(SetupRejectedError, match="another message") as caught:
            server.model().connect()
    assert caught.value.frame is not None
    assert json.loads(caught.value.frame) == {"serverContent": {"turnComplete": True}}


def test_an_error_object_instead_of_setup_complete_gives_its_words():
    def script(peer: Peer) -> None:
        peer.read()
        peer.send({"error": {"code": 400, "message": "Unsupported language", "status": "INVALID_ARGUMENT"}})
        peer.wait_for_end()

    with script_server(script) as server:
        with pytest.raises(SetupRejectedError, match=r"Unsupported language \(INVALID_ARGUMENT\)"):
            server.model().connect()


def test_a_drop_instead_of_setup_complete_is_a_connect_error():
    def script(peer: Peer) -> None:
        peer.read()
        peer.drop()

    with script_server(script) as server:
        with pytest.raises(ConnectError, match="setupComplete") as caught:
            server.model().connect()
    assert caught.value.retryable


def test_a_wrong_key_is_reported_in_the_words_of_the_service():
    with LiveEmulator(api_keys=["the right one"]) as emulator:
        backend = GoogleAI(api_key="a wrong one", base_url=emulator.url, proxy=False)
        with pytest.raises(SetupRejectedError, match="API key not valid") as caught:
            LiveGenerativeModel("gemini-live-2.5-flash", backend=backend).connect()
    assert caught.value.code == 1007


def test_an_unknown_voice_is_reported():
    config = LiveGenerationConfig(speech_config=SpeechConfig.from_voice("puck"))
    with LiveEmulator() as emulator:
        model = LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend(), generation_config=config)
        with pytest.raises(SetupRejectedError, match="puck"):
            model.connect()


def test_frames_that_come_with_the_upgrade_are_not_lost():
    def script(peer: RawPeer) -> None:
        peer.read_request()
        eager = frame(b'{"setupComplete":{}}') + frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"early"}]}}}')
        peer.upgrade(followed_by=eager)
        peer.wait_for_end()

    with raw_server(script) as server, server.model().connect() as session:
        assert next(session.receive()).text == "early"
        session.close(timeout=0.1)


def test_a_failed_connect_leaves_no_thread():
    def script(peer: Peer) -> None:
        peer.read()
        peer.close(1011, "no")

    with script_server(script) as server:
        for _ in range(5):
            with pytest.raises(SetupRejectedError):
                server.model().connect()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("livesession")]


@pytest.mark.parametrize("url", ["ftp://host", "wss://", "wss://host:port", "host"])
def test_an_address_that_is_none_is_refused_before_anything_is_sent(url):
    with pytest.raises(ConfigurationError, match="WebSocket address"):
        model_at(url).connect()


def test_a_message_over_the_limit_ends_the_session_and_names_the_limit():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send({"serverContent": {"modelTurn": {"parts": [{"text": "small"}]}}})
        peer.send(b"x" * 2_000)
        peer.wait_for_end()

    options = SessionOptions(max_message_bytes=1_000)
    with script_server(script) as server, server.model(options=options).connect() as session:
        stream = session.receive()
        assert next(stream).text == "small"
        with pytest.raises(ConnectionClosedError, match=r"1,000 bytes.*max_message_bytes") as caught:
            next(stream)
    assert caught.value.code == 1009


def test_what_came_before_a_broken_frame_in_the_same_packet_is_delivered():
    said = frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"before"}]}}}')

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(said + frame(b"x", opcode=3))
        peer.wait_for_end()

    with raw_server(script) as server, server.model().connect() as session:
        stream = session.receive()
        assert next(stream).text == "before"
        with pytest.raises(ConnectionClosedError, match="reserved kind 3"):
            next(stream)


def test_a_message_of_20_megabytes_is_delivered():
    text = "x" * 20_000_000

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send({"serverContent": {"modelTurn": {"parts": [{"text": text}]}}})
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        assert len(next(session.receive()).text) == len(text)


def test_a_terabyte_announced_is_refused_at_once():
    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(b"\x82\x7f" + (1 << 40).to_bytes(8, "big") + b"x" * 100)
        peer.wait_for_end()

    with raw_server(script) as server, server.model().connect() as session:
        with pytest.raises(ConnectionClosedError, match="over the limit"):
            next(session.receive())


def test_connecting_from_many_threads_at_once_works():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.wait_for_end()

    with script_server(script) as server:
        model = server.model()
        for session in [worker.result() for worker in [InThread(model.connect) for _ in range(8)]]:
            session.close()
