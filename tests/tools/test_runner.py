"""Functions that are given as tools run when the model calls them, and what they return is sent."""

from __future__ import annotations

import contextvars
import logging
import math
import sys
import threading
import weakref

import pytest

from livesession import (
    CancelToken,
    FunctionDeclaration,
    FunctionResponse,
    FunctionResponsePart,
    GenerativeContentBlob,
    LiveServerToolCall,
    ToolOptions,
    ToolResult,
    tool,
)
from tests.kit.inside import core_of
from tests.kit.waiting import PATIENCE, InThread, wait_until
from tests.tools.calling import DONE, answer_of, call, calling_model, said, session_with, tool_call


def add(a: int, b: int = 1) -> int:
    """Adds two numbers."""
    return a + b


def test_a_function_is_called_with_the_model_s_arguments_and_its_result_is_sent():
    with session_with(add) as (model, _):
        model.say(tool_call(call("add", "call-7", a=2, b=3)))
        assert model.answer() == {"id": "call-7", "name": "add", "response": {"output": 5}}


def test_the_setup_declares_it():
    with session_with(add, FunctionDeclaration(name="by_hand")) as (model, _):
        [tool] = model.setup["tools"]
        assert [each["name"] for each in tool["functionDeclarations"]] == ["add", "by_hand"]
        assert tool["functionDeclarations"][0]["description"] == "Adds two numbers."


@pytest.mark.parametrize("value", [0, 0.0, "", False, None, [], {}], ids=repr)
def test_a_falsy_result_arrives_as_it_is(value):
    def empty() -> object:
        return value

    answer = answer_of(empty)
    assert answer == {"output": value}
    assert type(answer["output"]) is type(value)


def test_the_calls_of_one_message_run_at_once_and_each_gets_its_own_answer():
    together = threading.Barrier(3)

    def meet(name: str) -> str:
        together.wait(PATIENCE)
        return f"{name} was there"

    with session_with(meet) as (model, _):
        model.say(tool_call(*(call("meet", each, name=each) for each in ("a", "b", "c"))))
        answers = {each["id"]: each for each in model.answers(3)}
    assert answers == {
        each: {"id": each, "name": "meet", "response": {"output": f"{each} was there"}} for each in ("a", "b", "c")
    }


def test_calls_are_answered_while_nobody_receives():
    with session_with(add) as (model, _):
        for number in range(3):
            model.say(tool_call(call("add", str(number), a=number)))
            assert model.answer()["response"] == {"output": number + 1}


def test_an_exception_becomes_an_error_for_the_model_and_a_traceback_in_the_log(caplog):
    def fail(city: str) -> str:
        raise LookupError(f"there is no {city}\nnor was there, test-key knows")

    with caplog.at_level(logging.WARNING, "livesession"):
        answer = answer_of(fail, city="Atlantis")
    assert answer == {"error": "LookupError: there is no Atlantis nor was there, <secret> knows"}
    [record] = [record for record in caplog.records if "fail" in record.getMessage()]
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


def test_a_wrong_argument_becomes_an_error_that_names_it_and_the_function_does_not_run():
    answer = answer_of(add, a="two", c=3)
    assert answer == {"error": 'a must be an integer, not "two"; the function has no "c"'}


def test_a_function_that_exits_answers_with_an_error():
    def leave() -> None:
        sys.exit(3)

    assert answer_of(leave) == {"error": "SystemExit: 3"}


def test_a_result_that_cannot_be_written_becomes_an_error():
    def odd() -> object:
        return {"value": object()}

    assert "object" in answer_of(odd)["error"]


def test_a_result_that_is_no_number_becomes_an_error():
    def odd() -> float:
        return math.nan

    assert set(answer_of(odd)) == {"error"}


def test_a_function_that_the_model_made_up_is_answered_with_the_names_that_there_are():
    with session_with(add) as (model, _):
        model.say(tool_call(call("subtract", a=1)))
        assert model.answer() == {
            "id": "1",
            "name": "subtract",
            "response": {"error": "There is no function 'subtract'. There are: add."},
        }


def test_a_function_response_goes_out_with_its_parts_under_the_call_s_id_and_name():
    def draw() -> FunctionResponse:
        image = FunctionResponsePart(inline_data=GenerativeContentBlob(data=b"jpeg", mime_type="image/jpeg"))
        return FunctionResponse(response={"drawn": 1}, id="x", name="y", parts=[image])

    with session_with(draw) as (model, _):
        model.say(tool_call(call("draw")))
        assert model.answer() == {
            "id": "1",
            "name": "draw",
            "response": {"drawn": 1},
            "parts": [{"inlineData": {"mimeType": "image/jpeg", "data": "anBlZw=="}}],
        }


