"""Realtime input over a socket: speech found in real audio, announced activity, text, images."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from livesession.emulator import LiveEmulator, UserTurn

MANUAL = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
AUDIO: dict[str, Any] = {"generationConfig": {"responseModalities": ["AUDIO"]}}
IMAGE = {"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": base64.b64encode(b"jpeg").decode()}}}


def test_speech_is_answered_after_silence_without_any_mark(emulator, dial, read, speech, silence):
    client = dial(emulator)
    client.speak(silence(0.5) + speech + silence(1))
    assert read.texts(client.turn()).startswith("You spoke for ")


def test_silence_alone_is_never_answered(emulator, dial, read, silence):
    client = dial(emulator)
    client.speak(silence(5))
    client.send({"realtimeInput": {"audioStreamEnd": True}})
    client.say("and now")
    assert read.texts(client.turn()) == "You said: and now"


def test_audio_stream_end_flushes_an_open_utterance(emulator, dial, read, speech):
    client = dial(emulator)
    client.speak(speech)
    client.send({"realtimeInput": {"audioStreamEnd": True}})
    assert read.texts(client.turn()).startswith("You spoke for ")


@pytest.mark.parametrize("size", [34, 641, 100_000])
def test_the_length_of_the_chunks_does_not_matter(dial, speech, silence, size):
    turns: list[UserTurn] = []
    with LiveEmulator(turns.append) as emulator:
        client = dial(emulator)
        client.speak(speech[:32_000] + silence(1), size=size)
        client.turn()
    assert 0.8 < len(turns[0].audio) / 32_000 < 1.3


def test_the_default_responder_plays_the_speech_back_at_24_khz(emulator, dial, read, speech, silence):
    client = dial(emulator, **AUDIO, outputAudioTranscription={})
    client.speak(speech + silence(1))
    messages = client.turn()
    seconds = len(read.audio(messages)) / 48_000
    said = "".join(m.get("serverContent", {}).get("outputTranscription", {}).get("text", "") for m in messages)
    assert abs(seconds - len(speech) / 32_000) < 0.5
    assert said == f"You spoke for {seconds:.1f} s."


def test_audio_of_another_rate_is_resampled(dial, speech, silence):
    turns: list[UserTurn] = []
    with LiveEmulator(turns.append) as emulator:
        client = dial(emulator)
        client.speak((speech + silence(1))[: len(speech)], rate=8_000)  # the same samples, half as fast
        client.send({"realtimeInput": {"audioStreamEnd": True}})
        client.turn()
    assert turns[0].audio_rate == 16_000
    assert len(turns[-1].audio) > len(speech)


def test_input_transcription_says_that_there_was_speech(emulator, dial, speech, silence):
    client = dial(emulator, inputAudioTranscription={})
    client.speak(speech + silence(1))
    (first, *_) = client.turn()
    text = first["serverContent"]["inputTranscription"]["text"]
    assert text.startswith("[speech, ")
    assert text.endswith(" s]")


def test_speech_interrupts_the_answer(dial, read, speech, silence):
    def answer(turn: UserTurn) -> Any:
        yield "so"
        if turn.text:
            turn.interrupted.wait(10)

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go on")
        client.receive()
        client.speak(speech + silence(1))
        assert read.kinds(client.turn()) == ["interrupted", "turnComplete"]
        assert read.kinds(client.turn()) == ["modelTurn", "generationComplete", "turnComplete"]


def test_without_interruption_speech_is_answered_afterwards(dial, read, speech, silence):
    turns: list[UserTurn] = []

    def answer(turn: UserTurn) -> Any:
        turns.append(turn)
        yield "so"
        if turn.text:
            emulator.wait_for(lambda record: "toolResponse" not in record.message and len(emulator.received) > 20)
        yield " on"

    with LiveEmulator(answer) as emulator:
        client = dial(emulator, realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"})
        client.say("go on")
        client.speak(speech + silence(1))
        kinds = read.kinds(client.turn())
        client.turn()
    assert kinds == ["modelTurn", "modelTurn", "generationComplete", "turnComplete"]
    assert turns[1].audio


def test_announced_activity_is_one_turn_with_all_its_audio(dial, speech):
    turns: list[UserTurn] = []
    with LiveEmulator(turns.append) as emulator:
        client = dial(emulator, **MANUAL)
        client.send({"realtimeInput": {"activityStart": {}}})
        client.speak(speech)
        client.send(IMAGE)
        client.send({"realtimeInput": {"text": "look"}})
        client.send({"realtimeInput": {"activityEnd": {}}})
        client.turn()
    assert turns[0].audio == speech
    assert turns[0].text == "look"
    assert turns[0].images == (("image/jpeg", b"jpeg"),)


def test_realtime_text_is_a_turn_of_its_own(emulator, dial, read):
    client = dial(emulator)
    client.send({"realtimeInput": {"text": "hello"}})
    assert read.texts(client.turn()) == "You said: hello"


def test_an_image_goes_with_the_next_text(emulator, dial, read):
    client = dial(emulator)
    client.send(IMAGE)
    client.send({"realtimeInput": {"text": "what is it"}})
    assert read.texts(client.turn()) == "You said: what is it You showed 1 image."


@pytest.mark.parametrize(
    ("coverage", "images"),
    [("TURN_INCLUDES_ONLY_ACTIVITY", 0), ("TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO", 1)],
)
def test_turn_coverage_decides_about_images_before_the_speech(dial, speech, silence, coverage, images):
    turns: list[UserTurn] = []
    with LiveEmulator(turns.append) as emulator:
        client = dial(emulator, realtimeInputConfig={"turnCoverage": coverage})
        client.send(IMAGE)
        client.speak(speech + silence(1))
        client.turn()
    assert len(turns[0].images) == images


def test_media_chunks_are_heard_by_older_models_and_refused_by_newer_ones(emulator, dial, read, speech, silence):
    data = base64.b64encode(speech + silence(1)).decode()
    message = {"realtimeInput": {"mediaChunks": [{"mimeType": "audio/pcm", "data": data}]}}
    older = dial(emulator)
    older.send(message)
    assert read.texts(older.turn()).startswith("You spoke")
    newer = dial(emulator, model="models/gemini-3.8-live", **AUDIO)
    newer.send(message)
    assert newer.close_frame()[0] == 1007


def test_vertex_signals_voice_activity_when_asked(emulator, dial, speech, silence):
    client = dial(emulator, "vertex", explicitVadSignal=True)
    client.speak(silence(1) + speech + silence(1.5))
    start, end = (message["voiceActivity"] for message in [*client.until("voiceActivity", "type"), client.receive()])
    assert (start["type"], end["type"]) == ("ACTIVITY_START", "ACTIVITY_END")
    assert 0.9 < float(start["audioOffset"].rstrip("s")) < 1.4
    assert (
        0 < float(end["audioOffset"].rstrip("s")) - float(start["audioOffset"].rstrip("s")) < len(speech) / 32_000 + 0.3
    )
