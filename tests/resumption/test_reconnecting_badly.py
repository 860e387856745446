"""What goes wrong while a session is being resumed: nobody hangs, nothing is doubled, nothing goes on for ever."""

from __future__ import annotations

import json
import logging
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from livesession import (
    AutomaticActivityDetection,
    ConfigurationError,
    ConnectionClosedError,
    GenerativeContentBlob,
    GoogleAI,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveServerGoingAwayNotice,
    LiveSession,
    LiveSessionResumed,
    RealtimeInputConfig,
    ReceiveTimeout,
    ResumptionError,
    ResumptionPolicy,
    SendTimeout,
    SessionClosedError,
    SessionOptions,
    SessionResumptionConfig,
    VertexAI,
    receive_any,
)
from livesession.resumption.attempt import ConnectionAttempt
from tests.kit.inside import core_of, writer_busy
from tests.kit.servers import PATIENCE, Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import InThread, wait_until

QUICK = ResumptionPolicy(first_delay=0.01, longest_delay=0.05, budget=5)
HANDLE = {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}}


def said(text: str, **more: object) -> dict:
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}, **more}}


def connect(server, policy: ResumptionPolicy = QUICK, *, transparent: bool = False, **options: object) -> LiveSession:
    model = server.model(options=SessionOptions(resumption=policy, close_timeout=1, **options))
    return model.connect(session_resumption=SessionResumptionConfig(transparent=transparent or None))


def resumed(session: LiveSession) -> LiveSessionResumed:
    return next(each for each in session.receive(timeout=PATIENCE) if isinstance(each, LiveSessionResumed))