def test_a_function_sees_the_context_variables_of_connect():
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")

    def who() -> str:
        seen = user.get()
        user.set("changed by the tool")
        return seen

    with calling_model() as (model, server):
        live = server.model(tools=[who])
        token = user.set("Ada")
        with live.connect() as session:
            user.reset(token)
            model.say(tool_call(call("who", "1"), call("who", "2")))
            assert [each["response"] for each in model.answers(2)] == [{"output": "Ada"}] * 2
            assert not session.is_closed
    assert user.get() == "nobody"


def test_ask_goes_on_past_a_call_that_a_function_answers():
    with session_with(add) as (model, session):
        asked = InThread(lambda: session.ask("What is 2 and 3?"))
        model.hears()
        model.say(tool_call(call("add", a=2, b=3)))
        model.answer()
        model.say(said("Five."), DONE)
        turn = asked.result()
    assert turn.text == "Five."
    assert turn.complete
    assert [each.name for each in turn.function_calls] == ["add"]
    [result] = turn.tool_results
    assert result.response == {"output": 5}
    assert result.outcome == "answered"


def test_ask_returns_at_a_message_with_a_call_that_is_to_be_answered_by_hand():
    with session_with(add, FunctionDeclaration(name="by_hand")) as (model, session):
        asked = InThread(lambda: session.ask("Do both."))
        model.hears()
        model.say(tool_call(call("add", "1", a=2), call("by_hand", "2")))
        turn = asked.result()
        assert not turn.complete
        assert model.answer()["id"] == "1"
        assert [each.id for each in session.pending_calls] == ["2"]
        session.send_function_responses([FunctionResponse(id="2", response={"output": "by hand"})])
        assert model.answer() == {"id": "2", "name": "by_hand", "response": {"output": "by hand"}}
        assert session.pending_calls == ()


def test_the_time_that_a_function_takes_does_not_count_as_silence():
    may_end = threading.Event()

    def slow() -> str:
        assert may_end.wait(PATIENCE)
        return "done"

    with session_with(slow) as (model, session):
        asked = InThread(lambda: session.ask("Go.", timeout=0.15))
        model.hears()
        model.say(tool_call(call("slow")))
        assert not asked.thread.join(0.5)
        assert asked.thread.is_alive()
        may_end.set()
        model.answer()
        model.say(said("So it is."), DONE)
        assert asked.result().text == "So it is."


def test_receive_yields_the_call_and_then_its_result():
    with session_with(add) as (model, session):
        model.say(tool_call(call("add", a=2)))
        messages = session.receive(timeout=PATIENCE)
        first, second = next(messages), next(messages)
    assert isinstance(first, LiveServerToolCall)
    assert isinstance(second, ToolResult)
    assert second.call == first.function_calls[0]
    assert second.response == {"output": 3}
    assert 0 <= second.seconds < PATIENCE


def test_by_choice_neither_is_yielded():
    options = ToolOptions(messages=False)
    with session_with(add, FunctionDeclaration(name="by_hand"), tool_options=options) as (model, session):
        model.say(tool_call(call("add", "1", a=2)))
        model.answer()
        model.say(tool_call(call("add", "2", a=2), call("by_hand", "3")))
        model.answer()
        message = next(session.receive(timeout=PATIENCE))
    assert isinstance(message, LiveServerToolCall)
    assert [each.id for each in message.function_calls] == ["2", "3"]


def test_a_time_out_is_logged(caplog):
    may_end = threading.Event()

    def slow() -> None:
        assert may_end.wait(PATIENCE)

    with session_with(slow, tool_options=ToolOptions(timeout=0.05)) as (model, _):
        model.say(tool_call(call("slow")))
        model.answer()
        may_end.set()
    assert "slow took longer than 0.05 s" in caplog.text


def test_a_function_that_takes_too_long_is_answered_for_and_its_late_answer_is_dropped_and_counted():
    may_end = threading.Event()

    def slow() -> str:
        assert may_end.wait(PATIENCE)
        return "too late"

    with session_with(slow, tool_options=ToolOptions(timeout=0.05)) as (model, session):
        model.say(tool_call(call("slow")))
        assert model.answer()["response"] == {"error": "slow took longer than 0.05 s"}
        may_end.set()
        wait_until(lambda: session.tool_statistics.dropped == 1)
        model.hears_nothing_before(session)
        results = [m for m in [next(session.receive(timeout=PATIENCE)) for _ in range(2)] if isinstance(m, ToolResult)]
        assert [each.outcome for each in results] == ["timed_out"]
        assert session.tool_statistics.timed_out == 1
        assert session.tool_statistics.running == 0


def test_the_time_limit_of_a_function_goes_before_that_of_all():
    may_end = threading.Event()

    @tool(timeout=0.05)
    def slow() -> None:
        may_end.wait(PATIENCE)

    with session_with(slow, tool_options=ToolOptions(timeout=PATIENCE)) as (model, _):
        model.say(tool_call(call("slow")))
        assert model.answer()["response"] == {"error": "slow took longer than 0.05 s"}
        may_end.set()


