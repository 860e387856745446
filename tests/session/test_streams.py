"""Receiving (design section 2): nothing lost, every kind delivered, one consumer, bounded waits, turns kept apart."""

from __future__ import annotations

import gc
import json
import threading

import pytest

from livesession import (
    ConcurrentReceiveError,
    ConnectionClosedError,
    LiveServerContent,
    LiveServerGoingAwayNotice,
    LiveServerToolCall,
    LiveServerUsageMetadata,
    LiveServerVoiceActivity,
    LiveSessionResumptionUpdate,
    ProtocolError,
    ReceiveTimeout,
    SessionClosedError,
    SessionOptions,
    UnsupportedMessageError,
)
from tests.kit.inside import core_of
from tests.kit.servers import Peer, script_server
from tests.kit.waiting import PATIENCE, InThread, wait_until

DONE = {"serverContent": {"turnComplete": True}}


def said(text: str) -> dict:
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}}}


def sends(*frames: object, code: int | None = None, reason: str = ""):
    """A script that sends frames after the setup, and then closes or waits."""

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(*frames)
        if code is not None:
            peer.close(code, reason)
        peer.wait_for_end()

    return script


# Nothing that arrived is lost.


def test_what_had_arrived_comes_before_the_error_of_a_server_close():
    with script_server(sends(*[said(str(n)) for n in range(50)], code=1011, reason="Internal error")) as server:
        with server.model().connect() as session:
            stream = session.receive()
            assert [next(stream).text for _ in range(50)] == [str(n) for n in range(50)]
            with pytest.raises(ConnectionClosedError):
                next(stream)


def test_a_receive_after_the_server_ended_the_session_still_delivers_what_had_arrived():
    with script_server(sends(said("a"), said("b"), code=1011)) as server, server.model().connect() as session:
        assert next(session.receive()).text == "a"
        later = session.receive()
        assert next(later).text == "b"
        with pytest.raises(ConnectionClosedError):
            next(later)


def test_only_after_the_end_was_reported_does_a_new_receive_raise():
    with script_server(sends(code=1011)) as server, server.model().connect() as session:
        with pytest.raises(ConnectionClosedError):
            list(session.receive())
        with pytest.raises(SessionClosedError):
            session.receive()


def test_an_iterator_that_is_open_drains_what_had_arrived_after_a_local_close():
    arrived = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(said("a"), said("b"), said("c"))
        peer.read()
        arrived.set()
        peer.wait_for_end()

    with script_server(script) as server:
        session = server.model().connect()
        stream = session.receive()
        assert next(stream).text == "a"
        session.send("x", True)
        assert arrived.wait(PATIENCE)
        session.close()
        assert [message.text for message in stream] == ["b", "c"]
        with pytest.raises(SessionClosedError):
            session.receive()


def test_a_server_close_with_1000_ends_iteration_quietly():
    with script_server(sends(said("a"), code=1000)) as server, server.model().connect() as session:
        assert [message.text for message in session.receive()] == ["a"]


def test_a_local_close_ends_iteration_quietly_in_a_thread_that_waits():
    with script_server(sends(said("a"))) as server:
        session = server.model().connect()
        first = threading.Event()

        def consume() -> list[str]:
            texts = []
            for message in session.receive():
                texts.append(message.text)
                first.set()
            return texts

        consumer = InThread(consume)
        assert first.wait(PATIENCE)
        session.close()
        assert consumer.result() == ["a"]


def test_an_end_that_is_not_normal_says_code_reason_origin_and_what_to_do():
    with script_server(sends(code=1011, reason="The service is currently unavailable.")) as server:
        with server.model().connect() as session:
            with pytest.raises(ConnectionClosedError, match="currently unavailable") as caught:
                list(session.receive())
    error = caught.value
    assert (error.code, error.reason, error.origin) == (1011, "The service is currently unavailable.", "server")
    assert error.retryable
    assert error.hint


