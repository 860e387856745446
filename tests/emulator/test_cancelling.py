"""Function calls that a test cancels while they are pending, as the service may."""

from __future__ import annotations

from typing import Any

from livesession.emulator import LiveEmulator, ToolCall, UserTurn

TOOLS = {
    "tools": [{"functionDeclarations": [{"name": "search", "behavior": "NON_BLOCKING"}, {"name": "look"}]}],
}


def respond(client: Any, *responses: dict[str, Any]) -> None:
    client.send({"toolResponse": {"functionResponses": list(responses)}})


def test_a_call_that_the_test_cancels_is_not_waited_for(dial, read):
    def answer(turn: UserTurn) -> Any:
        answers = yield [ToolCall("a", id="1"), ToolCall("b", id="2"), ToolCall("c", id="3")]
        yield " ".join(str(answer["id"]) for answer in answers)

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go")
        client.receive()
        respond(client, {"id": "2", "name": "b", "response": {}})
        assert emulator.cancel_calls(["1", "unknown"]) == ["1"]
        assert client.receive() == {"toolCallCancellation": {"ids": ["1"]}}
        respond(client, {"id": "3", "name": "c", "response": {}})
        assert read.texts(client.turn()) == "2 3"


def test_all_calls_of_all_connections_can_be_cancelled_at_once(dial, read):
    def answer(turn: UserTurn) -> Any:
        answers = yield [ToolCall("a", id=f"{turn.text} 1"), ToolCall("a", id=f"{turn.text} 2")]
        yield f"{len(answers)} answers"

    with LiveEmulator(answer) as emulator:
        clients = {"x": dial(emulator), "y": dial(emulator)}
        for name, client in clients.items():
            client.say(name)
            client.receive()
        assert emulator.cancel_calls() == ["x 1", "x 2", "y 1", "y 2"]
        assert emulator.cancel_calls() == []
        for name, client in clients.items():
            assert client.receive() == {"toolCallCancellation": {"ids": [f"{name} 1", f"{name} 2"]}}
            assert read.texts(client.turn()) == "0 answers"


def test_calls_that_are_all_cancelled_leave_no_response_in_the_history(dial):
    histories: list[Any] = []

    def answer(turn: UserTurn) -> Any:
        histories.append(turn.history)
        yield ToolCall("a", id="1") if turn.text == "go" else turn.text

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go")
        client.receive()
        emulator.cancel_calls()
        client.turn()
        client.say("next")
        client.turn()
    assert [content["role"] for content in histories[1]] == ["user", "model"]


def test_an_answer_to_a_call_that_the_test_cancelled_closes_with_1008(emulator, dial):
    client = dial(emulator, **TOOLS)
    client.say("look")
    (call,) = client.receive()["toolCall"]["functionCalls"]
    emulator.cancel_calls()
    respond(client, {"id": call["id"], "name": "look", "response": {}})
    assert client.close_frame() == (1008, "Requested entity was not found.")


def test_a_test_can_cancel_a_call_that_nothing_waits_for(emulator, dial):
    client = dial(emulator, **TOOLS)
    client.say("search")
    call = client.turn()[0]["toolCall"]["functionCalls"][0]["id"]
    assert emulator.cancel_calls() == [call]
    assert client.receive() == {"toolCallCancellation": {"ids": [call]}}
    respond(client, {"id": call, "name": "search", "response": {}})
    assert client.close_frame()[0] == 1008
