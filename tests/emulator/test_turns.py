"""Turns by client content: their frames, the history behind them, what ends and interrupts them."""

from __future__ import annotations

import base64
import threading
from typing import Any

import pytest

from livesession.emulator import LiveEmulator, Raw, Speech, UserTurn


def test_a_text_turn_ends_with_generation_complete_then_turn_complete_and_usage(emulator, dial, read):
    client = dial(emulator)
    client.say("hello you")
    messages = client.turn()
    assert read.kinds(messages) == ["modelTurn", "generationComplete", "turnComplete"]
    assert read.texts(messages) == "You said: hello you"
    assert messages[-1]["usageMetadata"]["totalTokenCount"] == 6


def test_an_image_beside_a_question_is_counted_with_it(emulator, dial):
    client = dial(emulator)
    image = {"inlineData": {"mimeType": "image/jpeg", "data": base64.b64encode(b"jpeg").decode()}}
    turns = [{"role": "user", "parts": [{"text": "look"}, image]}]
    client.send({"clientContent": {"turns": turns, "turnComplete": True}})
    details = client.turn()[-1]["usageMetadata"]["promptTokensDetails"]
    assert details == [{"modality": "TEXT", "tokenCount": 1}, {"modality": "IMAGE", "tokenCount": 258}]


def test_frames_are_binary_pretty_printed_and_end_in_a_newline(emulator, dial):
    client = dial(emulator, setup=False)
    client.send({"setup": {"model": "models/m"}})
    assert client.raw() == b'{\n  "setupComplete": {}\n}\n'


@pytest.mark.parametrize("kind", ["vertex", "firebase-vertex"])
def test_vertex_names_session_role_candidates_and_traffic(emulator, dial, kind):
    client = dial(emulator, kind, wait=False)
    assert client.receive()["setupComplete"]["sessionId"]
    client.say("hello")
    messages = client.turn()
    assert messages[0]["serverContent"]["modelTurn"]["role"] == "model"
    usage = messages[-1]["usageMetadata"]
    assert usage["candidatesTokenCount"]
    assert usage["candidatesTokensDetails"]
    assert usage["trafficType"] == "ON_DEMAND"


@pytest.mark.parametrize("kind", ["google", "firebase"])
def test_the_developer_api_names_no_session_no_role_and_response_tokens(emulator, dial, kind):
    client = dial(emulator, kind, wait=False)
    assert client.receive() == {"setupComplete": {}}
    client.say("hello")
    messages = client.turn()
    assert "role" not in messages[0]["serverContent"]["modelTurn"]
    assert messages[-1]["usageMetadata"]["responseTokenCount"]


@pytest.mark.parametrize(("kind", "mime"), [("google", "audio/pcm;rate=24000"), ("vertex", "audio/pcm")])
def test_a_text_answer_in_an_audio_session_is_a_tone_with_a_transcription(emulator, dial, read, kind, mime):
    client = dial(emulator, kind, generationConfig={}, outputAudioTranscription={})
    client.say("hello")
    messages = client.turn()
    contents = [message["serverContent"] for message in messages]
    assert (
        "".join(c["outputTranscription"]["text"] for c in contents if "outputTranscription" in c) == "You said: hello"
    )
    assert {c["modelTurn"]["parts"][0]["inlineData"]["mimeType"] for c in contents if "modelTurn" in c} == {mime}
    assert 0.3 < len(read.audio(messages)) / 48_000 < 3


def test_audio_goes_out_in_chunks_of_the_asked_length(dial, read):
    pcm = bytes(range(256)) * 30
    with LiveEmulator(lambda turn: pcm, chunk_ms=20) as emulator:
        client = dial(emulator, generationConfig={})
        client.say("hello")
        messages = client.turn()
    assert read.audio(messages) == pcm
    assert read.kinds(messages).count("modelTurn") == 8


def test_content_waits_for_turn_complete_and_is_answered_as_one_turn(dial):
    turns: list[UserTurn] = []
    with LiveEmulator(turns.append) as emulator:
        client = dial(emulator)
        client.say("one", complete=False)
        client.say("two", complete=False)
        client.send({"clientContent": {"turnComplete": True}})
        client.turn()
    assert [turn.text for turn in turns] == ["one\ntwo"]


def test_the_history_holds_the_earlier_turns_and_the_prompt_grows(dial):
    turns: list[UserTurn] = []

    def answer(turn: UserTurn) -> str:
        turns.append(turn)
        return "fine"

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        usage = []
        for text in ("one", "two"):
            client.say(text)
            usage.append(client.turn()[-1]["usageMetadata"]["promptTokenCount"])
    assert [part["text"] for content in turns[1].history for part in content["parts"]] == ["one", "fine"]
    assert usage == [1, 3]


