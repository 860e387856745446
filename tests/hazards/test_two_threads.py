"""One socket under a reader and writers: peers.md 0.1 (W1 to W5), transport.md section 3 ("Timeouts", "Close")."""

from __future__ import annotations

import socket
import threading

import pytest

from livesession import (
    ConnectionClosedError,
    GenerativeContentBlob,
    LiveSessionError,
    ReceiveTimeout,
    SendTimeout,
    SessionClosedError,
)
from tests.hazards.common import PATIENCE, client_frames, everything, idle, said
from tests.kit.faults import fault_proxy
from tests.kit.servers import Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import InThread

pytestmark = pytest.mark.slow

BIG = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(12_000_000))
SAID = frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"said"}]}}}')


def test_a_timeout_of_receive_is_not_one_of_send():
    """W3: the one socket timeout of websocket-client tears the message of whoever sends at the time."""
    data = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(1_500_000))
    heard: list[int] = []

    def script(peer: Peer) -> None:
        peer.accept()
        heard.append(len(peer.read()["realtimeInput"]["video"]["data"]))
        peer.send(said("got it"))
        peer.wait_for_end()

    with script_server(script) as server, fault_proxy(server) as proxy, proxy.model().connect() as session:
        proxy.to_server.throttle(5_000_000)
        sender = InThread(lambda: session.send_video_realtime(data))
        stream, timeouts, text = session.receive(timeout=0.01), 0, None
        while text is None:
            try:
                text = next(stream).text
            except ReceiveTimeout:
                timeouts += 1
        sender.result()
    assert (text, heard) == ("got it", [2_000_000])
    assert timeouts > 3


def test_nothing_follows_a_torn_frame_on_the_wire():
    """W3: the next send would be read as payload of the torn frame, and be reported as sent."""
    torn, received = threading.Event(), bytearray()

    def script(peer: RawPeer) -> None:
        peer.accept()
        torn.wait(PATIENCE)
        while piece := peer.socket.recv(1 << 20):
            received.extend(piece)

    with raw_server(script) as server:
        session = server.model().connect()
        with pytest.raises(SendTimeout) as caught:
            session.send_video_realtime(BIG, timeout=0.2)
        for _ in range(3):
            with pytest.raises(SessionClosedError):
                session.send("this would be swallowed", True)
        session.close()
        torn.set()
    assert caught.value.session_ended
    declared = int.from_bytes(received[2:10], "big")
    assert received[1] == 0x80 | 127
    assert 100_000 < len(received) < 14 + declared


def test_what_arrives_while_a_sender_is_stuck_is_delivered():
    """W4: a reader that answers pings under the send lock would wait for the sender."""
    leaving = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.recv(1_000)  # the message has begun, and nobody reads its rest
        peer.socket.sendall((frame(b"ping", 9) + SAID) * 50)
        leaving.wait(PATIENCE)

    with raw_server(script) as server:
        session = server.model().connect()
        sender = InThread(lambda: session.send_video_realtime(BIG))
        stream = session.receive(timeout=PATIENCE)
        assert [next(stream).text for _ in range(50)] == ["said"] * 50
        assert sender.thread.is_alive()
        session.close(timeout=0.1)
        with pytest.raises(SessionClosedError):
            sender.result()
        leaving.set()


def test_an_empty_message_is_not_taken_for_the_end():
    """W5: websocket-client's recv() gives an empty string for both."""

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send("", b"", said("after"))
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        stream, problems = session.receive(timeout=PATIENCE), []
        for _ in range(2):
            with pytest.raises(LiveSessionError) as caught:
                next(stream)
            problems.append(caught.value)
        assert next(stream).text == "after"
        assert not any(isinstance(problem, ConnectionClosedError) for problem in problems)


def raw_bytes_after(action, *frames: bytes) -> bytes:
    """Sends frames to a session, does something with it, and gives all bytes that it sends to its end."""
    received, said_all = bytearray(), []

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(b"".join(frames))
        while piece := peer.socket.recv(65536):
            received.extend(piece)
            if any(opcode == 8 for opcode, _, _ in client_frames(received)) and not said_all:
                said_all.append(True)
                peer.socket.sendall(b"" if frames else frame(b"\x03\xe8", 8))
                peer.socket.shutdown(socket.SHUT_WR)  # and reads on, for what should not come

    with raw_server(script) as server:
        session = server.model().connect()
        action(session)
        session.close()
    return bytes(received)


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 4001])
def test_the_answer_to_a_close_frame_has_its_code_and_is_the_only_one(code):
    """W5: websocket-client always answers 1000, and close() sends a second frame."""
    sent = raw_bytes_after(lambda session: everything(session.receive()), frame(code.to_bytes(2, "big") + b"why", 8))
    assert [(opcode, data[:2]) for opcode, _, data in client_frames(sent)] == [(8, code.to_bytes(2, "big"))]


def test_a_close_frame_without_a_code_is_answered_with_one_without():
    sent = raw_bytes_after(lambda session: everything(session.receive()), frame(b"", 8))
    assert [(opcode, data) for opcode, _, data in client_frames(sent)] == [(8, b"")]


def test_close_sends_one_close_frame_even_if_the_server_answers():
    """Transport 3: a reader that answers by itself makes it two, 4001 and then 1000."""
    sent = raw_bytes_after(lambda session: session.send_text_realtime("x"))
    assert [opcode for opcode, _, _ in client_frames(sent)] == [1, 8]


def test_frames_of_the_client_are_masked_each_with_a_mask_of_its_own():
    sent = raw_bytes_after(lambda session: [session.send_text_realtime("x" * size) for size in (1, 200, 70_000)])
    masks = [mask for _, mask, _ in client_frames(sent)]
    assert len(masks) == 4
    assert len(set(masks)) == 4


@pytest.mark.parametrize("end", ["drop", "reset"])
def test_senders_meet_a_lost_connection_as_its_documented_error(end):
    """Transport 3: at the end of the stream websocket-client closes the socket under the writers' feet (EBADF)."""
    sent = threading.Barrier(4)

    def send_to_the_end(session) -> LiveSessionError:
        session.send_audio_realtime(bytes(640))
        sent.wait(PATIENCE)
        while True:
            try:
                session.send_audio_realtime(bytes(640))
            except LiveSessionError as error:
                return error

    with script_server(idle) as server, fault_proxy(server) as proxy, proxy.model().connect() as session:
        senders = [InThread(lambda: send_to_the_end(session)) for _ in range(3)]
        sent.wait(PATIENCE)
        [link] = proxy.links
        link.cut() if end == "drop" else link.reset()
        errors = [sender.result() for sender in senders]
        assert everything(session.receive())[1] is not None
    assert {type(error) for error in errors} == {ConnectionClosedError}
    assert {(error.code, error.origin, error.retryable) for error in errors} == {(1006, "network", True)}
