"""Calls of functions declared as NON_BLOCKING: the answer goes on, and what the client answers begins a new one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from livesession.emulator import LiveEmulator, ToolCall, UserTurn

TOOLS = {
    "tools": [{"functionDeclarations": [{"name": "search", "behavior": "NON_BLOCKING"}, {"name": "look"}]}],
}
MANUAL = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}


class Model:
    """A responder with a word for each thing to do; any other word it says again."""

    def __init__(self) -> None:
        self.turns: list[UserTurn] = []
        self.free = threading.Event()

    def __call__(self, turn: UserTurn) -> Any:
        self.turns.append(turn)
        if turn.tool_responses:
            yield "found " + " ".join(str(response.get("response", {}).get("n")) for response in turn.tool_responses)
        elif turn.text == "search":
            answers = yield ToolCall("search", id="1")
            yield f"{len(answers)} answers"
        elif turn.text == "search twice":
            yield [ToolCall("search", id="1"), ToolCall("search", id="2")]
        elif turn.text == "search and look":
            answers = yield [ToolCall("search", id="1"), ToolCall("look", id="2")]
            yield "looked at " + " ".join(str(answer["id"]) for answer in answers)
        elif turn.text == "talk":
            yield "talking"
            self.free.wait(5)
        else:
            yield turn.text


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def emulator(model: Model) -> Iterator[LiveEmulator]:
    with LiveEmulator(model) as running:
        yield running
        model.free.set()


def respond(client: Any, call: str, n: int | None = None, **fields: Any) -> None:
    response = {"id": call, "name": "search", "response": {} if n is None else {"n": n}, **fields}
    client.send({"toolResponse": {"functionResponses": [response]}})


def searching(client: Any, text: str = "search") -> Any:
    client.say(text)
    client.turn()
    return client


def talking(client: Any) -> Any:
    client.say("talk")
    client.until("serverContent")
    return client


def first_parts(history: tuple[Any, ...]) -> list[str]:
    return [next(iter(content["parts"][0])) for content in history]


def test_the_turn_goes_on_and_ends_while_the_call_is_pending(emulator, dial, read):
    client = dial(emulator, **TOOLS)
    client.say("search")
    messages = client.turn()
    assert read.kinds(messages) == ["toolCall", "modelTurn", "generationComplete", "turnComplete"]
    assert read.texts(messages) == "0 answers"


@pytest.mark.parametrize("fields", [{}, {"scheduling": "WHEN_IDLE"}, {"scheduling": "INTERRUPT"}])
def test_a_response_begins_a_turn_of_its_own_when_nothing_else_goes_on(emulator, dial, read, fields):
    client = searching(dial(emulator, **TOOLS))
    respond(client, "1", 5, **fields)
    messages = client.turn()
    assert read.texts(messages) == "found 5"
    assert read.kinds(messages) == ["modelTurn", "generationComplete", "turnComplete"]


def test_the_responder_is_given_the_response_and_neither_text_nor_audio(emulator, dial, model):
    client = searching(dial(emulator, **TOOLS))
    respond(client, "1", 5)
    client.turn()
    turn = model.turns[-1]
    assert turn.tool_responses == ({"id": "1", "name": "search", "response": {"n": 5}},)
    assert (turn.text, turn.audio) == ("", b"")
    assert first_parts(turn.history) == ["text", "functionCall", "text"]


def test_several_responses_in_one_message_are_one_turn(emulator, dial, read):
    client = searching(dial(emulator, **TOOLS), "search twice")
    responses = [{"id": call, "name": "search", "response": {"n": n}} for call, n in (("2", 8), ("1", 9))]
    client.send({"toolResponse": {"functionResponses": responses}})
    assert read.texts(client.turn()) == "found 8 9"


def test_a_silent_response_only_enters_the_history(emulator, dial, read, model):
    client = searching(dial(emulator, **TOOLS))
    respond(client, "1", 5, scheduling="SILENT")
    client.say("next")
    assert read.texts(client.turn()) == "next"
    assert first_parts(model.turns[-1].history) == ["text", "functionCall", "text", "functionResponse"]


def test_a_silent_response_during_an_answer_stands_after_it_in_the_history(emulator, dial, model):
    client = talking(searching(dial(emulator, **TOOLS)))
    respond(client, "1", 5, scheduling="SILENT")
    emulator.wait_for(lambda received: "toolResponse" in received.message)
    model.free.set()
    client.turn()
    client.say("next")
    client.turn()
    assert first_parts(model.turns[-1].history)[-3:] == ["text", "text", "functionResponse"]


def test_a_response_that_can_wait_is_told_after_the_answer_that_is_given(emulator, dial, read, model):
    client = talking(searching(dial(emulator, **TOOLS)))
    respond(client, "1", 5, scheduling="WHEN_IDLE")
    emulator.wait_for(lambda received: "toolResponse" in received.message)
    model.free.set()
    assert read.kinds(client.turn()) == ["generationComplete", "turnComplete"]
    assert read.texts(client.turn()) == "found 5"


def test_the_user_goes_before_a_response_that_can_wait(emulator, dial, read):
    client = talking(searching(dial(emulator, **TOOLS)))
    respond(client, "1", 5)
    client.say("me first")
    assert read.kinds(client.turn()) == ["interrupted", "turnComplete"]
    assert read.texts(client.turn()) == "me first"
    assert read.texts(client.turn()) == "found 5"


def test_a_response_that_can_wait_is_told_while_the_user_s_turn_stays_open(emulator, dial, read):
    client = talking(searching(dial(emulator, **TOOLS)))
    respond(client, "1", 5)
    client.say("me", complete=False)
    assert read.kinds(client.turn()) == ["interrupted", "turnComplete"]
    assert read.texts(client.turn()) == "found 5"


def test_a_response_that_can_wait_lets_the_user_finish_speaking(emulator, dial, read):
    client = dial(emulator, **TOOLS, **MANUAL)
    searching(client)
    client.send({"realtimeInput": {"activityStart": {}}})
    respond(client, "1", 5)
    client.send({"realtimeInput": {"text": "me first"}})
    client.send({"realtimeInput": {"activityEnd": {}}})
    assert read.texts(client.turn()) == "me first"
    assert read.texts(client.turn()) == "found 5"


def test_a_response_that_interrupts_ends_the_answer_as_the_user_would(emulator, dial, read):
    client = talking(searching(dial(emulator, **TOOLS)))
    respond(client, "1", 5, scheduling="INTERRUPT")
    assert read.kinds(client.turn()) == ["interrupted", "turnComplete"]
    assert read.texts(client.turn()) == "found 5"


def test_a_response_that_interrupts_cancels_the_call_that_is_waited_for(emulator, dial, read):
    client = dial(emulator, **TOOLS)
    client.say("search and look")
    client.receive()
    respond(client, "1", 5, scheduling="INTERRUPT")
    assert client.turn()[1] == {"toolCallCancellation": {"ids": ["2"]}}
    assert read.texts(client.turn()) == "found 5"


def test_a_call_stays_pending_until_a_response_that_does_not_continue(emulator, dial, read):
    client = searching(dial(emulator, **TOOLS))
    for n in (1, 2):
        respond(client, "1", n, willContinue=True)
        assert read.texts(client.turn()) == f"found {n}"
    respond(client, "1", 3, willContinue=False)
    assert read.texts(client.turn()) == "found 3"
    respond(client, "1", 4)
    assert client.close_frame() == (1008, "Requested entity was not found.")


@pytest.mark.parametrize("last", [{"response": {}}, {"willContinue": False}])
def test_an_empty_last_response_settles_the_call_and_nothing_is_said(emulator, dial, read, model, last):
    client = searching(dial(emulator, **TOOLS))
    client.send({"toolResponse": {"functionResponses": [{"id": "1", "name": "search", **last}]}})
    client.say("next")
    assert read.texts(client.turn()) == "next"
    assert "functionResponse" not in first_parts(model.turns[-1].history)
    respond(client, "1", 4)
    assert client.close_frame()[0] == 1008


@pytest.mark.parametrize("fields", [{"parts": [{"inlineData": {}}]}, {"willContinue": True}])
def test_an_empty_response_is_told_when_it_has_parts_or_is_not_the_last(emulator, dial, read, fields):
    client = searching(dial(emulator, **TOOLS))
    respond(client, "1", **fields)
    assert read.texts(client.turn()) == "found None"


def test_vertex_finds_the_call_by_its_name_and_knows_no_continuing(emulator, dial, read):
    client = searching(dial(emulator, "vertex", **TOOLS))
    client.send({"toolResponse": {"functionResponses": [{"name": "search", "response": {"n": 5}}]}})
    assert read.texts(client.turn()) == "found 5"
    respond(client, "1", 5, willContinue=True)
    assert client.close_frame()[0] == 1007


def test_of_a_mixed_list_only_the_blocking_calls_are_waited_for(emulator, dial, read):
    client = dial(emulator, **TOOLS)
    client.say("search and look")
    client.receive()
    respond(client, "2", name="look", scheduling="SILENT")
    assert read.texts(client.turn()) == "looked at 2"
    respond(client, "1", 5)
    assert read.texts(client.turn()) == "found 5"


def test_an_interruption_by_the_user_leaves_the_call_pending(emulator, dial, read):
    client = dial(emulator, **TOOLS)
    client.say("search and look")
    client.receive()
    client.say("next")
    assert client.turn()[1] == {"toolCallCancellation": {"ids": ["2"]}}
    assert read.texts(client.turn()) == "next"
    respond(client, "1", 5)
    assert read.texts(client.turn()) == "found 5"


def test_the_default_responder_quotes_the_response_in_a_turn_of_its_own(dial, read):
    with LiveEmulator() as emulator:
        client = dial(emulator, **TOOLS)
        client.say("please search")
        messages = client.turn()
        respond(client, messages[0]["toolCall"]["functionCalls"][0]["id"], 5)
        assert read.texts(messages) == ""
        assert read.texts(client.turn()) == 'search answered: {"n": 5}'