class HeldKey:
    """A key that is to be had at once for the first connection, and when it is released for those that follow."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.release = threading.Event()
        self._first = threading.Semaphore(1)

    def __call__(self) -> str:
        if not self._first.acquire(blocking=False):
            self.asked.set()
            self.release.wait(PATIENCE)
        return "key"


class Connections:
    """Plays another script for each connection; the last one again for those that follow."""

    def __init__(self, *scripts) -> None:
        self.scripts = list(scripts)
        self.setups: list[dict] = []
        self._lock = threading.Lock()

    def __call__(self, peer: Peer) -> None:
        setup = peer.read()["setup"]["sessionResumption"]
        with self._lock:
            self.setups.append(setup)
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        script(peer)


def accept(peer: Peer) -> None:
    peer.send({"setupComplete": {}}, HANDLE)


def heard_and_lost(peer: Peer) -> None:
    """Hears one message, and drops the connection."""
    accept(peer)
    peer.read()
    peer.drop()


def stays(peer: Peer) -> None:
    accept(peer)
    peer.wait_for_end()


def refuses(peer: Peer) -> None:
    peer.close(1011, "Internal error encountered.")


@pytest.mark.parametrize("consume", [lambda s: s.receive(timeout=0.5), lambda s: receive_any([s], timeout=0.5)])
def test_pongs_do_not_put_off_the_time_limit_of_a_consumer(consume):
    leaving = threading.Event()

    def script(peer) -> None:
        peer.accept()
        while not leaving.wait(0.1):
            peer.socket.sendall(frame(b"", 10))

    with raw_server(script) as server:
        session = server.model(options=SessionOptions(close_timeout=0.1)).connect()
        waiting = InThread(lambda: next(consume(session)))
        with pytest.raises(ReceiveTimeout):
            waiting.result()
        leaving.set()
        session.close()


def test_a_permanent_end_after_a_going_away_notice_is_not_resumed():
    def script(peer: Peer) -> None:
        peer.send({"setupComplete": {}}, HANDLE, said("never ends"), {"goAway": {"timeLeft": "60s"}})
        peer.read()
        peer.close(1007, "Request contains an invalid argument.")

    connections = Connections(script)
    with script_server(connections) as server:
        session = connect(server)
        stream = session.receive(timeout=PATIENCE)
        for message in stream:
            if type(message).__name__ == "LiveServerGoingAwayNotice":
                break
        session.send_text_realtime("x")
        with pytest.raises(ConnectionClosedError, match="1007"):
            list(stream)
        session.close()
        assert not [thread for thread in threading.enumerate() if thread.name == "livesession-resume"]
    assert len(connections.setups) == 1


def test_a_setup_that_is_accepted_too_late_changes_nothing():
    def late(peer: Peer) -> None:
        threading.Event().wait(0.35)
        accept(peer)
        peer.wait_for_end()

    with script_server(Connections(heard_and_lost, late, stays)) as server:
        with connect(server, setup_timeout=0.2) as session:
            session.send_text_realtime("x")
            news = [each for each in receive_for(session, 1.0) if isinstance(each, LiveSessionResumed)]
            assert len(news) == 1
            session.send_text_realtime("it is open")


def receive_for(session: LiveSession, seconds: float) -> list:
    received, end = [], time.monotonic() + seconds
    stream = session.receive(timeout=seconds)
    while (stream and time.monotonic() < end) and not any(isinstance(each, LiveSessionResumed) for each in received):
        received.append(next(stream))
    return received


def test_a_policy_that_fails_ends_the_session_and_releases_everybody():
    def fail(error: Exception) -> bool:
        raise KeyError("the user's own fault")

    with script_server(Connections(heard_and_lost, refuses)) as server:
        session = connect(server, ResumptionPolicy(retryable=fail))
        consumer = InThread(lambda: list(session.receive()))
        session.send_text_realtime("x")
        with pytest.raises(ResumptionError, match="own fault"):
            consumer.result()
        with pytest.raises(ResumptionError):
            session.send_text_realtime("y")
        session.close()


def test_a_connection_that_is_lost_before_connect_has_returned_is_replaced():
    def lost_at_once(peer: Peer) -> None:
        accept(peer)
        peer.drop()

    for _ in range(5):
        with script_server(Connections(lost_at_once, stays)) as server, connect(server) as session:
            assert resumed(session).state_restored
            session.send_text_realtime("it is open")


def test_resuming_by_hand_on_a_going_away_notice_makes_one_connection():
    def goes(peer: Peer) -> None:
        peer.send({"setupComplete": {}}, HANDLE, said("in the middle"), {"goAway": {"timeLeft": "60s"}})
        peer.wait_for_end()

    connections = Connections(goes, stays)
    with script_server(connections) as server, connect(server) as session:
        for message in session.receive(timeout=PATIENCE):
            if type(message).__name__ == "LiveServerGoingAwayNotice":
                break
        session.resume_session()
        resumed(session)
        wait_until(lambda: not [t for t in threading.enumerate() if t.name == "livesession-resume"])
        assert len(connections.setups) == 2


def test_resuming_by_hand_sends_again_what_was_not_consumed():
    heard: list[str] = []

    def first(peer: Peer) -> None:
        accept(peer)
        for _ in range(2):
            peer.read()
        peer.wait_for_end()

    def second(peer: Peer) -> None:
        accept(peer)
        heard.extend(peer.read()["realtimeInput"]["text"] for _ in range(2))
        peer.wait_for_end()

    with script_server(Connections(first, second)) as server, connect(server, transparent=True) as session:
        next(session.receive(timeout=PATIENCE))
        for text in ("one", "two"):
            session.send_text_realtime(text)
        session.resume_session()
        assert resumed(session).lost == ()
        wait_until(lambda: len(heard) == 2)
    assert heard == ["one", "two"]


def test_an_update_without_a_number_stands_for_nothing_consumed():
    heard: list[str] = []

    def first(peer: Peer) -> None:
        accept(peer)
        peer.send(said("a turn", turnComplete=True))
        peer.read()
        peer.send(said("another", turnComplete=True), HANDLE)
        peer.drop()

    def second(peer: Peer) -> None:
        accept(peer)
        heard.append(peer.read()["realtimeInput"]["text"])
        peer.wait_for_end()

    with script_server(Connections(first, second)) as server, connect(server, transparent=True) as session:
        session.send_text_realtime("one")
        resumed(session)
        wait_until(lambda: heard)
    assert heard == ["one"]


def test_a_server_that_is_gone_for_good_is_not_begun_anew_without_end():
    def lost_at_once(peer: Peer) -> None:
        accept(peer)
        peer.drop()

    connections = Connections(heard_and_lost, lost_at_once)
    policy = ResumptionPolicy(attempts=2, first_delay=0.01, budget=2, fresh_session=True)
    with script_server(connections) as server:
        session = connect(server, policy)
        session.send_text_realtime("x")
        with pytest.raises(ResumptionError):
            list(session.receive(timeout=PATIENCE))
        session.close()
    assert len(connections.setups) <= 5


def test_a_fresh_session_forgets_the_handle_of_the_old_one():
    def gone(peer: Peer) -> None:
        peer.close(1008, "BidiGenerateContent session not found")

    def no_handle(peer: Peer) -> None:
        peer.send({"setupComplete": {}})
        peer.wait_for_end()

    policy = ResumptionPolicy(first_delay=0.01, fresh_session=True)
    with script_server(Connections(heard_and_lost, gone, no_handle)) as server, connect(server, policy) as session:
        session.send_text_realtime("x")
        assert not resumed(session).state_restored
        assert session.resumption_handle is None


def test_closing_while_the_network_is_away_keeps_the_handle_though_a_fresh_session_was_allowed():
    policy = ResumptionPolicy(first_delay=30, fresh_session=True)
    connections = Connections(heard_and_lost, stays)
    with script_server(connections) as server:
        session = connect(server, policy)
        wait_until(lambda: session.resumption_handle == "h")
        session.send_text_realtime("x")
        wait_until(lambda: any(thread.name == "livesession-resume" for thread in threading.enumerate()))
        session.close()
        wait_until(lambda: not any(thread.name == "livesession-resume" for thread in threading.enumerate()))
        assert session.resumption_handle == "h"
    assert len(connections.setups) == 1


def test_a_full_inbox_does_not_keep_a_session_from_being_resumed():
    def flood(peer: Peer) -> None:
        accept(peer)
        peer.send(*[said("x" * 2_000)] * 20)
        peer.drop()

    with script_server(Connections(flood, stays)) as server:
        with connect(server, inbox_bytes=10_000) as session:
            assert isinstance(resumed(session), LiveSessionResumed)


def test_close_releases_the_consumer_although_a_key_is_being_asked_for():
    key = HeldKey()
    with script_server(Connections(heard_and_lost, stays)) as server:
        backend = GoogleAI(api_key=key, base_url=server.url, proxy=False)
        model = LiveGenerativeModel("m", backend=backend, options=SessionOptions(resumption=QUICK))
        session = model.connect(session_resumption=SessionResumptionConfig())
        consumer = InThread(lambda: list(session.receive()))
        wait_until(lambda: session.resumption_handle is not None)
        session.send_text_realtime("x")
        assert key.asked.wait(PATIENCE)
        session.close(timeout=0.2)
        consumer.result()
        key.release.set()


def test_a_key_that_cannot_be_had_for_a_moment_is_asked_for_again():
    answers = iter(["key", OSError("the vault is away"), "key"])

    def key() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    with script_server(Connections(heard_and_lost, stays)) as server:
        backend = GoogleAI(api_key=key, base_url=server.url, proxy=False)
        model = LiveGenerativeModel("m", backend=backend, options=SessionOptions(resumption=QUICK))
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            session.send_text_realtime("x")
            assert resumed(session).attempts == 2


@pytest.mark.parametrize(
    "notices",
    [
        [HANDLE, said("never ends"), {"goAway": {"timeLeft": "60s"}}, {"goAway": {"timeLeft": "0.2s"}}],
        [{"goAway": {"timeLeft": "60s"}}, HANDLE],
    ],
    ids=["a second one with less time", "one before the first handle"],
)
def test_a_going_away_notice_is_heeded(notices):
    def goes(peer: Peer) -> None:
        peer.send({"setupComplete": {}}, *notices)
        peer.wait_for_end()

    with script_server(Connections(goes, stays)) as server, connect(server) as session:
        assert resumed(session).state_restored


def test_an_answer_that_is_given_once_more_is_not_taken_for_the_next_one():
    """The connection is lost between the end of an answer and the handle that would have stood for it."""
    done = {"serverContent": {"turnComplete": True}}

    def first(peer: Peer) -> None:
        accept(peer)
        peer.read()
        peer.send(said("answer to one"), done)
        peer.drop()

    def second(peer: Peer) -> None:
        accept(peer)
        for number in ("one", "two"):
            assert peer.read()["clientContent"]["turns"][0]["parts"][0]["text"] == number
            peer.send(said(f"answer to {number}"), done)
        peer.wait_for_end()

    with script_server(Connections(first, second)) as server, connect(server, transparent=True) as session:
        wait_until(lambda: session.resumption_handle is not None)
        assert session.ask("one", timeout=PATIENCE).text == "answer to one"
        assert session.ask("two", timeout=PATIENCE).text == "answer to two"


def test_what_the_server_says_while_it_is_closed_is_delivered_though_it_goes_away():
    def raw(peer) -> None:
        peer.accept()
        for message in (HANDLE, said("never ends"), {"goAway": {"timeLeft": "60s"}}):
            peer.socket.sendall(frame(json.dumps(message).encode()))
        peer.socket.recv(100)  # the close frame
        peer.socket.sendall(frame(json.dumps(said("last words")).encode()) + frame(b"\x03\xe8", 8))
        peer.wait_for_end()

    with raw_server(raw) as server:
        session = connect(server)
        stream = session.receive(timeout=PATIENCE)
        for message in stream:
            if type(message).__name__ == "LiveServerGoingAwayNotice":
                break
        session.close(timeout=1)
        assert [message.text for message in stream] == ["last words"]


def test_close_releases_the_consumer_while_another_thread_resumes_by_hand():
    key = HeldKey()
    with script_server(Connections(stays)) as server:
        backend = GoogleAI(api_key=key, base_url=server.url, proxy=False)
        model = LiveGenerativeModel("m", backend=backend, options=SessionOptions(resumption=QUICK))
        session = model.connect(session_resumption=SessionResumptionConfig())
        wait_until(lambda: session.resumption_handle is not None)
        consumer = InThread(lambda: list(session.receive()))
        resuming = InThread(session.resume_session)
        assert key.asked.wait(PATIENCE)
        session.close(timeout=0.2)
        consumer.result()
        key.release.set()
        with pytest.raises((SessionClosedError, ResumptionError)):
            resuming.result()


def test_each_loss_has_its_own_budget():
    """A short one must not be used up while the new connection stands."""

    def lost_later(peer: Peer) -> None:
        accept(peer)
        threading.Event().wait(0.4)
        peer.drop()

    with script_server(Connections(heard_and_lost, lost_later, stays)) as server:
        with connect(server, ResumptionPolicy(first_delay=0.01, budget=0.3)) as session:
            session.send_text_realtime("x")
            assert resumed(session).attempts == 1
            assert resumed(session).state_restored


def test_a_going_away_notice_does_not_part_an_utterance_while_there_is_time():
    said_so, heard = threading.Event(), []

    def goes(peer: Peer) -> None:
        accept(peer)
        heard.extend(peer.read()["realtimeInput"])
        peer.send({"goAway": {"timeLeft": "60s"}})
        assert said_so.wait(PATIENCE)
        for _ in range(2):
            heard.extend(peer.read()["realtimeInput"])
        peer.send(said("understood", turnComplete=True), HANDLE)
        peer.wait_for_end()

    manual = RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))
    with script_server(Connections(goes, stays)) as server:
        config = LiveGenerationConfig(realtime_input_config=manual)
        options = SessionOptions(resumption=QUICK, close_timeout=1)
        model = server.model(generation_config=config, options=options)
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            session.send_activity_start()
            for message in session.receive(timeout=PATIENCE):
                if isinstance(message, LiveServerGoingAwayNotice):
                    break
            with pytest.raises(ReceiveTimeout):  # and not the news that it has another connection
                next(session.receive(timeout=0.2))
            session.send_audio_realtime(bytes(640))
            session.send_activity_end()
            said_so.set()
            assert resumed(session).lost == ()
    assert heard == ["activityStart", "audio", "activityEnd"]


def service_account(token_uri: str) -> str:
    """A file of Google default credentials."""
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    kind = {"type": "service_account", "project_id": "p", "private_key_id": "1", "client_email": "a@p"}
    return json.dumps({**kind, "private_key": pem, "token_uri": token_uri})


def test_default_credentials_that_cannot_be_refreshed_for_a_moment_are_asked_for_again(tmp_path, monkeypatch):
    requests: list[bytes] = []

    def tokens(peer: RawPeer) -> None:
        requests.append(peer.read_request())
        if len(requests) == 2:
            return  # the network fails
        peer.answer("200 OK", b'{"access_token": "t", "expires_in": 1}', "Content-Type: application/json")

    path = tmp_path / "credentials.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.setenv("no_proxy", "*")
    with raw_server(tokens) as vault, script_server(Connections(heard_and_lost, stays)) as server:
        path.write_text(service_account(vault.url.replace("ws", "http")))
        backend = VertexAI(project="p", location="us-central1", base_url=server.url, proxy=False)
        model = LiveGenerativeModel("m", backend=backend, options=SessionOptions(resumption=QUICK))
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            session.send_text_realtime("x")
            assert resumed(session).attempts == 2
    assert len(requests) == 3


READY = frame(b'{"setupComplete":{}}') + frame(
    b'{"sessionResumptionUpdate":{"newHandle":"h","resumable":true,"lastConsumedClientMessageIndex":"0"}}'
)
MUCH = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(3_200_000))
ALL_OF_IT = 3 * 4_266_668  # bytes of three such, in Base64; more than lies between two sockets


class Full:
    """Takes all that the first connection brings, and drops it; takes nothing of what the second one sends first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds  # that the second one lasts
        self.count = 0
        self.drop = threading.Event()
        self.leave = threading.Event()

    def __call__(self, peer: RawPeer) -> None:
        self.count += 1
        peer.upgrade()
        peer.socket.recv(65536)
        peer.socket.sendall(READY)
        if self.count == 1:
            taken = 0
            while taken < ALL_OF_IT:
                taken += len(peer.socket.recv(1 << 20))
            self.drop.wait(PATIENCE)
        elif self.count == 2:
            self.leave.wait(self._seconds)
        else:
            peer.wait_for_end()

    def lose(self, session: LiveSession) -> None:
        """Lets a session send a lot, and drops its connection."""
        wait_until(lambda: session.resumption_handle is not None)
        for _ in range(3):
            session.send_video_realtime(MUCH, timeout=PATIENCE)
        self.drop.set()


