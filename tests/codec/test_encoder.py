"""What the codec writes: nothing empty, nothing misspelt, nothing of the user's changed."""

from __future__ import annotations

import json
import math
import types

import pytest

from livesession import (
    ActivityStart,
    AutomaticActivityDetection,
    Content,
    FunctionDeclaration,
    FunctionResponse,
    FunctionResponsePart,
    FunctionResponseScheduling,
    GenerativeContentBlob,
    InvalidRequestError,
    LiveClientContent,
    LiveClientRealtimeInput,
    LiveClientSetup,
    LiveClientToolResponse,
    LiveGenerationConfig,
    MediaResolution,
    Modality,
    Part,
    RealtimeInputConfig,
    Schema,
    SchemaType,
    SessionResumptionConfig,
    ThinkingConfig,
    Tool,
    VideoMetadata,
)
from livesession.codec import encode

USER_DATA = {
    "camelCase": 1,
    "snake_case": {"turn_complete": None, "empty": {}, "list": [None, [], {"x": None}]},
    "": False,
    "ключ 🔑": "grün\u2028\"\\ \x00",
    "big": 2**70,
    "small": -0.0,
}  # fmt: skip


def written(message) -> dict:
    return json.loads(encode(message))


def setup(**config) -> dict:
    return written(LiveClientSetup(model="m", generation_config=LiveGenerationConfig(**config)))["setup"]


def answer(response) -> LiveClientToolResponse:
    return LiveClientToolResponse(function_responses=[FunctionResponse(name="f", id="1", response=response)])


# What is empty, and what only looks so.


def test_what_is_not_set_is_not_sent():
    assert setup() == {"model": "m"}
    assert written(LiveClientContent()) == {"clientContent": {}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"temperature": 0.0}, {"generationConfig": {"temperature": 0.0}}),
        ({"seed": 0}, {"generationConfig": {"seed": 0}}),
        ({"enable_affective_dialog": False}, {"generationConfig": {"enableAffectiveDialog": False}}),
        ({"thinking_config": ThinkingConfig(thinking_budget=0)},
         {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}),
        ({"realtime_input_config": RealtimeInputConfig(
            automatic_activity_detection=AutomaticActivityDetection(disabled=False))},
         {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": False}}}),
        ({"explicit_vad_signal": False}, {"explicitVadSignal": False}),
    ],
    ids=lambda value: next(iter(value)),
)  # fmt: skip
def test_values_that_are_false_are_sent(config, expected):
    assert setup(**config) == {"model": "m", **expected}


def test_transparent_false_is_sent():
    message = LiveClientSetup(model="m", session_resumption=SessionResumptionConfig(transparent=False))
    assert written(message)["setup"]["sessionResumption"] == {"transparent": False}


@pytest.mark.parametrize("complete", [True, False])
def test_turn_complete_is_sent_whatever_it_says(complete):
    assert written(LiveClientContent(turn_complete=complete)) == {"clientContent": {"turnComplete": complete}}


def test_an_empty_text_and_an_empty_answer_are_sent():
    assert written(LiveClientRealtimeInput(text="")) == {"realtimeInput": {"text": ""}}
    assert written(answer({}))["toolResponse"]["functionResponses"][0]["response"] == {}


def test_an_activity_is_an_empty_object():
    assert written(LiveClientRealtimeInput(activity_start=ActivityStart())) == {"realtimeInput": {"activityStart": {}}}


# Spelling.


def test_the_frame_is_compact_utf8():
    assert encode(LiveClientRealtimeInput(text="grün 🎈")) == '{"realtimeInput":{"text":"grün 🎈"}}'.encode()


def test_bytes_are_standard_base64_with_padding():
    blob = GenerativeContentBlob(mime_type="image/png", data=b"\xfb\xff\xfe\xfd")
    assert written(LiveClientRealtimeInput(video=blob))["realtimeInput"]["video"]["data"] == "+//+/Q=="


def test_enum_members_and_plain_strings_are_written_alike():
    members = LiveGenerationConfig(response_modalities=[Modality.AUDIO], media_resolution=MediaResolution.HIGH)
    strings = LiveGenerationConfig(response_modalities="AUDIO", media_resolution="MEDIA_RESOLUTION_HIGH")
    written_alike = {encode(LiveClientSetup(model="m", generation_config=config)) for config in (members, strings)}
    assert len(written_alike) == 1


