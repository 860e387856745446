"""Sending (design section 2): whole frames from any thread, deadlines, and checks before the wire."""

from __future__ import annotations

import math
import threading

import numpy
import pytest

from livesession import (
    ConnectionClosedError,
    FirebaseAI,
    FunctionDeclaration,
    FunctionResponse,
    GenerativeContentBlob,
    InvalidRequestError,
    LiveGenerativeModel,
    Part,
    SendTimeout,
    SessionClosedError,
    SessionOptions,
)
from tests.kit.servers import Peer, RawPeer, raw_server, script_server
from tests.kit.waiting import PATIENCE, InThread

BIG = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(8_000_000))


def idle(peer: Peer) -> None:
    peer.accept()
    peer.wait_for_end()


class Deaf:
    """A server that reads nothing after the setup until it is let."""

    def __init__(self) -> None:
        self.leaving = threading.Event()

    def __call__(self, peer: RawPeer) -> None:
        peer.accept()
        self.leaving.wait(PATIENCE)


def until_refused(session) -> SendTimeout:
    """Sends until the other thread's message is in the way."""
    while True:
        try:
            session.send_text_realtime("x", timeout=0.2)
        except SendTimeout as error:
            return error


# Sends are whole.


def test_any_number_of_threads_may_send_and_messages_stay_whole():
    received: list[str] = []

    def script(peer: Peer) -> None:
        peer.accept()
        received.extend(peer.read()["realtimeInput"]["text"] for _ in range(400))
        peer.wait_for_end()

    def send(session, name: str) -> None:
        for number in range(100):
            session.send_text_realtime(f"{name} {number} " + name * 2_000)

    with script_server(script) as server, server.model().connect() as session:
        for worker in [InThread(lambda name=name: send(session, name)) for name in "abcd"]:
            worker.result()
    for name in "abcd":
        mine = [text for text in received if text[0] == name]
        assert mine == [f"{name} {number} " + name * 2_000 for number in range(100)]


def test_a_send_that_times_out_after_its_first_byte_ends_the_session():
    deaf = Deaf()
    with raw_server(deaf) as server:
        session = server.model().connect()
        with pytest.raises(SendTimeout) as caught:
            session.send_video_realtime(BIG, timeout=0.3)
        assert caught.value.session_ended
        assert session.is_closed
        with pytest.raises(ConnectionClosedError):
            session.send("more")
        with pytest.raises(ConnectionClosedError):
            next(session.receive())
        deaf.leaving.set()
        session.close()


def test_a_send_that_times_out_before_its_first_byte_leaves_the_session_alone():
    deaf = Deaf()
    with raw_server(deaf) as server:
        session = server.model().connect()
        stuck = InThread(lambda: session.send_video_realtime(BIG))
        caught = until_refused(session)
        assert not caught.session_ended
        assert not session.is_closed
        session.close(timeout=0.2)
        with pytest.raises(SessionClosedError):
            stuck.result()
        deaf.leaving.set()


def test_a_send_on_a_connection_that_the_server_closed_says_why():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.close(1011, "Internal error encountered.")

    with script_server(script) as server, server.model().connect() as session:
        with pytest.raises(ConnectionClosedError):
            list(session.receive())
        with pytest.raises(ConnectionClosedError, match="Internal error") as caught:
            session.send("x")
        assert caught.value.code == 1011


def test_a_message_of_many_megabytes_arrives_whole():
    sizes: list[int] = []

    def script(peer: Peer) -> None:
        peer.accept()
        sizes.append(len(peer.read()["realtimeInput"]["video"]["data"]))
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        session.send_video_realtime(BIG)
    assert sizes == [math.ceil(len(BIG.data) / 3) * 4]


def test_the_server_can_be_sent_to_while_nobody_receives():
    options = SessionOptions(inbox_bytes=1_000)
    heard = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        for _ in range(10):
            peer.send({"serverContent": {"modelTurn": {"parts": [{"text": "x" * 500}]}}})
        peer.read()
        heard.set()
        peer.wait_for_end()

    with script_server(script) as server, server.model(options=options).connect() as session:
        session.send("still there?", True)
        assert heard.wait(PATIENCE)


# Local checks before the wire.