def test_what_is_sent_first_on_a_new_connection_counts_in_the_budget():
    full = Full(seconds=2)
    with raw_server(full) as server:
        session = connect(server, ResumptionPolicy(budget=0.7, first_delay=0.01), transparent=True)
        full.lose(session)
        with pytest.raises(ResumptionError, match="takes nothing"):
            list(session.receive(timeout=PATIENCE))
        full.leave.set()
        session.close()
    assert full.count == 2


def test_a_connection_that_follows_one_that_took_nothing_is_not_replaced_once_more(monkeypatch):
    """Though the reader thread, which tells of ends, is quicker than who leaves the connection that took nothing."""
    detach = ConnectionAttempt.detach
    monkeypatch.setattr(ConnectionAttempt, "detach", lambda self: (threading.Event().wait(0.05), detach(self)))
    full = Full(seconds=0.5)
    with raw_server(full) as server:
        session = connect(server, transparent=True, send_timeout=0.2)
        full.lose(session)
        assert [resumed(session).attempts for _ in range(2)] == [1, 2]
        wait_until(lambda: not [t for t in threading.enumerate() if t.name == "livesession-resume"])
        session.close(timeout=0.1)
    assert full.count == 3


def test_the_budget_holds_for_the_whole_though_a_fresh_session_is_tried():
    leave, asked = threading.Event(), []

    def hole(peer: RawPeer) -> None:
        if not asked:
            peer.accept()
            peer.socket.sendall(frame(json.dumps(HANDLE).encode()))
            asked.append(peer.socket.recv(100))
            return
        leave.wait(PATIENCE)

    with raw_server(hole) as server:
        session = connect(server, ResumptionPolicy(budget=1.2, first_delay=0.01, fresh_session=True))
        wait_until(lambda: session.resumption_handle is not None)
        start = time.monotonic()
        session.send_text_realtime("x")
        with pytest.raises(ResumptionError, match="Attempts made: 2"):
            list(session.receive(timeout=PATIENCE))
        assert time.monotonic() - start < 2.2  # not twice as long
        leave.set()
        session.close()


