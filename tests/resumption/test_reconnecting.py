"""Sessions that are resumed by themselves: when, by what policy, and what of the conversation is lost."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator

import pytest

from livesession import (
    ConnectionClosedError,
    FunctionDeclaration,
    FunctionResponse,
    GoogleAI,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveSession,
    LiveSessionResumed,
    ResumptionError,
    ResumptionPolicy,
    SendTimeout,
    SessionOptions,
    SessionResumptionConfig,
)
from livesession.emulator import LiveEmulator, UserTurn
from tests.hazards.common import own_threads
from tests.kit.servers import PATIENCE, Peer, script_server
from tests.kit.waiting import InThread, wait_until

TEXT = LiveGenerationConfig(response_modalities=["TEXT"])
QUICK = ResumptionPolicy(first_delay=0.01, longest_delay=0.05, budget=10)
HANDLE = {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}}


def said(text: str, **more: object) -> dict:
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}, **more}}


def talk(emulator: LiveEmulator, kind: str = "google", **arguments: object) -> LiveSession:
    options = SessionOptions(resumption=arguments.pop("policy", QUICK), close_timeout=2)
    model = LiveGenerativeModel(
        "m", backend=emulator.backend(kind), generation_config=TEXT, options=options, **arguments
    )
    session = model.connect(session_resumption=SessionResumptionConfig(transparent=True if kind == "vertex" else None))
    wait_until(lambda: session.resumption_handle is not None)
    return session


def resumed(session: LiveSession) -> LiveSessionResumed:
    """The next news of a resumption."""
    return next(each for each in session.receive(timeout=PATIENCE) if isinstance(each, LiveSessionResumed))


def echo(turn: UserTurn) -> str:
    return f"you said {turn.text}"


LOSSES = {
    "the network": lambda emulator: emulator.drop_connections(),
    "1000": lambda emulator: emulator.close_connections(1000),
    "1001": lambda emulator: emulator.close_connections(1001),
    "1011": lambda emulator: emulator.close_connections(1011, "Internal error encountered."),
    "1008": lambda emulator: emulator.close_connections(1008, "The operation was aborted."),
    "goAway": lambda emulator: emulator.go_away(30),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_a_lost_connection_is_replaced_and_the_conversation_goes_on(lose):
    with LiveEmulator(lambda turn: str(len(turn.history))) as emulator, talk(emulator) as session:
        assert session.ask("one").text == "0"
        lose(emulator)
        news = resumed(session)
        assert news.state_restored
        assert (news.attempts, news.lost, news.lost_count) == (1, (), 0)
        assert not session.is_closed
        assert session.close_code is None
        assert session.ask("two").text == "2"


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1007, "Request contains an invalid argument."), (1008, "models/x is not found for API version")],
)
def test_an_end_that_would_come_again_is_not_resumed(code, reason):
    with LiveEmulator(echo) as emulator, talk(emulator) as session:
        emulator.close_connections(code, reason)
        with pytest.raises(ConnectionClosedError) as caught:
            list(session.receive(timeout=PATIENCE))
        assert caught.value.code == code
        assert session.is_closed


def test_without_a_policy_nothing_is_resumed():
    with LiveEmulator(echo) as emulator, talk(emulator, policy=None) as session:
        emulator.drop_connections()
        with pytest.raises(ConnectionClosedError):
            list(session.receive(timeout=PATIENCE))


def test_a_consumer_that_waits_goes_on_and_gets_the_news_in_order():
    with LiveEmulator(echo) as emulator, talk(emulator) as session:
        found: queue.Queue = queue.Queue()
        consumer = InThread(lambda: [found.put(each) for each in session.receive()])
        emulator.drop_connections()
        while not isinstance(found.get(timeout=PATIENCE), LiveSessionResumed):
            pass
        session.send("after", turn_complete=True)
        texts = ""
        while "after" not in texts:
            texts += found.get(timeout=PATIENCE).text
        session.close()
        consumer.result()


def test_a_question_that_is_cut_off_is_asked_again():
    gate, asked = threading.Event(), threading.Event()

    def answer(turn: UserTurn) -> Iterator[str]:
        yield "first half, "
        asked.set()
        gate.wait(PATIENCE)
        yield "second half"

    with LiveEmulator(answer) as emulator, talk(emulator) as session:
        asking = InThread(lambda: session.ask("question", timeout=PATIENCE))
        assert asked.wait(PATIENCE)
        emulator.drop_connections()
        gate.set()
        assert asking.result().text == "first half, second half"


def test_going_away_waits_for_the_end_of_the_turn():
    gate, asked = threading.Event(), threading.Event()

    def answer(turn: UserTurn) -> Iterator[str]:
        yield "one "
        asked.set()
        gate.wait(PATIENCE)
        yield "two"

    with LiveEmulator(answer) as emulator, talk(emulator) as session:
        asking = InThread(lambda: session.ask("question", timeout=PATIENCE))
        assert asked.wait(PATIENCE)
        emulator.go_away(30)
        wait_until(lambda: any(thread.name == "livesession-resume" for thread in own_threads()))
        gate.set()
        assert asking.result().text == "one two"
        assert resumed(session).lost == ()


def test_going_away_waits_no_longer_than_there_is_time():
    """A server that has said it goes away may fall silent."""
    asked = threading.Event()

    def answer(turn: UserTurn) -> Iterator[str]:
        yield "one "
        asked.set()
        if not turn.history and len(emulator.handshakes) == 1:
            threading.Event().wait(3)
        yield "two"

    with LiveEmulator(answer) as emulator, talk(emulator) as session:
        asking = InThread(lambda: session.ask("question", timeout=PATIENCE))
        assert asked.wait(PATIENCE)
        emulator.go_away(0.5)
        assert asking.result().text == "one two"
        assert len(emulator.handshakes) == 2


def test_what_was_sent_after_the_last_handle_is_reported_as_lost():
    heard: list[dict] = []
    calls = threading.Semaphore(1)

    def script(peer: Peer) -> None:
        peer.accept()
        if calls.acquire(blocking=False):
            peer.send(HANDLE)
            heard.extend([peer.read(), peer.read()])
            peer.drop()
        peer.wait_for_end()

    with script_server(script) as server:
        model = server.model(options=SessionOptions(resumption=QUICK))
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            next(session.receive(timeout=PATIENCE))
            session.send_text_realtime("one")
            session.send_audio_realtime(b"\0\0" * 320)
            news = resumed(session)
    assert [message.text or len(message.audio.data) for message in news.lost] == ["one", 640]
    assert news.lost_count == 2


def test_transparent_resumption_sends_again_first_what_was_not_consumed():
    heard: list[list[str]] = []
    done = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        mine: list[str] = []
        heard.append(mine)
        if len(heard) == 1:
            mine += [peer.read()["realtimeInput"]["text"] for _ in range(3)]
            update = {"newHandle": "h", "resumable": True, "lastConsumedClientMessageIndex": "1"}
            peer.send({"sessionResumptionUpdate": update})
            mine.append(peer.read()["realtimeInput"]["text"])
            peer.drop()
        else:
            mine += [peer.read()["realtimeInput"]["text"] for _ in range(4)]
            done.set()
            peer.wait_for_end()

    with script_server(script) as server:
        model = server.model(options=SessionOptions(resumption=QUICK))
        with model.connect(session_resumption=SessionResumptionConfig(transparent=True)) as session:
            for number in range(1, 4):
                session.send_text_realtime(str(number))
            next(session.receive(timeout=PATIENCE))
            session.send_text_realtime("4")
            assert resumed(session).lost == ()
            session.send_text_realtime("5")
            assert done.wait(PATIENCE)
    assert heard == [["1", "2", "3", "4"], ["2", "3", "4", "5"]]


class Away:
    """A server that takes one connection and drops it, then no other until it is let."""

    def __init__(self) -> None:
        self.back = threading.Event()
        self.heard: list[dict] = []
        self._first = threading.Semaphore(1)

    def __call__(self, peer: Peer) -> None:
        setup = peer.read()
        if self._first.acquire(blocking=False):
            peer.send({"setupComplete": {}}, HANDLE)
            peer.read()
            peer.drop()
            return
        self.back.wait(PATIENCE)
        assert setup["setup"]["sessionResumption"] == {"handle": "h"}
        peer.send({"setupComplete": {}})
        while True:
            self.heard.append(peer.read())


def lost_session(server, policy: ResumptionPolicy) -> LiveSession:
    """A session whose server is away."""
    model = server.model(options=SessionOptions(resumption=policy, close_timeout=1))
    session = model.connect(session_resumption=SessionResumptionConfig())
    next(session.receive(timeout=PATIENCE))
    session.send_text_realtime("last words")
    wait_until(lambda: any(thread.name == "livesession-resume" for thread in own_threads()))
    return session


def test_sends_wait_for_the_new_connection():
    away = Away()
    with script_server(away) as server:
        session = lost_session(server, QUICK)
        sending = InThread(lambda: session.send("patience", turn_complete=True))
        sending.thread.join(0.05)
        assert sending.thread.is_alive()
        away.back.set()
        sending.result()
        wait_until(lambda: away.heard)
        session.close()
    assert "clientContent" in away.heard[0]


def test_a_send_waits_no_longer_than_its_time_and_says_that_nothing_went_out():
    away = Away()
    with script_server(away) as server:
        session = lost_session(server, QUICK)
        with pytest.raises(SendTimeout, match="being resumed") as caught:
            session.send_text_realtime("in vain", timeout=0.05)
        assert not caught.value.session_ended
        away.back.set()
        session.close()


def test_realtime_input_may_be_kept_meanwhile_the_newest_of_it():
    away = Away()
    policy = ResumptionPolicy(first_delay=0.01, realtime="keep_newest", kept_bytes=2_000)
    with script_server(away) as server:
        session = lost_session(server, policy)
        for number in range(5):
            session.send_audio_realtime(bytes([number]) * 1_000)
        away.back.set()
        news = resumed(session)
        assert news.dropped == 3
        wait_until(lambda: len(away.heard) == 2)
        session.close()
    assert [message["realtimeInput"]["audio"]["data"][:4] for message in away.heard] == ["AwMD", "BAQE"]


def test_of_realtime_input_that_is_kept_the_newest_is_whatever_its_size():
    away = Away()
    policy = ResumptionPolicy(first_delay=0.01, realtime="keep_newest", kept_bytes=10)
    with script_server(away) as server:
        session = lost_session(server, policy)
        for text in ("a short one", "a longer one"):
            session.send_text_realtime(text)
        away.back.set()
        assert resumed(session).dropped == 1
        wait_until(lambda: away.heard)
        session.close()
    assert away.heard == [{"realtimeInput": {"text": "a longer one"}}]


def test_the_delays_between_attempts_double_up_to_the_longest():
    policy = ResumptionPolicy(attempts=6, first_delay=1, longest_delay=5, jitter=0)
    assert list(policy.delays()) == [0, 1, 2, 4, 5, 5]


def test_the_delays_vary_by_their_share():
    policy = ResumptionPolicy(attempts=500, first_delay=1, longest_delay=1, jitter=0.25)
    delays = list(policy.delays())[1:]
    assert 0.75 <= min(delays) < 0.85
    assert 1.15 < max(delays) <= 1.25


def test_an_answer_to_a_call_that_the_server_has_forgotten_is_not_sent():
    heard: list[dict] = []
    calls = threading.Semaphore(1)

    def script(peer: Peer) -> None:
        peer.accept()
        if calls.acquire(blocking=False):
            peer.send(HANDLE, {"toolCall": {"functionCalls": [{"id": "old", "name": "f", "args": {}}]}})
            peer.read()
            peer.drop()
        else:
            while True:
                heard.append(peer.read())

    with script_server(script) as server:
        model = server.model(options=SessionOptions(resumption=QUICK), tools=[FunctionDeclaration(name="f")])
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            stream = session.receive(timeout=PATIENCE)
            next(stream), next(stream)
            session.send_text_realtime("x")
            assert next(stream).cancelled_calls == ("old",)
            session.send_function_responses([FunctionResponse(name="f", id="old", response={})])
            session.send_text_realtime("done")
            wait_until(lambda: heard)
    assert heard == [{"realtimeInput": {"text": "done"}}]


def test_a_session_is_closed_as_soon_as_its_consumer_hears_that_it_could_not_be_resumed():
    calls, is_checked = threading.Semaphore(1), threading.Event()

    class Slow(logging.Handler):
        """Keeps the thread that gives up from letting go of the connection."""

        def emit(self, record: logging.LogRecord) -> None:
            if "could not be resumed" in record.getMessage():
                is_checked.wait(PATIENCE)

    def script(peer: Peer) -> None:
        peer.read()
        if calls.acquire(blocking=False):
            peer.send({"setupComplete": {}}, HANDLE)
            peer.read()
            peer.drop()
        else:
            peer.close(1011, "Internal error encountered.")

    slow, logger = Slow(), logging.getLogger("livesession")
    logger.addHandler(slow)
    try:
        with script_server(script) as server:
            session = lost_session(server, ResumptionPolicy(attempts=1))
            with pytest.raises(ResumptionError):
                list(session.receive(timeout=PATIENCE))
            assert session.is_closed
            is_checked.set()
            session.close()
    finally:
        is_checked.set()
        logger.removeHandler(slow)


def test_a_handle_that_is_refused_ends_the_session_with_the_history_of_attempts():
    calls = threading.Semaphore(1)

    def script(peer: Peer) -> None:
        peer.read()
        if calls.acquire(blocking=False):
            peer.send({"setupComplete": {}}, HANDLE)
            peer.read()
            peer.drop()
        else:
            peer.close(1011, "Internal error encountered.")

    policy = ResumptionPolicy(attempts=3, first_delay=0.01)
    with script_server(script) as server:
        session = lost_session(server, policy)
        with pytest.raises(ResumptionError, match="Attempts made: 3") as caught:
            list(session.receive(timeout=PATIENCE))
        assert len(caught.value.attempts) == 3
        assert session.is_closed
        with pytest.raises(ResumptionError):
            session.send_text_realtime("x")
        session.close()


def test_the_budget_ends_the_attempts():
    away = Away()
    policy = ResumptionPolicy(budget=0.3, first_delay=0.05, longest_delay=0.1)
    with script_server(away) as server:
        session = lost_session(server, policy)
        with pytest.raises(ResumptionError):
            list(session.receive(timeout=PATIENCE))
        away.back.set()
        session.close()


def test_a_fresh_session_may_take_the_place_of_one_that_cannot_be_had_again():
    setups: list[dict] = []

    def script(peer: Peer) -> None:
        setups.append(peer.read()["setup"]["sessionResumption"])
        if setups[-1]:
            peer.close(1008, "BidiGenerateContent session not found")
            return
        peer.send({"setupComplete": {}}, HANDLE)
        if len(setups) == 1:
            peer.read()
            peer.drop()
        peer.wait_for_end()

    with script_server(script) as server:
        session = lost_session(server, ResumptionPolicy(first_delay=0.01, fresh_session=True))
        news = resumed(session)
        assert (news.state_restored, news.attempts, news.lost_count) == (False, 2, 1)
        session.close()
    assert setups == [{}, {"handle": "h"}, {}]


def test_a_server_that_drops_each_connection_at_once_is_not_called_without_end():
    count = []

    def script(peer: Peer) -> None:
        peer.accept()
        count.append(1)
        peer.send(HANDLE)
        peer.drop()

    with script_server(script) as server:
        policy = ResumptionPolicy(attempts=4, first_delay=0.01, longest_delay=0.02)
        model = server.model(options=SessionOptions(resumption=policy))
        session = model.connect(session_resumption=SessionResumptionConfig())
        with pytest.raises((ResumptionError, ConnectionClosedError)):
            list(session.receive(timeout=PATIENCE))
        session.close()
    assert len(count) <= 6


def test_credentials_are_asked_for_at_every_attempt():
    asked = []

    def key() -> str:
        asked.append(1)
        return f"key {len(asked)}"

    with LiveEmulator(echo) as emulator:
        backend = GoogleAI(api_key=key, base_url=emulator.url)
        model = LiveGenerativeModel(
            "m", backend=backend, generation_config=TEXT, options=SessionOptions(resumption=QUICK)
        )
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            wait_until(lambda: session.resumption_handle is not None)
            emulator.drop_connections()
            resumed(session)
    assert len(asked) == 2


PHASES = ["while it waits for the end of a turn", "in an attempt", "between attempts"]


@pytest.mark.parametrize("phase", PHASES)
def test_close_in_any_phase_returns_in_time_and_releases_the_consumer(phase):
    away = Away()
    delay = 30 if phase == "between attempts" else 0.01

    def script(peer: Peer) -> None:
        if phase == PHASES[0]:
            peer.accept()
            peer.send(HANDLE, said("never ends"), {"goAway": {"timeLeft": "60s"}})
            peer.wait_for_end()
        elif phase == "between attempts" and not away._first._value:
            peer.close(1011, "Internal error encountered.")
        else:
            away(peer)

    with script_server(script) as server:
        policy = ResumptionPolicy(first_delay=delay, longest_delay=delay, budget=60, jitter=0)
        if phase == PHASES[0]:
            model = server.model(options=SessionOptions(resumption=policy))
            session = model.connect(session_resumption=SessionResumptionConfig())
            wait_until(lambda: any(thread.name == "livesession-resume" for thread in own_threads()))
        else:
            session = lost_session(server, policy)
        consumer = InThread(lambda: list(session.receive()))
        closing = InThread(lambda: session.close(timeout=1))
        closing.result()
        assert consumer.result() is not None
        assert not own_threads()
        away.back.set()