def test_a_dropped_connection_is_an_end_by_the_network():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(said("a"))
        peer.drop()

    with script_server(script) as server, server.model().connect() as session:
        stream = session.receive()
        assert next(stream).text == "a"
        with pytest.raises(ConnectionClosedError) as caught:
            next(stream)
        assert (caught.value.code, caught.value.origin, caught.value.retryable) == (1006, "network", True)


# Every kind in a frame is delivered.


def test_several_kinds_in_one_frame_are_delivered_in_order_with_usage_on_the_last():
    frame = {
        "goAway": {"timeLeft": "1s"},
        "toolCall": {"functionCalls": [{"name": "f", "id": "1"}]},
        "usageMetadata": {"totalTokenCount": 1},
        "serverContent": {"turnComplete": True},
        "voiceActivity": {"type": "ACTIVITY_END"},
        "sessionResumptionUpdate": {},
    }
    with script_server(sends(frame, code=1000)) as server, server.model().connect() as session:
        messages = list(session.receive())
    assert [type(message) for message in messages] == [
        LiveSessionResumptionUpdate,
        LiveServerVoiceActivity,
        LiveServerContent,
        LiveServerToolCall,
        LiveServerGoingAwayNotice,
    ]
    assert [message.usage_metadata is not None for message in messages] == [False] * 4 + [True]


def test_usage_that_comes_alone_is_a_message_of_its_own():
    with script_server(sends({"usageMetadata": {"totalTokenCount": 4}}, code=1000)) as server:
        with server.model().connect() as session:
            [message] = session.receive()
    assert isinstance(message, LiveServerUsageMetadata)
    assert message.usage_metadata is not None
    assert message.usage_metadata.total_token_count == 4


def test_kinds_that_share_the_frame_of_setup_complete_are_delivered():
    def script(peer: Peer) -> None:
        peer.read()
        peer.send({"setupComplete": {}, "sessionResumptionUpdate": {"newHandle": "h", "resumable": True}})
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        message = next(session.receive())
        assert isinstance(message, LiveSessionResumptionUpdate)
        assert message.new_handle == "h"


def test_a_turn_ends_after_the_last_message_of_the_frame_that_completed_it():
    last = {"serverContent": {"turnComplete": True}, "toolCallCancellation": {"ids": ["1"]}}
    with script_server(sends(said("a"), last, said("next"))) as server, server.model().connect() as session:
        kinds = [type(message).__name__ for message in session.receive_turn()]
        assert kinds == ["LiveServerContent", "LiveServerContent", "LiveServerToolCallCancellation"]
        assert next(session.receive()).text == "next"


def test_a_turn_complete_that_is_still_in_progress_does_not_end_the_turn():
    more = {"serverContent": {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}}
    with script_server(sends(said("a"), more, said("b"), DONE)) as server, server.model().connect() as session:
        turn = session.receive_turn()
        assert "".join(message.text for message in turn) == "ab"
        assert turn.turn.text == "ab"


@pytest.mark.parametrize("code", [1000, 1011])
def test_a_session_that_ends_before_the_turn_raises_with_the_partial_turn(code):
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(said("half"))
        peer.close(code)

    with script_server(script) as server, server.model().connect() as session:
        with pytest.raises(ConnectionClosedError) as caught:
            session.ask("x")
    assert caught.value.turn is not None
    assert caught.value.turn.text == "half"
    assert not caught.value.turn.complete