def test_a_session_of_another_process_that_is_lost_before_its_first_update_is_resumed_by_the_handle_given():
    def without_handle(peer: Peer) -> None:
        peer.send({"setupComplete": {}})
        peer.read()
        peer.drop()

    connections = Connections(without_handle, stays)
    with script_server(connections) as server:
        model = server.model(options=SessionOptions(resumption=QUICK, close_timeout=1))
        with model.connect(session_resumption=SessionResumptionConfig(handle="from elsewhere")) as session:
            assert session.resumption_handle == "from elsewhere"
            session.send_text_realtime("x")
            assert resumed(session).state_restored
    assert [setup["handle"] for setup in connections.setups] == ["from elsewhere"] * 2


def test_the_history_of_attempts_has_also_those_that_were_lost_at_once():
    def lost_at_once(peer: Peer) -> None:
        accept(peer)
        peer.drop()

    connections = Connections(heard_and_lost, lost_at_once)
    with script_server(connections) as server:
        session = connect(server, ResumptionPolicy(attempts=3, first_delay=0.01, longest_delay=0.02))
        session.send_text_realtime("x")
        with pytest.raises(ResumptionError, match="Attempts made: 3") as caught:
            list(session.receive(timeout=PATIENCE))
        session.close()
    assert len(caught.value.attempts) == 3
    assert len(connections.setups) == 4


