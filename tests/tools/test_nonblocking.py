"""Functions whose answer the model does not wait for, answers in several parts, and audio that is held back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from livesession import (
    CancelToken,
    FunctionDeclaration,
    FunctionResponse,
    LiveGenerativeModel,
    SendTimeout,
    SessionOptions,
    ToolOptions,
    VertexAI,
    tool,
)
from tests.kit.inside import core_of
from tests.kit.waiting import PATIENCE, InThread, wait_until
from tests.tools.calling import DONE, call, calling_model, cancellation, said, session_with, tool_call

SILENCE = b"\0" * 640


@pytest.mark.parametrize("scheduling", ["INTERRUPT", "WHEN_IDLE", "SILENT"])
def test_a_function_that_nobody_waits_for_is_declared_so_and_says_when_to_speak_of_it(scheduling):
    @tool(behavior="NON_BLOCKING", scheduling=scheduling)
    def look_up() -> str:
        return "found"

    with session_with(look_up) as (model, _):
        assert model.setup["tools"][0]["functionDeclarations"][0]["behavior"] == "NON_BLOCKING"
        model.say(tool_call(call("look_up")))
        assert model.answer() == {
            "id": "1",
            "name": "look_up",
            "response": {"output": "found"},
            "scheduling": scheduling,
        }


def count(upto: int) -> Iterator[int]:
    """Counts."""
    yield from range(upto)


def test_a_generator_answers_with_each_value_and_then_says_that_it_has_ended():
    with session_with(count) as (model, session):
        assert model.setup["tools"][0]["functionDeclarations"][0]["behavior"] == "NON_BLOCKING"
        model.say(tool_call(call("count", upto=2)))
        parts = model.answers(3)
        assert [(part["response"], part["willContinue"]) for part in parts] == [
            ({"output": 0}, True),
            ({"output": 1}, True),
            ({}, False),
        ]
        assert {part["id"] for part in parts} == {"1"}
        wait_until(lambda: session.tool_statistics.answered == 1)


def test_what_a_generator_returns_is_a_part_too():
    def work() -> Iterator[str]:
        yield "begun"
        return "done"

    with session_with(work) as (model, _):
        model.say(tool_call(call("work")))
        assert [part["response"] for part in model.answers(3)] == [{"output": "begun"}, {"output": "done"}, {}]


def test_a_generator_that_fails_ends_its_answer_with_the_error():
    def work() -> Iterator[str]:
        yield "begun"
        raise RuntimeError("broken")

    with session_with(work) as (model, _):
        model.say(tool_call(call("work")))
        first, last = model.answers(2)
        assert first["willContinue"] is True
        assert last["response"] == {"error": "RuntimeError: broken"}
        assert not last.get("willContinue")


def test_a_cancelled_generator_is_closed_at_its_next_value():
    may_go_on, closed = threading.Event(), threading.Event()

    def work(cancel: CancelToken) -> Iterator[int]:
        try:
            yield 1
            assert may_go_on.wait(PATIENCE)
            yield 2
            yield 3
        finally:
            closed.set()

    with session_with(work) as (model, session):
        model.say(tool_call(call("work", "7")))
        model.answer()
        model.say(cancellation("7"), {"goAway": {"timeLeft": "9s"}})
        messages = session.receive(timeout=PATIENCE)
        next(messages), next(messages), next(messages)
        may_go_on.set()
        assert closed.wait(PATIENCE)
        model.hears_nothing_before(session)


def test_a_generator_that_takes_too_long_is_answered_for():
    @tool(timeout=0.05)
    def work(cancel: CancelToken) -> Iterator[int]:
        yield 1
        cancel.wait(PATIENCE)
        yield 2

    with session_with(work) as (model, session):
        model.say(tool_call(call("work")))
        first, last = model.answers(2)
        assert first["response"] == {"output": 1}
        assert last["response"] == {"error": "work took longer than 0.05 s"}
        model.hears_nothing_before(session)


def test_vertex_which_takes_no_parts_gets_all_values_at_once():
    with calling_model() as (model, server):
        backend = VertexAI(project="p", location="l", token="t", base_url=server.url, proxy=False)
        with LiveGenerativeModel("m", backend=backend, tools=[count]).connect():
            model.say(tool_call(call("count", upto=3)))
            assert model.answer() == {"id": "1", "name": "count", "response": {"output": [0, 1, 2]}}


def test_the_answer_to_a_question_goes_on_until_the_model_has_spoken_of_its_function():
    """services.md 2.3: a NON_BLOCKING call's turn ends at once, and the model speaks of the answer in another one."""
    may_end = threading.Event()

    @tool(behavior="NON_BLOCKING")
    def look_up() -> str:
        assert may_end.wait(PATIENCE)
        return "found"

    with session_with(look_up) as (model, session):
        asked = InThread(lambda: session.ask("Look it up."))
        model.hears()
        model.say(tool_call(call("look_up")), said("I am looking."), DONE)
        assert not asked.thread.join(0.05)
        assert asked.thread.is_alive()
        may_end.set()
        model.answer()
        model.say(said(" I have found it."), DONE)
        assert asked.result().text == "I am looking. I have found it."
        asked = InThread(lambda: session.ask("And what is the time?"))
        model.hears()
        model.say(said("It is noon."), DONE)
        assert asked.result().text == "It is noon."


