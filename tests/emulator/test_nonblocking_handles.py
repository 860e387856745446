"""Handles for resumption while calls of NON_BLOCKING functions are pending, and once they are settled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from livesession.emulator import LiveEmulator, ToolCall, UserTurn

SETUP: dict[str, Any] = {
    "tools": [{"functionDeclarations": [{"name": "search", "behavior": "NON_BLOCKING"}]}],
    "sessionResumption": {},
}


def answer(turn: UserTurn) -> Any:
    if turn.text == "search":
        yield ToolCall("search", id="1")
    elif turn.text == "talk":
        yield "talking"
        turn.interrupted.wait(5)
    else:
        yield " ".join(next(iter(content["parts"][0])) for content in turn.history)


@pytest.fixture
def emulator() -> Iterator[LiveEmulator]:
    with LiveEmulator(answer) as running:
        yield running


def respond(client: Any, **fields: Any) -> None:
    response = {"id": "1", "name": "search", "response": {"n": 5}, **fields}
    client.send({"toolResponse": {"functionResponses": [response]}})


def searching(client: Any) -> Any:
    client.say("search")
    client.turn()
    return client


def handle_of(client: Any) -> str:
    return str(client.until("sessionResumptionUpdate", "newHandle")[-1]["sessionResumptionUpdate"]["newHandle"])


def updates(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message["sessionResumptionUpdate"] for message in messages if "sessionResumptionUpdate" in message]


def settle_by_cancelling(emulator: LiveEmulator, client: Any) -> None:
    emulator.cancel_calls()
    client.until("toolCallCancellation")


def settle_silently(emulator: LiveEmulator, client: Any) -> None:
    respond(client, scheduling="SILENT")


@pytest.mark.parametrize("settle", [settle_by_cancelling, settle_silently])
def test_no_handle_comes_before_the_call_is_settled(emulator, dial, settle):
    client = dial(emulator, **SETUP)
    handle_of(client)
    client.say("search")
    assert updates(client.turn()) == [{}]
    settle(emulator, client)
    assert client.receive()["sessionResumptionUpdate"]["resumable"]
    client.say("next")
    assert updates([client.receive()]) == [{}]


def test_no_handle_comes_between_an_interrupted_answer_and_the_response_that_did_it(emulator, dial):
    client = dial(emulator, **SETUP)
    handle_of(client)
    searching(client).say("talk")
    client.until("serverContent")
    respond(client, scheduling="INTERRUPT")
    assert updates(client.turn() + client.turn()) == [{}]
    assert client.receive()["sessionResumptionUpdate"]["resumable"]


def test_a_handle_knows_the_silent_response_that_it_came_after(emulator, dial, read):
    old = dial(emulator, **SETUP)
    handle_of(old)
    respond(searching(old), scheduling="SILENT")
    handle = handle_of(old)
    old.socket.close()
    new = dial(emulator, **SETUP | {"sessionResumption": {"handle": handle}})
    new.say("what was there?")
    assert read.texts(new.turn()) == "text functionCall functionResponse"


def test_a_resumed_conversation_has_forgotten_the_calls_that_were_pending(emulator, dial):
    old = dial(emulator, **SETUP)
    handle = handle_of(old)
    searching(old).socket.close()
    new = dial(emulator, **SETUP | {"sessionResumption": {"handle": handle}})
    respond(new)
    assert new.close_frame()[0] == 1008
