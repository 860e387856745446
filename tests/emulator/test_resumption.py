"""Handles: when they come, what they bring back, when they are refused."""

from __future__ import annotations

from typing import Any

from livesession.emulator import LiveEmulator, UserTurn

ON: dict[str, Any] = {"sessionResumption": {}}
TRANSPARENT = {"sessionResumption": {"transparent": True}}


def update(client: Any) -> dict[str, Any]:
    found = client.until("sessionResumptionUpdate")[-1]["sessionResumptionUpdate"]
    assert isinstance(found, dict)
    return found


def resume(handle: str) -> dict[str, Any]:
    return {"sessionResumption": {"handle": handle}}


def test_a_handle_comes_after_setup_and_after_each_turn_and_none_in_between(emulator, dial):
    client = dial(emulator, **ON)
    first = update(client)
    client.say("hello")
    during, after = update(client), update(client)
    assert first["resumable"]
    assert after["resumable"]
    assert during == {}
    assert first["newHandle"] != after["newHandle"]


def test_nothing_is_sent_about_resumption_unless_asked(emulator, dial):
    client = dial(emulator)
    client.say("one")
    client.turn()
    client.say("two")
    assert not [message for message in client.turn() if "sessionResumptionUpdate" in message]


def test_a_handle_restores_the_conversation_on_a_new_connection(dial):
    turns: list[UserTurn] = []

    def answer(turn: UserTurn) -> str:
        turns.append(turn)
        return "noted"

    with LiveEmulator(answer) as emulator:
        old = dial(emulator, **ON)
        update(old)
        old.say("my name is Ann")
        update(old)
        handle = update(old)["newHandle"]
        old.socket.close()
        new = dial(emulator, **resume(handle))
        new.say("who am I")
        new.turn()
    assert [part["text"] for content in turns[1].history for part in content["parts"]] == [
        "my name is Ann",
        "noted",
    ]
    assert turns[0].session_id == turns[1].session_id


def test_an_open_turn_is_restored_too(dial):
    turns: list[UserTurn] = []
    with LiveEmulator(turns.append) as emulator:
        old = dial(emulator, **ON)
        update(old)
        old.say("first")
        update(old)
        old.say("half", complete=False)
        old.say("whole")
        update(old), update(old)
        handle = update(old)["newHandle"]
        old.socket.close()
        new = dial(emulator, **resume(handle))
        new.say("go")
        new.turn()
    assert [content["parts"][0]["text"] for content in turns[-1].history] == ["first", "half", "whole"]


def test_a_handle_is_refused_while_the_old_socket_is_open(emulator, dial):
    old = dial(emulator, **ON)
    handle = update(old)["newHandle"]
    assert dial(emulator, wait=False, **resume(handle)).close_frame()[0] == 1011
    old.socket.close()
    dial(emulator, **resume(handle))


def test_a_connection_that_was_cut_can_be_resumed(emulator, dial):
    old = dial(emulator, **ON)
    handle = update(old)["newHandle"]
    emulator.drop_connections()
    dial(emulator, **resume(handle))


def test_an_unknown_handle_is_closed_with_1008(emulator, dial):
    client = dial(emulator, wait=False, **resume("nothing"))
    assert client.close_frame() == (1008, "BidiGenerateContent session not found")


def test_the_model_may_not_change(emulator, dial):
    old = dial(emulator, **ON)
    handle = update(old)["newHandle"]
    old.socket.close()
    assert dial(emulator, wait=False, model="models/other", **resume(handle)).close_frame()[0] == 1007


def test_the_rest_of_the_setup_may_change(emulator, dial, read):
    old = dial(emulator, **ON)
    handle = update(old)["newHandle"]
    old.socket.close()
    new = dial(emulator, **resume(handle), generationConfig={"responseModalities": ["AUDIO"]})
    new.say("hello")
    assert read.audio(new.turn())


def test_a_handle_of_one_back_end_is_unknown_to_another(emulator, dial):
    old = dial(emulator, **ON)
    handle = update(old)["newHandle"]
    old.socket.close()
    assert dial(emulator, "vertex", wait=False, **resume(handle)).close_frame()[0] == 1008


def test_transparent_updates_count_the_messages_from_one_as_strings(emulator, dial):
    client = dial(emulator, "vertex", **TRANSPARENT)
    assert "lastConsumedClientMessageIndex" not in update(client)
    client.say("one", complete=False)
    client.say("two")
    update(client)
    assert update(client)["lastConsumedClientMessageIndex"] == "2"


def test_an_interrupted_turn_ends_with_a_handle(dial):
    def answer(turn: UserTurn) -> None:
        if turn.text == "wait":
            turn.interrupted.wait(10)

    with LiveEmulator(answer) as emulator:
        client = dial(emulator, **ON)
        update(client)
        client.say("wait")
        assert update(client) == {}
        client.say("stop", complete=False)
        assert update(client)["resumable"]
