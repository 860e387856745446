"""`receive_any()`: many sessions in one thread."""

from __future__ import annotations

import contextlib
import threading

import pytest

from livesession import (
    ConcurrentReceiveError,
    ConnectionClosedError,
    LiveSessionEnded,
    ProtocolError,
    ReceiveTimeout,
    SessionClosedError,
    receive_any,
)
from tests.kit.inside import core_of
from tests.kit.servers import PATIENCE, Peer, script_server
from tests.kit.waiting import InThread, wait_until


def echo(peer: Peer) -> None:
    """Answers each turn with its own text; the word `close` closes, `drop` drops, `noise` is no JSON."""
    peer.accept()
    while True:
        text = peer.read()["clientContent"]["turns"][0]["parts"][0]["text"]
        if text == "close":
            peer.close(1000, "done")
        elif text == "fail":
            peer.close(1011, "Internal error")
        elif text == "noise":
            peer.send("{")
        else:
            peer.send({"serverContent": {"modelTurn": {"parts": [{"text": text}]}, "turnComplete": True}})


@pytest.fixture
def connect():
    """Opens sessions with an echoing server, and closes them at the end."""
    with script_server(echo) as server, contextlib.ExitStack() as sessions:
        yield lambda: sessions.enter_context(server.model().connect())


def test_messages_come_with_their_session(connect):
    sessions = [connect() for _ in range(5)]
    for number, session in enumerate(sessions):
        session.send(f"from {number}", turn_complete=True)
    stream = receive_any(sessions, timeout=PATIENCE)
    heard = dict(next(stream) for _ in sessions)
    assert {session: message.text for session, message in heard.items()} == {
        session: f"from {number}" for number, session in enumerate(sessions)
    }


def test_each_session_has_its_turn_however_much_another_one_says(connect):
    loud, quiet = connect(), connect()
    for number in range(50):
        loud.send(f"loud {number}", turn_complete=True)
    wait_until(lambda: len(core_of(loud).state.queue._messages) == 50)
    quiet.send("quiet", turn_complete=True)
    wait_until(lambda: not core_of(quiet).state.queue.empty())
    stream = receive_any([loud, quiet], timeout=PATIENCE)
    texts = [message.text for _, message in (next(stream) for _ in range(51))]
    assert texts.index("quiet") <= 1
    assert [text for text in texts if text != "quiet"] == [f"loud {number}" for number in range(50)]


def test_an_end_is_yielded_and_the_iterator_ends_with_the_last(connect):
    one, other = connect(), connect()
    stream = receive_any([one, other], timeout=PATIENCE)
    one.send("close", turn_complete=True)
    assert next(stream) == (one, LiveSessionEnded())
    other.send("fail", turn_complete=True)
    session, ended = next(stream)
    assert session is other
    assert isinstance(ended.error, ConnectionClosedError)
    assert ended.error.code == 1011
    assert list(stream) == []


def test_a_session_that_has_ended_before_is_yielded_as_ended(connect):
    closed, live = connect(), connect()
    closed.close()
    live.send("hello", turn_complete=True)
    found = {}
    for session, message in receive_any([closed, live], timeout=PATIENCE):
        found[session] = message
        live.close()
    assert isinstance(found[closed].error, SessionClosedError)
    assert found[live] == LiveSessionEnded()


def test_a_frame_that_cannot_be_read_is_yielded_and_nothing_is_raised(connect):
    session = connect()
    session.send("noise", turn_complete=True)
    session.send("and then", turn_complete=True)
    stream = receive_any([session], timeout=PATIENCE)
    assert isinstance(next(stream)[1], ProtocolError)
    assert next(stream)[1].text == "and then"


def test_a_session_may_be_added_by_another_thread_while_the_iterator_waits(connect):
    stream = receive_any([connect()])
    waiting = InThread(lambda: next(stream))
    added = connect()
    added.send("added", turn_complete=True)
    stream.add(added)
    session, message = waiting.result()
    assert (session, message.text) == (added, "added")


def test_it_goes_on_with_a_session_added_after_all_have_ended(connect):
    first = connect()
    first.close()
    stream = receive_any([first], timeout=PATIENCE)
    assert len(list(stream)) == 1
    second = connect()
    stream.add(second)
    second.send("second", turn_complete=True)
    assert next(stream)[1].text == "second"


def test_it_times_out_when_none_of_them_says_anything_and_goes_on(connect):
    session = connect()
    stream = receive_any([session], timeout=0.01)
    with pytest.raises(ReceiveTimeout, match="1 sessions"):
        next(stream)
    session.send("late", turn_complete=True)
    wait_until(lambda: not core_of(session).state.queue.empty())
    assert next(stream)[1].text == "late"


def test_a_session_may_be_asked_in_the_loop(connect):
    session = connect()
    stream = receive_any([session], timeout=PATIENCE)
    session.send("first", turn_complete=True)
    assert next(stream)[1].text == "first"
    assert session.ask("a question").text == "a question"
    session.send("last", turn_complete=True)
    assert next(stream)[1].text == "last"


def test_leaving_the_loop_lets_another_thread_go_on_with_what_is_left(connect):
    session = connect()
    for text in ("one", "two"):
        session.send(text, turn_complete=True)
    for _, message in receive_any([session], timeout=PATIENCE):
        assert message.text == "one"
        break
    assert InThread(lambda: next(session.receive(timeout=PATIENCE))).result().text == "two"


def test_a_session_that_another_thread_receives_from_is_refused(connect):
    session, receiving, leave = connect(), threading.Event(), threading.Event()

    def receive() -> None:
        stream = session.receive(timeout=0)
        with pytest.raises(ReceiveTimeout):
            next(stream)
        receiving.set()
        leave.wait(PATIENCE)

    other = InThread(receive)
    assert receiving.wait(PATIENCE)
    with pytest.raises(ConcurrentReceiveError):
        receive_any([session])
    leave.set()
    other.result()


def test_close_from_another_thread_ends_it_and_the_sessions_stay_open(connect):
    session = connect()
    stream = receive_any([session])
    waiting = InThread(lambda: list(stream))
    waiting.thread.join(0.05)
    stream.close()
    assert waiting.result() == []
    assert session.ask("still there?").text == "still there?"


def test_a_hundred_sessions_that_talk_at_once_lose_nothing(connect):
    sessions = [connect() for _ in range(100)]
    heard = {session: [] for session in sessions}

    def send(mine: list) -> None:
        for number in range(20):
            for session in mine:
                session.send(str(number), turn_complete=True)

    senders = [InThread(lambda part=part: send(sessions[part::4])) for part in range(4)]
    stream = receive_any(sessions, timeout=PATIENCE)
    for _ in range(2_000):
        session, message = next(stream)
        heard[session].append(message.text)
    for sender in senders:
        sender.result()
    assert all(texts == [str(number) for number in range(20)] for texts in heard.values())