def test_calls_beyond_the_bound_wait_and_their_time_limit_counts_from_the_call():
    may_end = threading.Event()

    def slow() -> str:
        assert may_end.wait(PATIENCE)
        return "done"

    with session_with(slow, tool_options=ToolOptions(timeout=0.05, concurrency=1)) as (model, session):
        model.say(tool_call(call("slow", "1"), call("slow", "2")))
        answers = {each["id"]: each["response"]["error"] for each in model.answers(2)}
        assert answers["1"] == "slow took longer than 0.05 s"
        assert answers["2"].startswith("slow took longer than 0.05 s; it was not begun")
        may_end.set()
        wait_until(lambda: session.tool_statistics.running == 0)


def test_no_more_functions_run_at_once_than_the_bound_says():
    running, most, lock = 0, 0, threading.Lock()

    def count() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.002)
        with lock:
            running -= 1

    with session_with(count, tool_options=ToolOptions(concurrency=3)) as (model, _):
        model.say(tool_call(*(call("count", str(number)) for number in range(30))))
        assert len(model.answers(30)) == 30
    assert most <= 3


def test_a_function_may_close_the_session():
    closed = threading.Event()
    sessions = []

    def hang_up() -> None:
        sessions[0].close()
        closed.set()

    with session_with(hang_up) as (model, session):
        sessions.append(session)
        model.say(tool_call(call("hang_up")))
        assert closed.wait(PATIENCE)
        assert session.is_closed


def test_a_session_that_is_forgotten_while_a_function_runs_is_given_up():
    begun, token_set = threading.Event(), threading.Event()

    def wait(cancel: CancelToken) -> None:
        begun.set()
        if cancel.wait(PATIENCE):
            token_set.set()

    with calling_model() as (model, server):
        sessions = [server.model(tools=[wait]).connect()]
        reference = weakref.ref(sessions[0])
        model.say(tool_call(call("wait")))
        assert begun.wait(PATIENCE)
        with pytest.warns(ResourceWarning, match="not closed"):
            sessions.clear()
        assert reference() is None
        assert token_set.wait(PATIENCE)


class BrokenHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("the disk is full")


def test_a_log_handler_that_fails_costs_no_answer_and_no_thread():
    def fail() -> None:
        raise ValueError("unknown city")

    logger, handler = logging.getLogger("livesession"), BrokenHandler()
    logger.addHandler(handler)
    try:
        with session_with(fail, add, tool_options=ToolOptions(concurrency=1)) as (model, _):
            model.say(tool_call(call("fail", "1")))
            assert model.answer()["response"] == {"error": "ValueError: unknown city"}
            model.say(tool_call(call("add", "2", a=1)))
            assert model.answer()["response"] == {"output": 2}
    finally:
        logger.removeHandler(handler)


@pytest.mark.parametrize(
    "answer",
    [
        FunctionResponse(response=[1]),
        FunctionResponse(
            parts=[FunctionResponsePart(inline_data=GenerativeContentBlob(data=b"x", mime_type="\ud800"))]
        ),
    ],
    ids=["no object", "half a surrogate pair"],
)
def test_a_function_response_that_cannot_be_sent_becomes_an_error(answer):
    def odd() -> FunctionResponse:
        return answer

    assert set(answer_of(odd)) == {"error"}


def test_what_a_function_returns_because_its_time_is_up_is_not_its_answer():
    def slow(cancel: CancelToken) -> str:
        assert cancel.wait(PATIENCE)
        return "half of it"

    with session_with(slow, tool_options=ToolOptions(timeout=0.05)) as (model, session):
        redact = core_of(session).state.redact

        def slowly(text: str) -> str:  # between the token and the timer's own answer
            threading.Event().wait(0.05)
            return redact(text)

        core_of(session).state.redact = slowly
        model.say(tool_call(call("slow")))
        assert model.answer()["response"] == {"error": "slow took longer than 0.05 s"}


def test_an_answer_that_is_on_its_way_when_the_time_is_up_is_counted_once():
    def quick() -> str:
        return "done"

    with session_with(quick, tool_options=ToolOptions(timeout=0.05)) as (model, session):
        send = core_of(session).responder._send_message

        def slowly(*args: object) -> None:
            threading.Event().wait(0.2)
            send(*args)

        core_of(session).responder._send_message = slowly
        model.say(tool_call(call("quick")))
        assert model.answer()["response"] == {"output": "done"}
        wait_until(lambda: session.tool_statistics.running == 0)
        assert (session.tool_statistics.answered, session.tool_statistics.dropped) == (1, 0)
