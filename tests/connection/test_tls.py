"""Over TLS: both directions at once, whole frames, certificates that are checked."""

from __future__ import annotations

import base64
import json
import signal
import threading
import zlib

import pytest

from livesession import (
    ConfigurationError,
    ConnectError,
    GenerativeContentBlob,
    GoogleAI,
    LiveGenerativeModel,
    SendTimeout,
    SessionOptions,
)
from tests.kit.servers import Peer, RawPeer, raw_server, script_server
from tests.kit.waiting import PATIENCE, InThread

PER_SENDER = 150


def test_a_session_over_tls_answers(server_tls, client_tls):
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send({"serverContent": {"modelTurn": {"parts": [{"text": "secure"}]}, "turnComplete": True}})
        peer.wait_for_end()

    with script_server(script, server_tls) as server, server.model(ssl_context=client_tls).connect() as session:
        assert session.ask("x").text == "secure"


def blob(sender: int, number: int) -> GenerativeContentBlob:
    data = bytes((sender * 7 + number + place) % 251 for place in range(200 + 97 * (number % 300)))
    return GenerativeContentBlob(
        mime_type=f"audio/pcm;sender={sender};number={number};crc={zlib.crc32(data)}", data=data
    )


def test_three_senders_flat_out_while_the_server_pushes_keep_every_frame_whole(server_tls, client_tls):
    heard: dict[int, list[int]] = {0: [], 1: [], 2: []}
    all_heard = threading.Event()

    def push(peer: Peer) -> None:
        number = 0
        while not all_heard.is_set():
            text = f"{number} " + "y" * (number * 31 % 3_000)
            peer.send({"serverContent": {"modelTurn": {"parts": [{"text": f"{zlib.crc32(text.encode())} {text}"}]}}})
            number += 1
        peer.send({"serverContent": {"turnComplete": True}})

    def script(peer: Peer) -> None:
        peer.accept()
        pusher = InThread(lambda: push(peer))
        for _ in range(3 * PER_SENDER):
            message = peer.read()["realtimeInput"]["audio"]
            kind = dict(field.split("=") for field in message["mimeType"].split(";")[1:])
            data = base64.b64decode(message["data"])
            assert zlib.crc32(data) == int(kind["crc"])
            heard[int(kind["sender"])].append(int(kind["number"]))
        all_heard.set()
        pusher.result()
        peer.wait_for_end()

    def send(session, sender: int) -> None:
        for number in range(PER_SENDER):
            session.send_audio_realtime(blob(sender, number))

    with script_server(script, server_tls) as server, server.model(ssl_context=client_tls).connect() as session:
        senders = [InThread(lambda sender=sender: send(session, sender)) for sender in range(3)]
        pushed = [message.text for message in session.receive_turn(timeout=PATIENCE)][:-1]
        for sender in senders:
            sender.result()
    assert heard == {sender: list(range(PER_SENDER)) for sender in range(3)}
    for number, text in enumerate(pushed):
        crc, _, rest = text.partition(" ")
        assert int(crc) == zlib.crc32(rest.encode())
        assert rest.startswith(f"{number} ")


def test_a_certificate_that_nobody_vouches_for_is_refused(server_tls):
    with script_server(lambda peer: peer.accept(), server_tls) as server:
        with pytest.raises(ConnectError, match=r"certificate of localhost.*ca_file") as caught:
            server.model().connect()
    assert not caught.value.retryable


def test_a_ca_file_vouches_for_a_server(server_tls, authority, tmp_path):
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    def script(peer: Peer) -> None:
        peer.accept()
        peer.wait_for_end()

    with script_server(script, server_tls) as server:
        backend = GoogleAI(api_key="k", base_url=server.url, proxy=False, ca_file=str(tmp_path / "ca.pem"))
        LiveGenerativeModel("m", backend=backend).connect().close()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_read_is_named(server_tls, tmp_path, content):
    path = tmp_path / "mine.pem"
    if content:
        path.write_text(content)
    with script_server(lambda peer: None, server_tls) as server:
        backend = GoogleAI(api_key="k", base_url=server.url, proxy=False, ca_file=str(path))
        with pytest.raises(ConfigurationError, match=r"mine.pem' cannot be read.*ca_file"):
            LiveGenerativeModel("m", backend=backend).connect()


def test_ssl_cert_file_of_the_environment_vouches_for_a_server(server_tls, authority, tmp_path, monkeypatch):
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    def script(peer: Peer) -> None:
        peer.accept()
        peer.wait_for_end()

    with script_server(script, server_tls) as server:
        server.model().connect().close()


def test_tls_with_a_server_that_has_none_is_explained():
    with script_server(lambda peer: peer.accept()) as server:
        backend = GoogleAI(api_key="k", base_url=server.url.replace("ws:", "wss:"), proxy=False)
        with pytest.raises(ConnectError, match="TLS"):
            LiveGenerativeModel("m", backend=backend).connect()


def test_a_large_message_over_tls_is_delivered_whole(server_tls, client_tls):
    text = "x" * 5_000_000

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(json.dumps({"serverContent": {"modelTurn": {"parts": [{"text": text}]}}}).encode())
        peer.wait_for_end()

    with script_server(script, server_tls) as server, server.model(ssl_context=client_tls).connect() as session:
        assert next(session.receive()).text == text


def test_a_send_over_tls_that_was_refused_whole_ends_the_session_because_openssl_keeps_it(server_tls, client_tls):
    leaving = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        leaving.wait(PATIENCE)

    def send_until_refused(session) -> None:
        while True:
            session.send_text_realtime("a" * 9_000, timeout=0.2)

    with raw_server(script, server_tls) as server:
        session = server.model(ssl_context=client_tls).connect()
        with pytest.raises(SendTimeout) as caught:
            send_until_refused(session)
        assert caught.value.session_ended
        assert session.is_closed
        leaving.set()
        session.close()


def test_an_attempt_that_is_given_up_during_the_tls_handshake_ends_at_once():
    leaving = threading.Event()

    def connect(server) -> None:
        backend = GoogleAI(api_key="k", base_url=server.url.replace("ws:", "wss:"), proxy=False)
        LiveGenerativeModel("m", backend=backend, options=SessionOptions(connect_timeout=60)).connect()

    def script(peer: RawPeer) -> None:
        peer.socket.recv(65536)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        leaving.wait(PATIENCE)

    with raw_server(script) as server:
        with pytest.raises(KeyboardInterrupt):
            connect(server)
        [thread] = [each for each in threading.enumerate() if each.name == "livesession-connect"] or [None]
        if thread is not None:
            thread.join(5)
            assert not thread.is_alive()
        leaving.set()