def test_contents_up_to_the_last_model_turn_are_history(dial):
    turns: list[UserTurn] = []
    with LiveEmulator(turns.append) as emulator:
        client = dial(emulator)
        said = [
            {"role": role, "parts": [{"text": text}]} for role, text in [("user", "a"), ("model", "b"), ("user", "c")]
        ]
        client.send({"clientContent": {"turns": said, "turnComplete": True}})
        client.turn()
    assert turns[0].text == "c"
    assert list(turns[0].history) == said[:2]


def test_initial_history_is_not_answered(dial):
    turns: list[UserTurn] = []
    with LiveEmulator(turns.append) as emulator:
        client = dial(emulator, historyConfig={"initialHistoryInClientContent": True})
        client.say("old")
        client.send({"realtimeInput": {"text": "new"}})
        client.turn()
    assert [turn.text for turn in turns] == ["new"]
    assert turns[0].history[0]["parts"] == [{"text": "old"}]


def test_an_image_of_the_turn_reaches_the_responder_as_bytes(dial):
    turns: list[UserTurn] = []
    with LiveEmulator(turns.append) as emulator:
        client = dial(emulator)
        part = {"inline_data": {"mime_type": "image/png", "data": "-_-_"}}
        client.send({"client_content": {"turns": [{"parts": [part]}], "turn_complete": True}})
        client.turn()
    assert turns[0].images == (("image/png", b"\xfb\xff\xbf"),)


def test_a_generator_streams_and_raw_frames_pass_untouched(dial, read):
    def answer(turn: UserTurn) -> Any:
        yield "a"
        yield Raw({"brandNew": {"x": 0}})
        yield Raw('{"text": "frame"}')
        yield Speech(b"", "b")
        yield None

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("hello")
        first = [client.raw() for _ in range(4)]
        client.turn()
    assert b'"x": 0' in first[1]
    assert first[2] == '{"text": "frame"}'
    assert b'"b"' in first[3]


def test_client_content_interrupts_the_answer_that_is_given(dial, read):
    closed = threading.Event()

    def answer(turn: UserTurn) -> Any:
        try:
            yield f"about {turn.text}"
            if turn.text == "long":
                turn.interrupted.wait(10)
                yield "never sent"
        finally:
            closed.set()

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("long")
        assert read.texts([client.receive()]) == "about long"
        client.say("short")
        assert read.kinds(client.turn()) == ["interrupted", "turnComplete"]
        assert closed.wait(5)
        messages = client.turn()
    assert read.texts(messages) == "about short"
    assert read.kinds(messages)[-2:] == ["generationComplete", "turnComplete"]


def test_an_open_turn_alone_stops_the_answer(dial, read):
    def answer(turn: UserTurn) -> Any:
        yield "once"
        turn.interrupted.wait(10)

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go")
        client.receive()
        client.send({"clientContent": {"turnComplete": False}})
        assert read.kinds(client.turn()) == ["interrupted", "turnComplete"]


def test_paced_audio_can_be_interrupted_while_it_plays(dial, read):
    with LiveEmulator(lambda turn: bytes(48_000 * 60), pace=1) as emulator:
        client = dial(emulator, generationConfig={})
        client.say("talk for a minute")
        client.receive()
        client.say("stop", complete=False)
        messages = client.turn()
    assert read.kinds(messages)[-2:] == ["interrupted", "turnComplete"]
    assert len(read.audio(messages)) < 48_000 * 10


def test_an_endless_answer_is_never_far_ahead_of_the_socket(dial):
    produced = 0

    def answer(turn: UserTurn) -> Any:
        nonlocal produced
        while True:
            produced += 1
            yield Raw(b" " * 10_000)

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go on")
        taken = 1_000
        for _ in range(taken):
            client.raw()
        # What is between the two of them fits in the buffers of two sockets; free running, it would be millions.
        assert produced - taken < 2_000


def test_a_responder_that_raises_closes_with_1011_and_is_logged(dial, caplog):
    def answer(turn: UserTurn) -> str:
        raise KeyError("broken responder")

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("hello")
        assert client.close_frame() == (1011, "Internal error encountered.")
    assert "broken responder" in caplog.text


def test_the_client_may_leave_in_the_middle_of_an_answer(dial, caplog):
    left = threading.Event()

    def answer(turn: UserTurn) -> Any:
        yield "begin"
        turn.interrupted.wait(10)
        left.set()

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("hello")
        client.receive()
        client.socket.close()
        assert left.wait(5)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_two_connections_do_not_wait_for_each_other(dial, read):
    free = threading.Event()

    def answer(turn: UserTurn) -> str:
        if turn.text == "slow":
            free.wait(10)
        return turn.text

    with LiveEmulator(answer) as emulator:
        slow, fast = dial(emulator), dial(emulator)
        slow.say("slow")
        fast.say("fast")
        assert read.texts(fast.turn()) == "fast"
        free.set()
        assert read.texts(slow.turn()) == "slow"
