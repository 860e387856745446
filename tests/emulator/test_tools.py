"""Tool calls: a responder's `yield` and the default responder's call, their answers and their cancellation."""

from __future__ import annotations

import re
import threading
import uuid
from typing import Any

import pytest

from livesession.emulator import LiveEmulator, ToolCall, UserTurn

SCHEMA = {
    "type": "OBJECT",
    "properties": {"city": {"type": "STRING"}, "days": {"type": "INTEGER"}, "note": {"type": "STRING"}},
    "required": ["city", "days"],
}
TOOLS = {"tools": [{"functionDeclarations": [{"name": "get_weather", "parameters": SCHEMA}]}]}


def weather(turn: UserTurn) -> Any:
    answers = yield ToolCall("get_weather", {"city": "Rome", "a_b": None})
    yield f"It is {answers[0]['response']['out_put']}."


def call_of(client: Any) -> dict[str, Any]:
    (call,) = client.until("toolCall")[-1]["toolCall"]["functionCalls"]
    assert isinstance(call, dict)
    return call


def respond(client: Any, *responses: dict[str, Any]) -> None:
    client.send({"toolResponse": {"functionResponses": list(responses)}})


def test_a_yielded_call_gives_the_client_s_response(dial, read):
    with LiveEmulator(weather) as emulator:
        client = dial(emulator, **TOOLS)
        client.say("weather?")
        call = call_of(client)
        respond(client, {"id": call["id"], "name": "get_weather", "response": {"out_put": "sunny"}})
        assert read.texts(client.turn()) == "It is sunny."
    assert call["args"] == {"city": "Rome", "a_b": None}
    assert re.fullmatch(r"function-call-[0-9]+", call["id"])


def test_vertex_gives_a_uuid_completes_the_generation_and_needs_no_id_back(dial, read):
    with LiveEmulator(weather) as emulator:
        client = dial(emulator, "vertex", **TOOLS)
        client.say("weather?")
        uuid.UUID(call_of(client)["id"])
        assert client.receive() == {"serverContent": {"generationComplete": True}}
        respond(client, {"name": "get_weather", "response": {"out_put": "sunny"}})
        assert read.texts(client.turn()) == "It is sunny."


def test_a_list_of_calls_is_one_message_and_waits_for_every_answer(dial, read):
    def answer(turn: UserTurn) -> Any:
        answers = yield [ToolCall("a", id="1"), ToolCall("b", id="2")]
        yield " ".join(str(answer["id"]) for answer in answers)

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go")
        assert client.receive() == {"toolCall": {"functionCalls": [{"name": "a", "id": "1"}, {"name": "b", "id": "2"}]}}
        respond(client, {"id": "2", "name": "b", "response": {}})
        respond(client, {"id": "1", "name": "a", "response": {}})
        assert read.texts(client.turn()) == "2 1"


def test_each_call_gives_its_own_answers_alone(dial, read):
    def answer(turn: UserTurn) -> Any:
        for call in ("1", "2"):
            answers = yield ToolCall("a", id=call)
            yield " ".join(str(answer["id"]) for answer in answers)

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go")
        for call in ("1", "2"):
            client.until("toolCall")
            respond(client, {"id": call, "name": "a", "response": {}})
            assert read.texts([client.receive()]) == call


def test_a_response_that_will_continue_is_not_the_last(dial, read):
    def answer(turn: UserTurn) -> Any:
        answers = yield ToolCall("a", id="1")
        yield str(len(answers))

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go")
        client.receive()
        respond(
            client,
            {"id": "1", "name": "a", "response": {"n": 1}, "willContinue": True, "scheduling": "SILENT"},
        )
        respond(client, {"id": "1", "name": "a", "response": {}})
        assert read.texts(client.turn()) == "2"


def test_an_interruption_cancels_the_pending_calls_and_closes_the_generator(dial, read):
    closed = threading.Event()

    def answer(turn: UserTurn) -> Any:
        if turn.text == "stop":
            return
        try:
            yield [ToolCall("a", id="1"), ToolCall("b", id="2")]
        finally:
            closed.set()

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go")
        client.receive()
        respond(client, {"id": "2", "name": "b", "response": {}})
        client.say("stop")
        interrupted, cancelled, end = client.turn()
        assert closed.wait(5)
        assert interrupted == {"serverContent": {"interrupted": True}}
        assert cancelled == {"toolCallCancellation": {"ids": ["1"]}}
        assert end["usageMetadata"]
        client.turn()
        respond(client, {"id": "1", "name": "a", "response": {}})
        assert client.close_frame() == (1008, "Requested entity was not found.")


@pytest.mark.parametrize("together", [1, 7, 20])
def test_twenty_calls_are_answered_in_any_order_some_or_all_in_one_message(dial, read, together):
    def answer(turn: UserTurn) -> Any:
        answers = yield [ToolCall(f"f{n}", {"n": n}, f"my id {n}") for n in range(20)]
        yield " ".join(str(answer["response"]["n"]) for answer in answers)

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go")
        calls = client.receive()["toolCall"]["functionCalls"]
        backwards = [{"id": call["id"], "name": call["name"], "response": call["args"]} for call in reversed(calls)]
        # 9 is odd and no multiple of 5, so these are all of them, mixed.
        mixed = [backwards[9 * n % 20] for n in range(20)]
        for start in range(0, 20, together):
            respond(client, *mixed[start : start + together])
        assert read.texts(client.turn()) == " ".join(str(answer["response"]["n"]) for answer in mixed)
    assert [call["id"] for call in calls] == [f"my id {n}" for n in range(20)]


def test_on_vertex_a_response_without_an_id_that_answers_nothing_is_input(emulator, dial, read):
    client = dial(emulator, "vertex")
    respond(client, {"name": "get_weather", "response": {"output": "rain"}})
    assert read.texts(client.turn()) == 'get_weather answered: {"output": "rain"}'


def test_an_id_is_answered_once(dial):
    with LiveEmulator(weather) as emulator:
        client = dial(emulator)
        client.say("go")
        response = {"id": call_of(client)["id"], "name": "get_weather", "response": {"out_put": "x"}}
        respond(client, response)
        client.turn()
        respond(client, response)
        assert client.close_frame()[0] == 1008


def test_the_default_responder_calls_the_function_that_is_named(emulator, dial, read):
    client = dial(emulator, **TOOLS)
    client.say("please get weather now")
    call = call_of(client)
    assert (call["name"], call["args"]) == ("get_weather", {"city": "", "days": 0})
    respond(client, {"id": call["id"], "name": "get_weather", "response": {"output": "rain"}})
    assert read.texts(client.turn()) == 'get_weather answered: {"output": "rain"}'


def test_calls_and_responses_enter_the_history(dial):
    histories: list[Any] = []

    def answer(turn: UserTurn) -> Any:
        histories.append(turn.history)
        if turn.text == "go":
            yield ToolCall("a", {"x": 1}, "1")

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go")
        client.receive()
        respond(client, {"id": "1", "name": "a", "response": {"y": 2}})
        client.turn()
        client.say("next")
        client.turn()
    assert [next(iter(content["parts"][0])) for content in histories[1]] == [
        "text",
        "functionCall",
        "functionResponse",
    ]


@pytest.mark.parametrize("reply", [object(), [1, 2], 5])
def test_a_reply_that_means_nothing_is_an_error_of_the_responder(dial, caplog, reply):
    with LiveEmulator(lambda turn: reply) as emulator:
        client = dial(emulator)
        client.say("go")
        assert client.close_frame()[0] == 1011
    assert "cannot answer with" in caplog.text
