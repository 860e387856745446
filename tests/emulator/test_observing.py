"""What tests ask about what clients sent."""

from __future__ import annotations

import base64
import threading

import pytest

from livesession.emulator import LiveEmulator

AUDIO = b"\x01\x00" * 800


def blob(mime, data=AUDIO):
    return {"mimeType": mime, "data": base64.b64encode(data).decode()}


def test_the_texts_are_those_of_the_user_in_the_order_they_came(emulator, dial):
    client = dial(emulator)
    client.send(
        {"clientContent": {"turns": [{"parts": [{"text": "a"}, {"text": "b"}]}, {"role": "model", "parts": []}]}}
    )
    client.send({"realtimeInput": {"text": "c"}})
    client.send({"client_content": {"turns": [{"role": "user", "parts": [{"text": "d"}]}], "turn_complete": True}})
    client.turn()
    client.turn()
    assert emulator.sent_texts == ["a", "b", "c", "d"]


def test_a_models_text_in_a_history_is_none_that_was_said(emulator, dial):
    client = dial(emulator)
    turns = [{"role": role, "parts": [{"text": role}]} for role in ("user", "model")]
    client.send({"clientContent": {"turns": turns, "turnComplete": True}})
    client.turn()
    assert emulator.sent_texts == ["user"]


def test_the_audio_is_one_piece_as_it_was_sent(emulator, dial):
    client = dial(emulator)
    client.send({"realtimeInput": {"audio": blob("audio/pcm;rate=24000")}})
    client.send({"realtimeInput": {"video": blob("image/png")}})
    client.send({"realtimeInput": {"mediaChunks": [blob("audio/pcm"), blob("image/png")]}})
    emulator.assert_sent(realtimeInput={"mediaChunks": ...})
    assert emulator.sent_audio == AUDIO * 2


def test_the_tool_responses_are_those_of_all_messages(emulator, dial):
    client = dial(emulator, "vertex", tools=[{"functionDeclarations": [{"name": "f"}]}])
    client.say("call f")
    call = client.until("toolCall")[-1]["toolCall"]["functionCalls"][0]
    answer = {"id": call["id"], "name": "f", "response": {"output": 1}}
    client.send({"toolResponse": {"functionResponses": [answer]}})
    client.turn()
    assert emulator.tool_responses == [answer]


def test_the_setups_are_as_they_were_written(emulator, dial):
    dial(emulator, system_instruction={"parts": [{"text": "Be kind."}]})
    dial(emulator, "vertex", labels={"a": "b"})
    assert [sorted(setup) for setup in emulator.setups] == [
        ["generationConfig", "model", "system_instruction"],
        ["generationConfig", "labels", "model"],
    ]


def test_assert_sent_compares_only_the_fields_that_are_given(emulator, dial):
    client = dial(emulator)
    client.say("Hi")
    found = emulator.assert_sent(clientContent={"turns": [{"parts": [{"text": "Hi"}]}]})
    assert found.message["clientContent"]["turnComplete"] is True
    assert emulator.assert_sent(setup={"model": ..., "generationConfig": ...}).connection == 1


@pytest.mark.parametrize(
    "message",
    [
        {"clientContent": {"turnComplete": False}},
        {"clientContent": {"unknown": ...}},
        {"clientContent": {"turns": []}},
        {"clientContent": {"turns": [{"parts": [{"text": "H"}]}]}},
        {"clientContent": {"turns": [{"parts": [{"text": "Hi"}, {"text": "Ho"}]}]}},
        {"realtimeInput": ...},
    ],
)
def test_assert_sent_fails_where_a_value_an_item_or_the_whole_message_is_missing(emulator, dial, message):
    client = dial(emulator)
    client.say("Hi")
    client.turn()
    with pytest.raises(AssertionError):
        emulator.assert_sent(timeout=0, **message)


def test_assert_sent_takes_snake_case_for_what_it_is(emulator, dial):
    client = dial(emulator)
    client.send({"client_content": {"turn_complete": True}})
    emulator.assert_sent(clientContent={"turnComplete": True})


def test_assert_sent_waits_for_what_is_still_to_come(emulator, dial):
    client = dial(emulator)
    late = threading.Timer(0.1, client.say, ["Hi"])
    late.start()
    emulator.assert_sent(clientContent=...)
    late.join()


def test_assert_sent_shows_what_came_instead_with_long_strings_cut(emulator, dial):
    client = dial(emulator)
    client.say("x" * 1_000)
    client.turn()
    with pytest.raises(AssertionError) as failure:
        emulator.assert_sent(realtimeInput={"text": ...}, timeout=0.01)
    lines = str(failure.value).splitlines()
    assert lines[0] == 'No client sent {"realtimeInput": {"text": "..."}} within 0.01 s. What came, 2:'
    assert lines[1].startswith('  {"setup": {"model": "models/m"')
    assert f'"{"x" * 60}... (1,000 characters)"' in lines[2]


def test_assert_sent_says_that_nothing_came():
    with LiveEmulator() as emulator, pytest.raises(AssertionError, match=r"within 0\.01 s\. Nothing came\."):
        emulator.assert_sent(setup=..., timeout=0.01)


@pytest.mark.parametrize("message", [{}, {"client_content": ...}, {"setup": ..., "realtimeInput": ...}])
def test_assert_sent_wants_one_kind_of_message_that_there_is(emulator, message):
    with pytest.raises(TypeError, match="assert_sent takes one of setup, clientContent, realtimeInput, toolResponse"):
        emulator.assert_sent(**message)


def test_the_environment_leads_to_the_emulator_and_away_from_all_else(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "example.com")
    with LiveEmulator(api_keys=["let-in"]) as emulator:
        assert emulator.environment == {
            "GEMINI_API_KEY": "let-in",
            "GOOGLE_API_KEY": "",
            "GOOGLE_CLOUD_LOCATION": "",
            "GOOGLE_CLOUD_PROJECT": "",
            "GOOGLE_GEMINI_BASE_URL": emulator.url,
            "GOOGLE_VERTEX_BASE_URL": emulator.url,
            "no_proxy": "example.com,127.0.0.1",
        }