def test_a_question_after_an_answer_that_came_too_late_is_not_answered_by_what_the_model_says_of_that():
    may_end = threading.Event()

    @tool(behavior="NON_BLOCKING")
    def look_up() -> str:
        assert may_end.wait(PATIENCE)
        return "found"

    with session_with(look_up) as (model, session):
        asked = InThread(lambda: session.ask("Look it up.", timeout=0.1))
        model.hears()
        model.say(tool_call(call("look_up")), said("I am looking."), DONE)
        turn = asked.result()
        assert (turn.text, turn.complete) == ("I am looking.", True)
        may_end.set()
        model.answer()
        asked = InThread(lambda: session.ask("And what is the time?"))
        model.hears()
        model.say(said("I have found it."), DONE, said("It is noon."), DONE)
        assert asked.result().text == "It is noon."


def test_an_answer_that_comes_while_the_turn_of_the_call_still_goes_on_is_spoken_of_behind_it():
    @tool(behavior="NON_BLOCKING")
    def look_up() -> str:
        return "found"

    with session_with(look_up) as (model, session):
        asked = InThread(lambda: session.ask("Look it up."))
        model.hears()
        model.say(tool_call(call("look_up")))
        model.answer()
        model.say(said("I am looking."), DONE, said(" I have found it."), DONE)
        assert asked.result().text == "I am looking. I have found it."
        asked = InThread(lambda: session.ask("And what is the time?"))
        model.hears()
        model.say(said("It is noon."), DONE)
        assert asked.result().text == "It is noon."


def test_a_server_that_ends_the_turn_of_a_function_it_was_to_wait_for_speaks_of_the_answer_later():
    """services.md 2.3: today's models do not wait for undeclared functions, whichever of the two comes first."""

    def look_up() -> str:
        return "found"

    with session_with(look_up) as (model, session):
        for order in ("answer first", "end first"):
            asked = InThread(lambda: session.ask("Look it up."))
            model.hears()
            model.say(tool_call(call("look_up", order)), *([DONE] if order == "end first" else []))
            model.answer()
            model.say(*([DONE] if order == "answer first" else []), said("Found."), DONE)
            assert asked.result().text == "Found."
        asked = InThread(lambda: session.ask("And what is the time?"))
        model.hears()
        model.say(said("It is noon."), DONE)
        assert asked.result().text == "It is noon."