def test_the_rest_of_a_turn_that_timed_out_does_not_enter_the_next():
    timed_out = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(said("old 1 "))
        assert timed_out.wait(PATIENCE)
        peer.read()
        peer.send(said("old 2"), {"serverContent": {"interrupted": True}}, DONE, said("new"), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        with pytest.raises(ReceiveTimeout) as caught:
            session.ask("slow", timeout=0.2)
        assert caught.value.turn is not None
        assert caught.value.turn.text == "old 1 "
        timed_out.set()
        assert session.ask("again").text == "new"


def test_an_answer_that_comes_after_its_ask_gave_up_is_not_the_answer_to_the_next():
    gave_up = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        assert gave_up.wait(PATIENCE)
        peer.read()
        peer.send(said("late"), DONE, said("new"), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        with pytest.raises(ReceiveTimeout):
            session.ask("slow", timeout=0.2)
        gave_up.set()
        assert session.ask("again").text == "new"


def test_a_turn_left_in_the_middle_is_skipped_after_the_next_request():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(said("one"), said("two"), DONE)
        peer.read()
        peer.send(said("three"), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        session.send("a", True)
        for _ in session.receive_turn():
            break
        session.send("b", True)
        assert "".join(message.text for message in session.receive_turn()) == "three"


def test_turns_that_nobody_has_begun_to_receive_are_kept():
    with script_server(sends(said("one"), DONE, said("two"), DONE)) as server, server.model().connect() as session:
        session.send("b", True)
        turns = ["".join(message.text for message in session.receive_turn()) for _ in range(2)]
    assert turns == ["one", "two"]


# Forward compatible.


def test_an_unknown_message_raises_and_the_same_iterator_goes_on():
    with script_server(sends(said("a"), {"brandNew": 1}, said("b"), code=1000)) as server:
        with server.model().connect() as session:
            stream = session.receive()
            assert next(stream).text == "a"
            with pytest.raises(UnsupportedMessageError):
                next(stream)
            assert [message.text for message in stream] == ["b"]


def test_an_unknown_message_is_a_warning_by_choice(caplog):
    options = SessionOptions(on_unsupported="warn")
    with script_server(sends({"brandNew": 1}, said("b"), code=1000)) as server:
        with server.model(options=options).connect() as session:
            assert [message.text for message in session.receive()] == ["b"]
    assert "brandNew" in caplog.text


def test_an_empty_object_is_never_delivered():
    with script_server(sends({}, said("a"), {}, code=1000)) as server, server.model().connect() as session:
        assert [message.text for message in session.receive()] == ["a"]


BROKEN = {
    "no bytes": b"",
    "truncated": b'{"serverContent": {"modelTu',
    "no object": b"[1, 2]",
    "deep nesting": b"[" * 100_000,
    "invalid UTF-8": b'{"serverContent": "\xff\xfe"}',
    "invalid base64": json.dumps(
        {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "?!"}}]}}}
    ).encode(),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_a_frame_that_cannot_be_read_raises_and_nothing_else_is_lost(data):
    with script_server(sends(said("a"), data, said("b"), code=1000)) as server, server.model().connect() as session:
        stream = session.receive()
        assert next(stream).text == "a"
        with pytest.raises(ProtocolError) as caught:
            next(stream)
        assert caught.value.data == data
        assert [message.text for message in stream] == ["b"]


