"""What the service does not accept, and the close it answers with."""

from __future__ import annotations

from typing import Any

import pytest

UNKNOWN = 'Invalid JSON payload received. Unknown name "{}"{}: Cannot find field.'
AUTO: dict[str, Any] = {}
MANUAL = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
WEATHER = {"tools": [{"functionDeclarations": [{"name": "weather"}]}]}


def test_an_unknown_voice_closes_instead_of_setup_complete(emulator, dial):
    speech = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "puck"}}}
    client = dial(emulator, wait=False, generationConfig={"speechConfig": speech})
    assert client.close_frame() == (
        1007,
        "Requested voice api_name 'puck' is not available for model models/m",
    )


def test_a_voice_for_answers_in_text_closes_instead_of_setup_complete(emulator, dial):
    speech = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}}
    client = dial(emulator, wait=False, generationConfig={"responseModalities": ["TEXT"], "speechConfig": speech})
    assert client.close_frame() == (1007, "Cannot extract voices from a non-audio request.")


def test_a_known_voice_is_let_in(emulator, dial):
    dial(
        emulator,
        generationConfig={"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}}},
    )


SETUPS: list[tuple[str, dict[str, Any], str]] = [
    ("google", {"foo": 1}, UNKNOWN.format("foo", " at 'setup'")),
    ("google", {"generationConfig": {"topPP": 1}}, UNKNOWN.format("topPP", " at 'setup.generation_config'")),
    ("google", {"sessionResumption": {"handle": None}}, "Invalid value at 'setup.session_resumption.handle'"),
    (
        "google",
        {"sessionResumption": {"transparent": True}},
        UNKNOWN.format("transparent", " at 'setup.session_resumption'"),
    ),
    ("google", {"explicitVadSignal": True}, UNKNOWN.format("explicitVadSignal", " at 'setup'")),
    (
        "vertex",
        {"generationConfig": {"translationConfig": {"targetLanguageCode": "de"}}},
        "Invalid JSON payload",
    ),
    (
        "google",
        {"generationConfig": {"temperature": "warm"}},
        "Invalid value at 'setup.generation_config.temperature'",
    ),
    ("google", {"generationConfig": {"responseModalities": ["SMELL"]}}, "Invalid value at"),
    (
        "google",
        {"generationConfig": {"responseModalities": ["TEXT", "AUDIO"]}},
        "The requested combination of response",
    ),
    (
        "google",
        {"generationConfig": {"responseMimeType": "text/plain"}},
        "Request contains an invalid argument.",
    ),
    ("google", {"systemInstruction": "be nice"}, "Invalid value at 'setup.system_instruction'"),
    (
        "google",
        {"contextWindowCompression": {"triggerTokens": "5", "slidingWindow": {"targetTokens": 5}}},
        "Request",
    ),
    (
        "google",
        {"tools": [{"functionDeclarations": [{"name": "1x"}]}]},
        "Request contains an invalid argument.",
    ),
    ("google", {"tools": [{"functionDeclarations": [{"name": "x"}] * 2}]}, "Duplicate function declaration"),
    ("google", {"model": ""}, "Request contains an invalid argument."),
]


@pytest.mark.parametrize(("kind", "setup", "reason"), SETUPS, ids=[str(case[1])[:50] for case in SETUPS])
def test_a_malformed_setup_is_closed_with_1007(emulator, dial, kind, setup, reason):
    code, said = dial(emulator, kind, wait=False, **setup).close_frame()
    assert code == 1007
    assert said.startswith(reason)
    assert len(said.encode()) <= 123


MODELS = [
    ("google", "models/not-found"),
    ("google", "models/models/m"),
    ("google", "bare"),
    ("vertex", "models/m"),
    ("firebase", "models/m"),
    ("firebase-vertex", "projects/p/models/m"),
]


@pytest.mark.parametrize(("kind", "model"), MODELS)
def test_a_model_that_the_back_end_does_not_have_is_closed_with_1008(emulator, dial, kind, model):
    code, reason = dial(emulator, kind, wait=False, model=model).close_frame()
    assert code == 1008
    assert reason.startswith(f"{model} is not found for API version v1beta")


def test_an_audio_only_model_refuses_text(emulator, dial):
    client = dial(emulator, wait=False, model="models/gemini-2.5-flash-native-audio-preview")
    assert client.close_frame()[0] == 1007


FIRST: list[Any] = [
    {"clientContent": {"turnComplete": True}},
    {},
    {"setup": None},
    {"setup": {"model": "models/m"}, "clientContent": {}},
    "not json",
    b"\xff\xfe",
    b"",
    "[1]",
    '{"setup": {"model": NaN}}',
    "[" * 100_000,
]


@pytest.mark.parametrize("message", FIRST, ids=[str(message)[:30] for message in FIRST])
def test_anything_but_one_setup_first_is_closed_with_1007(emulator, dial, message):
    client = dial(emulator, setup=False)
    client.send(message)
    assert client.close_frame()[0] == 1007


MESSAGES: list[tuple[dict[str, Any], dict[str, Any], tuple[int, str]]] = [
    (AUTO, {"setup": {"model": "models/m"}}, (1007, "setup must be the first message and only the first.")),
    (AUTO, {"realtimeInput": {"activityStart": {}}}, (1007, "Explicit activity control is not supported")),
    (AUTO, {"realtimeInput": {"activityEnd": {}}}, (1007, "Explicit activity control is not supported")),
    (
        AUTO,
        {"realtimeInput": {"audio": {"mimeType": "image/png", "data": ""}}},
        (1007, "Request contains an invalid"),
    ),
    (
        AUTO,
        {"realtimeInput": {"audio": {"mimeType": "audio/pcm", "data": "a!"}}},
        (1007, "Invalid value at 'realtime"),
    ),
    (
        AUTO,
        {"realtimeInput": {"video": {"mimeType": "audio/pcm", "data": ""}}},
        (1007, "Request contains an invalid"),
    ),
    (AUTO, {"realtimeInput": {"sound": 1}}, (1007, UNKNOWN.format("sound", " at 'realtime_input'"))),
    (
        MANUAL,
        {"realtimeInput": {"audio": {"mimeType": "audio/pcm", "data": "AAAA"}}},
        (1007, "Request contains an"),
    ),
    (MANUAL, {"realtimeInput": {"text": "hi"}}, (1007, "Request contains an invalid argument.")),
    (MANUAL, {"realtimeInput": {"activityEnd": {}}}, (1007, "Request contains an invalid argument.")),
    (MANUAL, {"realtimeInput": {"audioStreamEnd": True}}, (1007, "Request contains an invalid argument.")),
    (
        AUTO,
        {"clientContent": {"turns": [{"role": "function", "parts": [{"text": ""}]}]}},
        (1007, "Please use a valid"),
    ),
    (AUTO, {"clientContent": {"turns": [{"parts": [{}]}]}}, (1007, "Required oneof field 'data'")),
    (
        AUTO,
        {"clientContent": {"turns": [{"parts": [{"text": "", "file_data": {}}]}]}},
        (1007, "Invalid value at 'client"),
    ),
    (
        WEATHER,
        {"toolResponse": {"functionResponses": [{"name": "weather", "response": {}}]}},
        (1007, "Request"),
    ),
    (
        WEATHER,
        {"toolResponse": {"functionResponses": [{"id": "x", "response": 1}]}},
        (1007, "Invalid value at"),
    ),
    (
        WEATHER,
        {"toolResponse": {"functionResponses": [{"id": "x"}]}},
        (1008, "Requested entity was not found."),
    ),
    (WEATHER, {"toolResponse": {}}, (1007, "Request contains an invalid argument.")),
    (AUTO, {"toolResponse": {}, "realtimeInput": {}}, (1007, "Invalid value at 'realtime_input' (oneof)")),
]


@pytest.mark.parametrize(("setup", "message", "close"), MESSAGES, ids=[str(case[1])[:60] for case in MESSAGES])
def test_a_malformed_message_is_closed_with_code_and_reason(emulator, dial, setup, message, close):
    client = dial(emulator, **setup)
    client.send(message)
    code, reason = client.close_frame()
    assert code == close[0]
    assert reason.startswith(close[1])


def test_a_long_reason_is_cut_to_123_bytes_of_whole_characters(emulator, dial):
    code, reason = dial(emulator, wait=False, **{"ü" * 200: 1}).close_frame()
    assert code == 1007
    assert 121 <= len(reason.encode()) <= 123