REFUSED = {
    "audio with an image type": (
        lambda s: s.send_audio_realtime(GenerativeContentBlob(mime_type="image/png", data=b"x")),
        "send_video_realtime",
    ),
    "an image with an audio type": (
        lambda s: s.send_video_realtime(GenerativeContentBlob(mime_type="audio/pcm", data=b"x")),
        "send_audio_realtime",
    ),
    "activity start under automatic detection": (lambda s: s.send_activity_start(), "disabled=True"),
    "activity end under automatic detection": (lambda s: s.send_activity_end(), "disabled=True"),
    "a function response without an id": (
        lambda s: s.send_function_responses([FunctionResponse(name="f", response={})]),
        "'f' has no id",
    ),
    "a function response that is no object": (
        lambda s: s.send_function_responses([FunctionResponse(id="1", name="f", response=5)]),
        "'f' is a int",
    ),
    "no function responses": (lambda s: s.send_function_responses([]), "nothing to send"),
    "NaN": (lambda s: s.send_function_responses([FunctionResponse(id="1", response={"x": math.nan})]), "JSON"),
    "half a surrogate pair": (lambda s: s.send("\ud800", True), "JSON"),
    "an empty request": (lambda s: s.send(""), "empty"),
    "an empty text in a sequence": (lambda s: s.send([""]), "empty"),
    "an empty part": (lambda s: s.send(["a", Part()]), "empty"),
    "a part of empty text": (lambda s: s.send(Part(text=""), True), "empty"),
    "an empty realtime text": (lambda s: s.send_text_realtime(""), "empty"),
    "empty audio": (lambda s: s.send_audio_realtime(b""), "no bytes"),
}


@pytest.mark.parametrize(("action", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_the_server_would_refuse_is_refused_before_it_is_sent(action, words):
    heard: list[dict] = []

    def script(peer: Peer) -> None:
        peer.accept()
        heard.append(peer.read())
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        with pytest.raises(InvalidRequestError, match=words):
            action(session)
        session.send_text_realtime("the session goes on")
    assert heard == [{"realtimeInput": {"text": "the session goes on"}}]


def test_an_empty_text_beside_other_parts_is_left_out():
    heard: list[dict] = []

    def script(peer: Peer) -> None:
        peer.accept()
        heard.append(peer.read())
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        session.send(["", "what is said", ""])
    assert heard[0]["clientContent"]["turns"][0]["parts"] == [{"text": "what is said"}]


WRONG_TYPES = {
    "a number as a request": lambda s: s.send([5]),
    "an array in a request": lambda s: s.send(["what is this?", numpy.zeros(5)]),
    "text as audio": lambda s: s.send_audio_realtime("text"),
    "bytes as realtime text": lambda s: s.send_text_realtime(b"text"),
    "a dict as a function response": lambda s: s.send_function_responses([{"id": "1"}]),
}


@pytest.mark.parametrize("action", WRONG_TYPES.values(), ids=WRONG_TYPES.keys())
def test_a_wrong_python_type_is_a_type_error(action):
    with script_server(idle) as server, server.model().connect() as session:
        with pytest.raises(TypeError):
            action(session)


def test_a_back_end_that_does_not_require_ids_takes_answers_without_one():
    heard: list[dict] = []

    def script(peer: Peer) -> None:
        peer.accept()
        heard.append(peer.read())
        peer.wait_for_end()

    with script_server(script) as server:
        backend = FirebaseAI(api_key="k", project="p", base_url=server.url, proxy=False)
        with LiveGenerativeModel("m", backend=backend).connect() as session:
            session.send_function_responses([FunctionResponse(name="f", response={"output": False})])
    assert heard == [{"toolResponse": {"functionResponses": [{"name": "f", "response": {"output": False}}]}}]


def test_function_declarations_may_stand_alone_among_the_tools():
    setups: list[dict] = []

    def script(peer: Peer) -> None:
        setups.append(peer.accept())
        peer.wait_for_end()

    with script_server(script) as server:
        server.model(tools=[FunctionDeclaration(name="f"), FunctionDeclaration(name="g")]).connect().close()
    assert setups[0]["tools"] == [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]


# Pings.


def test_a_ping_is_answered_with_its_payload():
    answered = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        assert peer.websocket.ping(b"payload").wait(PATIENCE)
        answered.set()
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect():
        assert answered.wait(PATIENCE)


def test_a_ping_is_answered_while_a_message_is_stuck_on_the_way_out():
    received = bytearray()
    pinged = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(b"\x89\x02hi")
        pinged.wait(PATIENCE)
        while piece := peer.socket.recv(1 << 20):
            received.extend(piece)

    with raw_server(script) as server:
        session = server.model().connect()
        sender = InThread(lambda: session.send_video_realtime(BIG))
        pinged.set()
        sender.result()
        session.close(timeout=1)
    assert any(received[at] == 0x8A and received[at + 1] == 0x82 for at in range(len(received) - 1))