def test_ask_goes_on_over_a_frame_that_cannot_be_read_and_keeps_it():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(said("a"), b"{", said("b"), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        turn = session.ask("x")
    assert turn.text == "ab"
    assert [problem.data for problem in turn.problems] == [b"{"]


# One consumer.


def test_a_second_consumer_in_another_thread_raises_at_once():
    with script_server(sends(said("a"))) as server, server.model().connect() as session:
        stream = session.receive()
        next(stream)
        with pytest.raises(ConcurrentReceiveError):
            InThread(lambda: next(session.receive())).result()
        stream.close()


@pytest.mark.parametrize("call", ["receive_turn", "ask"])
def test_receive_turn_and_ask_take_the_same_claim(call):
    def second(session):
        return session.ask("x") if call == "ask" else next(session.receive_turn())

    with script_server(sends(said("a"))) as server, server.model().connect() as session:
        stream = session.receive()
        next(stream)
        with pytest.raises(ConcurrentReceiveError):
            InThread(lambda: second(session)).result()
        stream.close()


def test_an_iterator_that_was_not_started_claims_nothing():
    with script_server(sends(said("a"))) as server, server.model().connect() as session:
        unused = session.receive()
        assert InThread(lambda: next(session.receive())).result().text == "a"
        unused.close()


def test_a_loop_left_with_break_lets_another_thread_go_on():
    with script_server(sends(said("a"), said("b"))) as server, server.model().connect() as session:
        for message in session.receive():
            assert message.text == "a"
            break
        gc.collect()
        assert InThread(lambda: next(session.receive())).result().text == "b"


def test_a_closed_iterator_lets_another_thread_go_on():
    with script_server(sends(said("a"), said("b"))) as server, server.model().connect() as session:
        stream = session.receive()
        next(stream)
        stream.close()
        assert InThread(lambda: next(session.receive())).result().text == "b"
        assert list(stream) == []


def test_the_claim_of_a_thread_that_has_ended_is_free():
    with script_server(sends(said("a"), said("b"))) as server, server.model().connect() as session:
        kept = InThread(lambda: [stream := session.receive(), next(stream)]).result()
        assert kept[1].text == "a"
        assert next(session.receive()).text == "b"


def test_a_thread_that_waits_in_the_iterator_of_one_that_has_ended_is_the_only_one_to_wait():
    """Also where it has that one's ident, which Linux gives to the next thread."""
    with script_server(sends()) as server, server.model().connect() as session:
        stream = session.receive()
        InThread(stream.claim).result()
        waiting = InThread(lambda: list(stream))
        wait_until(lambda: core_of(session).state.queue._notifier.is_awaited)
        with pytest.raises(ConcurrentReceiveError):
            next(session.receive(timeout=0.1))
        stream.close()
        assert waiting.result() == []


@pytest.mark.parametrize("received", [0, 1])
def test_two_threads_do_not_wait_in_the_same_iterator(received):
    with script_server(sends(said("a"))) as server, server.model().connect() as session:
        stream, had = session.receive(), []
        waiting = InThread(lambda: had.extend(stream))
        wait_until(lambda: len(had) == 1)
        if not received:
            stream.close()
            waiting.result()
            stream = session.receive()
            waiting = InThread(lambda: list(stream))
        wait_until(lambda: core_of(session).state.queue._notifier.is_awaited)
        with pytest.raises(ConcurrentReceiveError, match="this very iterator"):
            next(stream)
        stream.close()
        waiting.result()


def test_in_the_same_thread_a_new_receive_takes_over():
    with script_server(sends(said("a"), said("b"))) as server, server.model().connect() as session:
        interrupted_cell = session.receive()
        next(interrupted_cell)
        assert next(session.receive()).text == "b"
        with pytest.raises(ConcurrentReceiveError, match="taken over"):
            next(interrupted_cell)


# Waits are bounded and interruptible.


def test_receive_times_out_and_the_iterator_goes_on():
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        assert asked.wait(PATIENCE)
        peer.send(said("a"))
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        stream = session.receive(timeout=0.05)
        with pytest.raises(ReceiveTimeout):
            next(stream)
        asked.set()
        assert next(session.receive(timeout=PATIENCE)).text == "a"


def test_a_timeout_of_zero_polls():
    with script_server(sends()) as server, server.model().connect() as session:
        with pytest.raises(TimeoutError):
            next(session.receive(timeout=0))


# A slow consumer harms only itself.


def test_a_full_inbox_pauses_reading_and_loses_nothing(caplog):
    options = SessionOptions(inbox_bytes=10_000)
    text = "x" * 2_000
    with script_server(sends(*[said(text)] * 2_000, code=1000)) as server:
        with server.model(options=options).connect() as session:
            stream = session.receive()
            next(stream)
            assert sum(1 for _ in stream) == 1_999
    assert caplog.text.count("inbox is full") == 1


def test_reading_goes_on_after_what_waited_outside_a_full_inbox():
    is_full, waits_outside, all_taken = threading.Event(), threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(said("x" * 500), said("x" * 500))
        assert is_full.wait(PATIENCE)
        peer.send(said("outside"))
        waits_outside.set()
        assert all_taken.wait(PATIENCE)
        peer.send(said("later"))
        peer.wait_for_end()

    with script_server(script) as server:
        with server.model(options=SessionOptions(inbox_bytes=1_000)).connect() as session:
            wait_until(lambda: not core_of(session).state.queue.has_room)
            is_full.set()
            assert waits_outside.wait(PATIENCE)
            stream = session.receive(timeout=PATIENCE)
            assert [next(stream).text for _ in range(3)][-1] == "outside"
            all_taken.set()
            assert next(stream).text == "later"


def test_a_full_inbox_ends_the_session_by_choice():
    options = SessionOptions(inbox_bytes=10_000, on_full="error")
    with script_server(sends(*[said("x" * 9_000)] * 50)) as server:
        with server.model(options=options).connect() as session:
            stream = session.receive()
            assert len(next(stream).text) == 9_000
            with pytest.raises(ConnectionClosedError, match="inbox_bytes") as caught:
                list(stream)
            assert caught.value.origin == "local"


def test_messages_that_hold_no_content_count_too():
    options = SessionOptions(inbox_bytes=10_000, on_full="error")
    call = {"toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": {"text": "x" * 9_000}}]}}
    with script_server(sends(*[call] * 50)) as server, server.model(options=options).connect() as session:
        wait_until(lambda: session.is_closed)
        with pytest.raises(ConnectionClosedError, match="inbox_bytes"):
            list(session.receive(timeout=PATIENCE))