def test_every_part_of_an_answer_is_written():
    response = FunctionResponse(
        id="1",
        name="f",
        response={"output": 1},
        scheduling=FunctionResponseScheduling.WHEN_IDLE,
        will_continue=False,
        parts=[FunctionResponsePart(inline_data=GenerativeContentBlob(mime_type="image/png", data=b"\x00"))],
    )
    assert written(LiveClientToolResponse(function_responses=[response]))["toolResponse"]["functionResponses"] == [
        {
            "id": "1",
            "name": "f",
            "response": {"output": 1},
            "scheduling": "WHEN_IDLE",
            "willContinue": False,
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}],
        }
    ]


# What belongs to the user.


def test_the_user_s_objects_pass_untouched():
    assert written(answer(USER_DATA))["toolResponse"]["functionResponses"][0]["response"] == USER_DATA
    declaration = FunctionDeclaration(name="f", parameters=USER_DATA, parameters_json_schema=USER_DATA)
    tool = Tool(function_declarations=[declaration], google_search=USER_DATA)
    [sent] = written(LiveClientSetup(model="m", tools=[tool]))["setup"]["tools"]
    assert sent["googleSearch"] == USER_DATA
    assert sent["functionDeclarations"][0]["parameters"] == USER_DATA
    assert sent["functionDeclarations"][0]["parametersJsonSchema"] == USER_DATA


def test_any_mapping_is_an_object():
    nested = types.MappingProxyType({"inner_key": types.MappingProxyType({"x": None})})
    sent = written(answer(nested))["toolResponse"]["functionResponses"][0]["response"]
    assert sent == {"inner_key": {"x": None}}


def test_a_schema_is_written_with_its_property_names_unchanged():
    schema = Schema(
        type=SchemaType.OBJECT,
        properties={"first_name": Schema(type="STRING", min_length=1), "anyOf": Schema(any_of=[Schema(type="NULL")])},
        property_ordering=["first_name", "anyOf"],
    )
    tool = Tool(function_declarations=[FunctionDeclaration(name="f", parameters=schema)])
    assert written(LiveClientSetup(model="m", tools=[tool]))["setup"]["tools"][0]["functionDeclarations"] == [
        {
            "name": "f",
            "parameters": {
                "type": "OBJECT",
                "properties": {
                    "first_name": {"type": "STRING", "minLength": 1},
                    "anyOf": {"anyOf": [{"type": "NULL"}]},
                },
                "propertyOrdering": ["first_name", "anyOf"],
            },
        }
    ]


def endless() -> dict:
    knot: dict = {}
    knot["again"] = knot
    return knot


@pytest.mark.parametrize(
    "response",
    [{"x": float("nan")}, {"x": [float("inf")]}, {"x": b"bytes"}, {"x": {1, 2}}, {"x": "\ud800"}, {"\udfff": 1},
     {"x": object()}, {("a", "b"): 1}, endless()],
    ids=["NaN", "infinity", "bytes", "set", "half a character", "half a character as key", "object", "tuple as key",
         "circle"],
)  # fmt: skip
def test_what_json_cannot_hold_is_refused_with_its_cause(response):
    with pytest.raises(InvalidRequestError, match="toolResponse") as caught:
        encode(answer(response))
    assert isinstance(caught.value.__cause__, (TypeError, ValueError, RecursionError))


@pytest.mark.parametrize("offset", [math.nan, math.inf])
def test_a_time_that_is_none_is_refused(offset):
    film = GenerativeContentBlob(mime_type="video/mp4", data=b"...")
    part = Part(inline_data=film, video_metadata=VideoMetadata(start_offset=offset))
    with pytest.raises(InvalidRequestError, match=r"clientContent.*a duration is a finite number"):
        encode(LiveClientContent(turns=[Content(parts=[part])]))


def test_half_a_character_in_a_text_is_refused():
    with pytest.raises(InvalidRequestError, match="clientContent") as caught:
        encode(LiveClientContent(turns=[Content(parts=[Part(text="\ud83c")])]))
    assert isinstance(caught.value.__cause__, UnicodeEncodeError)