def test_sending_after_a_resumption_by_hand_that_failed_says_why():
    def gone(peer: Peer) -> None:
        peer.close(1008, "BidiGenerateContent session not found")

    with script_server(Connections(stays, gone)) as server:
        session = connect(server)
        wait_until(lambda: session.resumption_handle is not None)
        with pytest.raises(ResumptionError, match="session not found"):
            session.resume_session()
        for send in (session.send_text_realtime, session.ask):
            with pytest.raises(ResumptionError, match="session not found"):
                send("x")
        with pytest.raises(ResumptionError, match="session not found"):
            list(session.receive(timeout=PATIENCE))
        session.close()


def test_an_utterance_whose_start_could_not_be_sent_has_not_begun():
    detection = AutomaticActivityDetection(disabled=True)
    config = LiveGenerationConfig(realtime_input_config=RealtimeInputConfig(automatic_activity_detection=detection))
    with script_server(stays) as server, server.model(generation_config=config).connect() as session:
        with writer_busy(session), pytest.raises(SendTimeout):
            InThread(lambda: session.send_activity_start(timeout=0.05)).result()
        assert not core_of(session).state.user.is_speaking


def test_a_question_that_could_not_be_sent_does_not_make_the_next_one_a_history():
    with script_server(stays) as server, server.model().connect() as session:
        with writer_busy(session), pytest.raises(SendTimeout):
            InThread(lambda: session.send("x", turn_complete=True, timeout=0.05)).result()
        assert not core_of(session).state.user.is_seeding