def test_one_message_over_the_budget_is_delivered():
    options = SessionOptions(inbox_bytes=1)
    with script_server(sends(said("x" * 5_000), said("b"), code=1000)) as server:
        with server.model(options=options).connect() as session:
            assert [len(message.text) for message in session.receive()] == [5_000, 1]


def test_a_session_that_nobody_receives_from_does_not_hold_up_another():
    options = SessionOptions(inbox_bytes=1_000)
    with script_server(sends(*[said("x" * 2_000)] * 20)) as server:
        with server.model(options=options).connect() as slow, server.model().connect() as quick:
            stream = quick.receive()
            assert [len(next(stream).text) for _ in range(20)] == [2_000] * 20
            assert not slow.is_closed


def test_one_message_over_the_budget_does_not_end_the_session_even_by_choice():
    options = SessionOptions(inbox_bytes=1_000, on_full="error")
    with script_server(sends(said("x" * 5_000))) as server, server.model(options=options).connect() as session:
        assert len(next(session.receive()).text) == 5_000
        assert not session.is_closed


def test_a_send_that_fails_on_a_paused_session_costs_nothing_that_had_arrived():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(*[said("x" * 2_000)] * 40)
        peer.websocket.close_timeout = 0.2  # the client reads nothing, so it will not answer
        peer.close(1011, "Deadline expired before operation could complete.")

    def send_until_refused(session) -> None:
        while True:
            session.send_audio_realtime(bytes(640))

    with script_server(script) as server:
        with server.model(options=SessionOptions(inbox_bytes=5_000)).connect() as session:
            with pytest.raises(ConnectionClosedError):
                send_until_refused(session)
            received = []
            with pytest.raises(ConnectionClosedError) as caught:
                received.extend(collect(session, received))
    assert len(received) == 40
    assert (caught.value.code, caught.value.origin) == (1011, "server")


def collect(session, received: list) -> list:
    for message in session.receive():
        received.append(message)
    return []


def test_closing_an_iterator_from_another_thread_ends_its_wait_and_takes_nothing():
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        assert asked.wait(PATIENCE)
        peer.send(said("for the second"))
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        first = session.receive()
        waiting = InThread(lambda: list(first))
        waiting.thread.join(0.05)
        first.close()
        assert waiting.result() == []
        asked.set()
        assert next(session.receive()).text == "for the second"


def test_an_unknown_message_before_setup_complete_is_delivered_and_the_session_opens():
    def script(peer: Peer) -> None:
        peer.read()
        peer.send({"brandNew": 1}, {"setupComplete": {}})
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        with pytest.raises(UnsupportedMessageError):
            next(session.receive())
