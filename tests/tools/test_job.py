"""The answers that are made of what a function returns or yields."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from livesession import FunctionCall, FunctionDeclaration, FunctionResponse, FunctionTool, ToolCancelled
from livesession.session.function_calls import TrackedCall
from livesession.tools.declare.arguments import BadArguments
from livesession.tools.job import Job, answers, unknown_function
from livesession.tools.results import BadAnswer

CALL = TrackedCall("7", FunctionCall(id="7", name="work"), 0, 0, is_automatic=True, is_blocking=True)


def job(run: Callable[..., object], **settings: object) -> Job:
    return Job(CALL, FunctionTool(FunctionDeclaration(name="work"), run, **settings), None)


def all_answers(job: Job, *, in_parts: bool = True) -> list[FunctionResponse]:
    return list(answers(job, in_parts=in_parts))


def answer(response: dict, **settings: object) -> FunctionResponse:
    return FunctionResponse(id="7", name="work", response=response, **settings)


def test_a_value_is_one_answer_with_the_call_s_id_and_name():
    assert all_answers(job(lambda args, token: 3)) == [answer({"output": 3})]


def test_a_response_keeps_its_own_scheduling_and_else_has_the_function_s():
    own = FunctionResponse(response={"a": 1}, scheduling="SILENT")
    [given] = all_answers(job(lambda args, token: own, scheduling="INTERRUPT"))
    assert given == answer({"a": 1}, scheduling="SILENT")
    [default] = all_answers(job(lambda args, token: 3, scheduling="INTERRUPT"))
    assert default.scheduling == "INTERRUPT"


def test_a_generator_answers_in_parts_and_then_says_that_it_has_ended():
    def count(args, token):
        yield 1
        return 2

    assert all_answers(job(count, is_generator=True)) == [
        answer({"output": 1}, will_continue=True),
        answer({"output": 2}, will_continue=True),
        answer({}, will_continue=False),
    ]
    assert all_answers(job(count, is_generator=True), in_parts=False) == [answer({"output": [1, 2]})]


def test_a_generator_is_closed_when_its_call_is_cancelled():
    closed = []

    def count(args, token):
        try:
            yield from range(10)
        finally:
            closed.append(True)

    cancelled = job(count, is_generator=True)
    parts = answers(cancelled, in_parts=True)
    next(parts)
    cancelled.source.cancel("the user went on")
    with pytest.raises(ToolCancelled, match="the user went on"):
        next(parts)
    assert closed


@pytest.mark.parametrize("value", [object(), FunctionResponse(response={"a": object()})])
def test_a_value_that_json_cannot_hold_is_found_before_it_is_sent(value):
    with pytest.raises(BadAnswer):
        all_answers(job(lambda args, token: value))


def test_an_undeclared_function_answers_with_those_that_there_are():
    made_up = Job(CALL, unknown_function("work", ["add", "note"]), None)
    with pytest.raises(BadArguments, match=r"no function 'work'\. There are: add, note\."):
        all_answers(made_up)