@pytest.mark.parametrize(
    "field", [{"attempts": 2.5}, {"jitter": "x"}, {"jitter": float("nan")}, {"retryable": None}], ids=str
)
def test_a_policy_that_cannot_be_followed_is_refused_at_once(field):
    with pytest.raises(ConfigurationError, match=next(iter(field))):
        ResumptionPolicy(**field)


def test_close_keeps_its_time_while_the_reader_is_held_up_and_the_connection_is_being_replaced(monkeypatch):
    """Its waits must not add up. A busy machine may make one time too long, but not each of them."""
    assert any(time_to_close(monkeypatch, 0.2) < 0.8 for _ in range(4))


def time_to_close(monkeypatch, timeout: float) -> float:
    held, release, closing = threading.Event(), threading.Event(), threading.Event()

    def hold(record: logging.LogRecord) -> bool:
        if "strange" in record.getMessage():
            held.set()
            release.wait(PATIENCE)
        return True

    def strange(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send({"strange": {}})
        peer.wait_for_end()

    def goes(peer: RawPeer) -> None:
        peer.accept()
        for message in (HANDLE, said("never ends"), {"goAway": {"timeLeft": "0.3s"}}):
            peer.socket.sendall(frame(json.dumps(message).encode()))
        peer.socket.recv(100)  # the close frame
        closing.set()
        peer.wait_for_end()

    monkeypatch.setattr(logging.getLogger("livesession"), "filters", [hold])
    with script_server(strange) as one, raw_server(goes) as another:
        other = one.model(options=SessionOptions(on_unsupported="warn", close_timeout=0.1)).connect()
        session = connect(another)
        for message in session.receive(timeout=PATIENCE):
            if isinstance(message, LiveServerGoingAwayNotice):
                break
        other.send_text_realtime("go")
        assert held.wait(PATIENCE)
        assert closing.wait(PATIENCE)
        start = time.monotonic()
        session.close(timeout=timeout)
        taken = time.monotonic() - start
        release.set()
        other.close()
    return taken


def test_a_connection_that_ends_after_a_going_away_notice_is_replaced_at_once_though_a_turn_goes_on():
    def goes(peer: Peer) -> None:
        accept(peer)
        peer.send(said("never ends"), {"goAway": {"timeLeft": "60s"}})
        peer.read()
        peer.drop()

    with script_server(Connections(goes, stays)) as server, connect(server) as session:
        next(each for each in session.receive() if isinstance(each, LiveServerGoingAwayNotice))
        wait_until(lambda: any(thread.name == "livesession-resume" for thread in threading.enumerate()))
        session.send_text_realtime("go")
        assert resumed(session).downtime < 5
        assert not session.is_closed


def test_a_going_away_notice_of_a_few_seconds_waits_for_the_end_of_the_turn_as_well():
    def goes(peer: Peer) -> None:
        accept(peer)
        peer.send(said("one "), {"goAway": {"timeLeft": "4s"}})
        with pytest.raises(TimeoutError):
            peer.websocket.recv(timeout=0.3)  # and not the close frame
        peer.send(said("two", turnComplete=True), HANDLE)
        peer.wait_for_end()

    with script_server(Connections(goes, stays)) as server, connect(server) as session:
        assert session.receive_turn(timeout=PATIENCE).collect().text == "one two"
        assert resumed(session).state_restored


def test_a_connection_that_was_refused_says_nothing_to_the_session_any_more():
    def too_late(peer: Peer) -> None:
        frames = [{"goAway": {"timeLeft": "1s"}}, {"setupComplete": {}}, said("of a connection that nobody has")]
        sock = peer.websocket.socket
        sock.sendall(b"".join(frame(json.dumps(each).encode()) for each in frames))  # in one piece
        peer.wait_for_end()

    def speaks(peer: Peer) -> None:
        accept(peer)
        peer.send(said("here"))
        peer.wait_for_end()

    with script_server(Connections(heard_and_lost, too_late, speaks)) as server, connect(server) as session:
        session.send_text_realtime("x")
        received = []
        for message in session.receive(timeout=PATIENCE):
            received.append(message)
            if message.text:
                break
    assert [message.attempts for message in received if isinstance(message, LiveSessionResumed)] == [2]
    assert received[-1].text == "here"


def test_a_session_that_was_brought_back_by_hand_is_resumed_by_itself_again():
    def ends_for_good(peer: Peer) -> None:
        accept(peer)
        peer.close(1007, "Request contains an invalid argument.")

    with script_server(Connections(ends_for_good, heard_and_lost, stays)) as server, connect(server) as session:
        with pytest.raises(ConnectionClosedError):
            list(session.receive(timeout=PATIENCE))
        session.resume_session()
        assert resumed(session).attempts == 1
        session.send_text_realtime("x")
        assert resumed(session).attempts == 1
        assert not session.is_closed
