"""Calls that are answered with `send_function_responses()`, beside functions that answer by themselves or without."""

from __future__ import annotations

import threading

import pytest

from livesession import (
    Behavior,
    FunctionDeclaration,
    FunctionResponse,
    InvalidRequestError,
    LiveGenerativeModel,
    LiveSession,
    SessionResumptionConfig,
    ToolOptions,
    VertexAI,
)
from tests.kit.inside import writer_busy
from tests.kit.servers import ScriptServer
from tests.kit.waiting import PATIENCE, InThread, wait_until
from tests.tools.calling import call, calling_model, cancellation, session_with, tool_call

BY_HAND = FunctionDeclaration(name="by_hand")
DONE = {"output": "done"}


def add(a: int) -> int:
    return a + 1


def received(session, count: int = 1) -> None:
    """Waits until so many messages have come."""
    messages = session.receive(timeout=PATIENCE)
    for _ in range(count):
        next(messages)


def test_without_auto_a_function_is_declared_and_its_calls_are_left_to_you():
    with session_with(add, tool_options=ToolOptions(auto=False)) as (model, session):
        model.say(tool_call(call("add", "1", a=1)))
        received(session)
        [wanted] = session.pending_calls
        assert (wanted.name, wanted.args) == ("add", {"a": 1})
        session.send_function_responses([FunctionResponse(id="1", response=DONE)])
        assert model.answer() == {"id": "1", "name": "add", "response": DONE}
        assert model.setup["tools"][0]["functionDeclarations"][0]["name"] == "add"


def test_an_answer_to_a_call_that_was_never_made_is_refused_and_names_those_that_wait():
    with session_with(BY_HAND) as (model, session):
        model.say(tool_call(call("by_hand", "1")))
        received(session)
        with pytest.raises(InvalidRequestError, match=r"no call with the id '2'.*wait: '1' of 'by_hand'"):
            session.send_function_responses([FunctionResponse(id="2", name="by_hand", response=DONE)])


def vertex_session(server: ScriptServer) -> LiveSession:
    """A session on a back end that takes answers without ids."""
    backend = VertexAI(project="p", location="l", token="t", base_url=server.url, proxy=False)
    return LiveGenerativeModel("m", backend=backend, tools=[BY_HAND]).connect()


def test_an_answer_without_an_id_goes_out_with_that_of_the_oldest_call_of_its_name():
    with calling_model() as (model, server), vertex_session(server) as session:
        model.say(tool_call(call("by_hand", "1"), call("by_hand", "2")))
        received(session)
        session.send_function_responses([FunctionResponse(name="by_hand", response=DONE)])
        assert model.answer()["id"] == "1"
        assert [each.id for each in session.pending_calls] == ["2"]


@pytest.mark.parametrize("ids", [("1", "2"), (None, None)])
def test_two_answers_of_one_name_without_ids_are_for_two_calls(ids):
    answer = FunctionResponse(name="by_hand", response=DONE)
    with calling_model() as (model, server), vertex_session(server) as session:
        model.say(tool_call(*(call("by_hand", each) for each in ids)))
        received(session)
        session.send_function_responses([answer, answer])
        assert [each.get("id") for each in model.answers(2)] == list(ids)
        assert not session.pending_calls


def test_an_answer_without_an_id_is_not_for_the_call_that_one_behind_it_names():
    unnamed, named = FunctionResponse(name="by_hand", response=DONE), FunctionResponse(id="1", response=DONE)
    with calling_model() as (model, server), vertex_session(server) as session:
        model.say(tool_call(call("by_hand", "1"), call("by_hand", "2")))
        received(session)
        session.send_function_responses([unnamed, named])
        assert [each["id"] for each in model.answers(2)] == ["2", "1"]


def test_a_second_answer_without_an_id_to_the_only_call_is_refused_as_such():
    answer = FunctionResponse(name="by_hand", response=DONE)
    with calling_model() as (model, server), vertex_session(server) as session:
        model.say(tool_call(call("by_hand", "1")))
        received(session)
        with pytest.raises(InvalidRequestError, match="call '1' of 'by_hand' has been answered already"):
            session.send_function_responses([answer, answer])
        assert [each.id for each in session.pending_calls] == ["1"]


