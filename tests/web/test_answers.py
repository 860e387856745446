"""Answers as server-sent events: what the page is told, heartbeats in silence, and what a closed tab does."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from livesession import (
    AudioTranscriptionConfig,
    ConfigurationError,
    InvalidRequestError,
    LiveGenerationConfig,
    LiveGenerativeModel,
    SessionClosedError,
    SessionOptions,
    SessionResumptionConfig,
)
from livesession.emulator import LiveEmulator, Speech, ToolCall
from livesession.web import HEARTBEAT, PoolFullError, SessionPool, event_stream, refusal, sse_event
from tests.kit.waiting import PATIENCE, InThread, wait_until
from tests.tools.calling import DONE, calling_model, said, session_with
from tests.web.kit import TEXT, events_of, pool_at, text_of

SPOKEN = LiveGenerationConfig(response_modalities="AUDIO")
TRANSCRIBED = LiveGenerationConfig(output_audio_transcription=AudioTranscriptionConfig())


@pytest.fixture
def gate():
    """What a responder waits for; opened at the end at the latest."""
    gate = threading.Event()
    yield gate
    gate.set()


def test_an_answer_comes_as_events_that_end_with_its_cost():
    with LiveEmulator(lambda turn: ["Hello, ", "Ada."]) as emulator, pool_at(emulator) as pool:
        events = events_of(pool.answer("ada", "Hello"))
    assert [event.type for event in events] == ["text", "text", "end"]
    assert text_of(events) == "Hello, Ada."
    assert events[-1].json["interrupted"] is False
    assert events[-1].json["tokens"] > 0


def test_the_words_of_a_spoken_answer_come_as_text_too():
    with LiveEmulator(lambda turn: "Hello.") as emulator, pool_at(emulator, config=TRANSCRIBED) as pool:
        assert text_of(events_of(pool.answer("ada", "Hello"))) == "Hello."


def test_the_next_question_may_be_asked_as_soon_as_the_last_event_is_there():
    with LiveEmulator() as emulator, pool_at(emulator, busy_timeout=0, idle_timeout=0) as pool:
        handles = []
        for number in range(3):
            for text in pool.answer("ada", f"{number}", handle=(handles or [None])[-1], on_handle=handles.append):
                if text.startswith("event: end"):
                    assert len(handles) == number + 1
                    assert pool.in_use == 0


def test_a_question_that_is_refused_raises_before_anything_is_answered_and_takes_no_place():
    with LiveEmulator() as emulator, pool_at(emulator, limit=1) as pool:
        with pytest.raises(InvalidRequestError) as raised:
            pool.answer("ada", "")
        assert refusal(raised.value).status == 400
        answer = pool.answer("ada", "?")
        with pytest.raises(PoolFullError):
            pool.answer("bob", "?")
        assert text_of(events_of(answer)) == "You said: ?"


def test_a_question_that_is_refused_leaves_the_session_to_the_next_one_on_any_thread():
    with LiveEmulator() as emulator, pool_at(emulator) as pool:
        with pytest.raises(InvalidRequestError) as raised:
            pool.answer("ada", "")
        asking = InThread(lambda: text_of(events_of(pool.answer("ada", "?"))))
        assert asking.result() == "You said: ?"
        assert len(emulator.handshakes) == 1
        assert raised.tb is not None  # as a framework keeps it that shows where an error came from


def test_a_closed_session_cannot_be_streamed_from():
    with LiveEmulator() as emulator:
        model = LiveGenerativeModel("m-live", backend=emulator.backend(), generation_config=TEXT)
        session = model.connect()
        session.close()
        with pytest.raises(SessionClosedError):
            next(event_stream(session))


def test_a_heartbeat_that_would_never_stop_is_refused():
    with LiveEmulator() as emulator, pool_at(emulator) as pool, pytest.raises(ConfigurationError, match="over 0"):
        pool.answer("ada", "?", heartbeat=0)


def test_a_silent_model_is_covered_by_heartbeats(gate):
    def slowly(turn):
        gate.wait(PATIENCE)
        return "at last"

    with LiveEmulator(slowly) as emulator, pool_at(emulator) as pool:
        answer = pool.answer("ada", "?", heartbeat=0.02)
        assert [next(answer) for _ in range(3)] == [HEARTBEAT] * 3
        gate.set()
        assert text_of(events_of(answer)) == "at last"


def test_a_function_at_work_is_covered_by_heartbeats_and_told_of(gate):
    def look_up() -> str:
        gate.wait(PATIENCE)
        return "secret"

    def responder(turn):
        yield ToolCall("look_up")
        yield "done"

    with LiveEmulator(responder) as emulator, pool_at(emulator, tools=[look_up]) as pool:
        answer = pool.answer("ada", "?", heartbeat=0.3, timeout=1)
        assert [next(answer) for _ in range(5)] == [HEARTBEAT] * 5  # more than a second
        gate.set()
        events = events_of(answer)
    assert [event.type for event in events] == ["tool", "text", "end"]
    assert events[0].json == {"name": "look_up", "outcome": "answered"}


def test_messages_of_which_the_page_is_told_nothing_are_covered_by_heartbeats():
    second = Speech(bytes(48_000))
    with LiveEmulator(lambda turn: second, pace=2) as emulator, pool_at(emulator, config=SPOKEN) as pool:
        answer = list(pool.answer("ada", "?", heartbeat=0.02))
    assert answer.count(HEARTBEAT) >= 2
    assert [event.type for event in events_of(answer)] == ["end"]


def test_a_model_that_is_silent_for_too_long_is_given_up_in_words_for_visitors(gate):
    with LiveEmulator(lambda turn: gate.wait(PATIENCE) and "late") as emulator, pool_at(emulator) as pool:
        events = events_of(pool.answer("ada", "?", heartbeat=0.02, timeout=0.1))
        assert [(event.type, event.json) for event in events] == [
            ("failure", {"message": "The answer did not come in time. Please ask again."})
        ]
        gate.set()
        assert text_of(events_of(pool.answer("ada", "again", timeout=PATIENCE))) == "late"


def test_an_answer_to_realtime_text_that_comes_too_late_is_not_taken_for_the_next_one():
    with calling_model() as (model, server):
        connected = server.model()
        with SessionPool(lambda handle: connected.connect()) as pool:
            failed = events_of(pool.answer("ada", "one", timeout=0.05, realtime_text=True))
            assert [event.type for event in failed] == ["failure"]
            with suppress(ConnectionClosed):
                model.say(said("to one"), DONE)
            del model.peer
            second = pool.answer("ada", "two", timeout=PATIENCE, realtime_text=True)
            model.say(said("to two"), DONE)
            assert text_of(events_of(second)) == "to two"


def half(turn):
    """Begins an answer, and goes on only to be interrupted."""
    yield "half"
    turn.interrupted.wait(PATIENCE)


def test_a_session_that_is_lost_in_the_middle_is_told_of_without_its_reason(caplog):
    with LiveEmulator(half) as emulator:
        model = LiveGenerativeModel(
            "m-live", backend=emulator.backend(), generation_config=TEXT, options=SessionOptions(resumption=None)
        )
        with SessionPool(lambda handle: model.connect()) as pool:
            answer = pool.answer("ada", "?")
            begin = next(answer)
            emulator.close_connections(1011, "internal sesame")
            events = events_of([begin, *answer])
            wait_until(lambda: not pool.in_use)
    assert [(event.type, *event.json.values()) for event in events] == [
        ("text", "half"),
        ("failure", "The conversation was interrupted. Please ask again."),
    ]
    assert "internal sesame" in caplog.text


def test_a_connection_that_is_lost_in_the_middle_begins_the_answer_anew(gate):
    def half_at_first(turn):
        yield "half" if not gate.is_set() else "whole"
        gate.wait(PATIENCE)

    with LiveEmulator(half_at_first) as emulator, pool_at(emulator) as pool:
        answer = pool.answer("ada", "?")
        begin = next(answer)
        gate.set()
        emulator.drop_connections()
        events = events_of([begin, *answer])
    assert [event.type for event in events] == ["text", "restart", "text", "end"]
    assert text_of(events) == "halfwhole"


def test_an_answer_that_is_left_in_the_middle_closes_the_session():
    with LiveEmulator(half) as emulator, pool_at(emulator) as pool:
        answer = pool.answer("ada", "?", heartbeat=0.01)
        next(answer)
        answer.close()
        wait_until(lambda: not emulator.connections and not pool.in_use)


def test_an_answer_of_which_nothing_was_read_closes_the_session_too():
    with LiveEmulator() as emulator, pool_at(emulator) as pool:
        pool.answer("ada", "?").close()
        wait_until(lambda: not emulator.connections and not pool.in_use)


def test_an_answer_is_complete_even_if_its_handle_cannot_be_stored(caplog):
    def full_disk(handle):
        raise OSError("no space left")

    with LiveEmulator() as emulator, pool_at(emulator) as pool:
        events = events_of(pool.answer("ada", "hi", on_handle=full_disk))
        assert [event.type for event in events] == ["text", "end"]
        assert text_of(events_of(pool.answer("ada", "again"))) == "You said: again"
    assert "no space left" in caplog.text


def test_an_interruption_is_told_of():
    with LiveEmulator(half) as emulator, pool_at(emulator) as pool:
        answer = pool.answer("ada", "?")
        begin = next(answer)
        pool._here.leases.at("ada").session.interrupt()
        events = events_of([begin, *answer])
    assert [event.type for event in events] == ["text", "interrupted", "end"]
    assert events[-1].json["interrupted"] is True


def test_a_question_can_be_asked_as_realtime_input():
    with LiveEmulator() as emulator, pool_at(emulator) as pool:
        assert text_of(events_of(pool.answer("ada", "now", realtime_text=True))) == "You said: now"
        assert emulator.received[-1].message["realtimeInput"] == {"text": "now"}


def test_an_application_can_describe_messages_in_its_own_way():
    def shout(message):
        if message.text:
            yield sse_event(message.text.upper())

    with LiveEmulator() as emulator, pool_at(emulator) as pool:
        assert events_of(pool.answer("ada", "hi", describe=shout))[0].data == "YOU SAID: HI"


def test_a_frame_that_cannot_be_read_does_not_end_the_answer(caplog):
    with session_with() as (model, session):
        answer = InThread(lambda: events_of(event_stream(session)))
        model.say(said("a"), "no JSON", said("b"), DONE)
        assert text_of(answer.result()) == "ab"
    assert "in the answer to a visitor" in caplog.text


def test_a_session_of_one_s_own_can_be_streamed_from_and_is_free_afterwards():
    with LiveEmulator() as emulator:
        model = LiveGenerativeModel("m-live", backend=emulator.backend(), generation_config=TEXT)
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            for number in range(2):
                session.send(f"{number}", turn_complete=True)
                assert text_of(events_of(event_stream(session))) == f"You said: {number}"
            assert session.ask("2").text == "You said: 2"