def test_a_model_that_says_nothing_of_an_answer_costs_no_more_than_the_time_limit_and_not_the_next_question():
    @tool(behavior="NON_BLOCKING")
    def look_up() -> str:
        return "found"

    with session_with(look_up) as (model, session):
        asked = InThread(lambda: session.ask("Look it up.", timeout=0.2))
        model.hears()
        model.say(tool_call(call("look_up")), said("I am looking."), DONE)
        model.answer()
        assert asked.result().text == "I am looking."
        asked = InThread(lambda: session.ask("And what is the time?"))
        model.hears()
        model.say(said("It is noon."), DONE)
        assert asked.result().text == "It is noon."


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_silent_answer_is_not_waited_for(is_declared):
    may_end = threading.Event()

    @tool(behavior="NON_BLOCKING", scheduling="SILENT")
    def note() -> str:
        assert may_end.wait(PATIENCE)
        return "noted"

    with session_with(note) as (model, session):
        asked = InThread(lambda: session.ask("Note it."))
        model.hears()
        if not is_declared:
            may_end.set()
        model.say(tool_call(call("note")))
        if not is_declared:
            model.answer()
        model.say(said("Done."), DONE)
        assert asked.result().text == "Done."
        may_end.set()


def test_a_server_that_says_that_it_goes_on_speaks_of_the_answer_in_the_same_turn():
    in_progress = {"serverContent": {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}}

    @tool(behavior="NON_BLOCKING")
    def look_up() -> str:
        return "found"

    with session_with(look_up) as (model, session):
        asked = InThread(lambda: session.ask("Look it up."))
        model.hears()
        model.say(tool_call(call("look_up")))
        model.answer()
        model.say(said("I am looking."), in_progress, said(" I have found it."), DONE)
        assert asked.result().text == "I am looking. I have found it."
        asked = InThread(lambda: session.ask("And what is the time?"))
        model.hears()
        model.say(said("It is noon."), DONE)
        assert asked.result().text == "It is noon."


def test_the_result_of_a_function_that_nobody_waits_for_belongs_to_the_turn_in_which_it_comes():
    release = threading.Event()

    @tool(behavior="NON_BLOCKING", scheduling="SILENT")
    def look_up() -> str:
        release.wait(PATIENCE)
        return "found"

    with session_with(look_up) as (model, session):
        asking = InThread(lambda: session.ask("one", timeout=PATIENCE))
        model.hears()
        model.say(tool_call(call("look_up")), said("I look it up."), DONE)
        assert asking.result().tool_results == ()
        asking = InThread(lambda: session.ask("two", timeout=PATIENCE))
        model.hears()
        release.set()
        model.answer()
        wait_until(lambda: session.tool_statistics.answered == 1)
        model.say(said("Here it is."), DONE)
        turn = asking.result()
    assert [result.response for result in turn.tool_results] == [{"output": "found"}]


def test_a_silent_answer_makes_no_turn():
    may_end, answered = threading.Event(), threading.Event()

    @tool(behavior="NON_BLOCKING", scheduling="SILENT")
    def look_up() -> str:
        assert may_end.wait(PATIENCE)
        return "found"

    with session_with(look_up) as (model, session):
        model.say(tool_call(call("look_up")), DONE)
        session.receive_turn().collect()
        may_end.set()
        model.answer()
        answered.set()
        asked = InThread(lambda: session.ask("What is the time?"))
        model.hears()
        model.say(said("It is noon."), DONE)
        assert asked.result().text == "It is noon."


def test_nor_does_the_end_of_a_generator_of_whose_values_the_model_has_spoken():
    may_end = threading.Event()

    def look_up() -> Iterator[str]:
        yield "found"
        assert may_end.wait(PATIENCE)

    with session_with(look_up) as (model, session):
        model.say(tool_call(call("look_up")), DONE)
        session.receive_turn(timeout=0.05).collect()
        model.answer()
        model.say(said("I have found it."), DONE)
        session.receive_turn(timeout=0.2).collect()
        may_end.set()
        assert model.answer()["response"] == {}
        asked = InThread(lambda: session.ask("What is the time?", timeout=PATIENCE))
        model.hears()
        model.say(said("It is noon."), DONE)
        assert asked.result().text == "It is noon."