def test_a_second_answer_to_a_call_is_refused():
    answer = FunctionResponse(id="1", response=DONE)
    with session_with(BY_HAND) as (model, session):
        model.say(tool_call(call("by_hand", "1")))
        received(session)
        with pytest.raises(InvalidRequestError, match="answered already"):
            session.send_function_responses([answer, answer])
        session.send_function_responses([answer])
        with pytest.raises(InvalidRequestError, match="answered already"):
            session.send_function_responses([answer])
        assert model.answer()["id"] == "1"
        model.hears_nothing_before(session)


def test_an_answer_to_a_call_that_a_function_runs_is_refused():
    may_end = threading.Event()

    def slow() -> str:
        assert may_end.wait(PATIENCE)
        return "by itself"

    with session_with(slow) as (model, session):
        model.say(tool_call(call("slow", "1")))
        received(session)
        with pytest.raises(InvalidRequestError, match="'1' of 'slow' is answered by itself"):
            session.send_function_responses([FunctionResponse(id="1", response=DONE)])
        may_end.set()
        assert model.answer()["response"] == {"output": "by itself"}
        with pytest.raises(InvalidRequestError, match="is answered by itself"):
            session.send_function_responses([FunctionResponse(id="1", response=DONE)])


def test_answers_to_cancelled_calls_are_left_out_with_a_warning(caplog):
    with session_with(BY_HAND) as (model, session):
        model.say(tool_call(call("by_hand", "1"), call("by_hand", "2")), cancellation("1"))
        received(session, 2)
        assert [each.id for each in session.pending_calls] == ["2"]
        session.send_function_responses([FunctionResponse(id=each, response=DONE) for each in ("1", "2")])
        assert [each["id"] for each in model.answers()] == ["2"]
    assert "cancelled" in caplog.text


def test_an_answer_in_parts_keeps_the_call_open():
    declaration = FunctionDeclaration(name="by_hand", behavior=Behavior.NON_BLOCKING)
    with session_with(declaration) as (model, session):
        model.say(tool_call(call("by_hand", "1")))
        received(session)
        session.send_function_responses([FunctionResponse(id="1", response={"part": 1}, will_continue=True)])
        assert len(session.pending_calls) == 1
        session.send_function_responses([FunctionResponse(id="1", response={"part": 2})])
        assert session.pending_calls == ()
        assert [each["response"] for each in model.answers(2)] == [{"part": 1}, {"part": 2}]


def test_an_answer_that_could_not_be_written_can_be_given_again():
    with session_with(BY_HAND) as (model, session):
        model.say(tool_call(call("by_hand", "1")))
        received(session)
        with pytest.raises(InvalidRequestError):
            session.send_function_responses([FunctionResponse(id="1", response={"value": float("nan")})])
        session.send_function_responses([FunctionResponse(id="1", response=DONE)])
        assert model.answer()["response"] == DONE


def test_a_name_that_is_not_the_call_s_is_refused():
    with session_with(BY_HAND) as (model, session):
        model.say(tool_call(call("by_hand", "1")))
        received(session)
        with pytest.raises(InvalidRequestError, match="is one of 'by_hand', not of 'other'"):
            session.send_function_responses([FunctionResponse(id="1", name="other", response=DONE)])


def test_of_two_answers_in_one_message_the_one_whose_call_is_still_wanted_goes_out():
    with calling_model() as (model, server):
        live = server.model(tools=[BY_HAND])
        with live.connect(session_resumption=SessionResumptionConfig()) as session:
            model.say(tool_call(call("by_hand", "1"), call("by_hand", "2")))
            received(session)
            both = [FunctionResponse(id=each, response=DONE) for each in ("1", "2")]
            with writer_busy(session):  # as a large message on a slow network has it
                sending = InThread(lambda: session.send_function_responses(both))
                wait_until(lambda: not session.pending_calls)
                model.say(cancellation("1"))
                received(session)
            sending.result()
            assert model.answer()["id"] == "2"


def test_an_answer_to_a_call_of_which_nothing_is_known_goes_out_though_one_beside_it_is_cancelled():
    with session_with() as (model, session):  # no tools were declared: all answers are taken
        model.say(tool_call(call("by_hand", "1")))
        received(session)
        session.send("Never mind.", turn_complete=True)
        model.hears()
        answers = [FunctionResponse(id=each, name="by_hand", response=DONE) for each in ("1", "from before")]
        sending = InThread(lambda: session.send_function_responses(answers))
        wait_until(lambda: not session.pending_calls)
        model.say(cancellation("1"))
        sending.result()
        assert model.answer()["id"] == "from before"