def test_of_a_silent_answer_and_one_that_is_not_the_model_speaks_once():
    declarations = [FunctionDeclaration(name=each, behavior="NON_BLOCKING") for each in ("look_up", "note")]
    with session_with(*declarations) as (model, session):
        model.say(tool_call(call("look_up", "1"), call("note", "2")), DONE)
        session.receive_turn().collect()
        session.send_function_responses(
            [
                FunctionResponse(id="1", response={"output": "found"}),
                FunctionResponse(id="2", response={"output": "noted"}, scheduling="SILENT"),
            ]
        )
        model.answers(2)
        asked = InThread(lambda: session.ask("What is the time?", timeout=PATIENCE))
        model.hears()
        model.say(said("I have found it."), DONE, said("It is noon."), DONE)
        assert asked.result().text == "It is noon."


def test_audio_waits_for_the_answer_to_a_call_that_the_model_waits_for():
    may_end, begun = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert may_end.wait(PATIENCE)
        return "done"

    with session_with(slow, tool_options=ToolOptions(hold_audio=PATIENCE)) as (model, session):
        model.say(tool_call(call("slow")))
        assert begun.wait(PATIENCE)
        sending = InThread(lambda: session.send_audio_realtime(SILENCE))
        session.send_text_realtime("text does not wait")
        assert "text" in model.hears()["realtimeInput"]
        assert sending.thread.is_alive()
        may_end.set()
        model.answer()
        assert "audio" in model.hears()["realtimeInput"]
        sending.result()


def test_audio_waits_no_longer_than_the_bound():
    options = ToolOptions(hold_audio=0.2)
    with session_with(FunctionDeclaration(name="by_hand"), tool_options=options) as (model, session):
        model.say(tool_call(call("by_hand")))
        next(session.receive(timeout=PATIENCE))
        began = time.monotonic()
        session.send_audio_realtime(SILENCE)
        session.send_audio_realtime(SILENCE)
        assert 0.1 < time.monotonic() - began < PATIENCE / 2
        assert "audio" in model.hears()["realtimeInput"]
        session.send_function_responses([FunctionResponse(id="1", response={})])


def test_audio_does_not_wait_for_a_function_that_the_model_does_not_wait_for():
    may_end = threading.Event()

    @tool(behavior="NON_BLOCKING")
    def slow() -> None:
        assert may_end.wait(PATIENCE)

    with session_with(slow, tool_options=ToolOptions(hold_audio=PATIENCE)) as (model, session):
        model.say(tool_call(call("slow")))
        next(session.receive(timeout=PATIENCE))
        session.send_audio_realtime(SILENCE)
        assert "audio" in model.hears()["realtimeInput"]
        may_end.set()


def test_close_frees_a_sender_whose_audio_is_held_back():
    options = SessionOptions(close_timeout=1)
    with session_with(
        FunctionDeclaration(name="by_hand"), tool_options=ToolOptions(hold_audio=PATIENCE), options=options
    ) as (model, session):
        model.say(tool_call(call("by_hand")))
        next(session.receive(timeout=PATIENCE))
        sending = InThread(lambda: session.send_audio_realtime(SILENCE))
        session.close()
        with pytest.raises(Exception, match="closed"):
            sending.result()


def test_a_generator_whose_part_is_on_its_way_when_the_time_is_up_is_answered_for():
    may_end = threading.Event()

    @tool(timeout=0.05)
    def work() -> Iterator[int]:
        yield 1
        may_end.wait(PATIENCE)

    with session_with(work) as (model, session):
        send = core_of(session).responder._send_message

        def slowly(*args: object) -> None:
            threading.Event().wait(0.2)
            send(*args)

        core_of(session).responder._send_message = slowly
        model.say(tool_call(call("work")))
        assert [part["response"] for part in model.answers(2)] == [
            {"output": 1},
            {"error": "work took longer than 0.05 s"},
        ]
        may_end.set()


def test_audio_is_held_back_no_longer_than_the_sender_waits():
    options = ToolOptions(hold_audio=PATIENCE)
    with session_with(FunctionDeclaration(name="by_hand"), tool_options=options) as (model, session):
        model.say(tool_call(call("by_hand")))
        next(session.receive(timeout=PATIENCE))
        with pytest.raises(SendTimeout, match="held back"):
            session.send_audio_realtime(SILENCE, timeout=0.05)
