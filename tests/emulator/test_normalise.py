"""The walk over the tables: spellings in, canonical form out, the user's own data untouched. No socket."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from livesession.emulator.protocol.enum_values import ENUMS
from livesession.emulator.protocol.message_schema import MESSAGES
from livesession.emulator.protocol.parser import decode_bytes, normalise_message, parse_message
from livesession.emulator.protocol.refusal import CloseRefusal


def setup(vertex: bool = False, **fields: Any) -> dict[str, Any]:
    return normalise_message({"setup": {"model": "models/m", **fields}}, vertex=vertex)[1]


def test_snake_case_becomes_camel_case_at_every_depth():
    config = {"response_modalities": ["TEXT"], "speech_config": {"language_code": "de"}}
    expected = {"responseModalities": ["TEXT"], "speechConfig": {"languageCode": "de"}}
    assert setup(generation_config=config)["generationConfig"] == expected


def test_keys_of_function_responses_are_never_renamed():
    response = {"my_key": {"inner_key": 1}, "camelKey": None}
    message = {"tool_response": {"function_responses": [{"id": "1", "name": "f", "response": response}]}}
    name, payload = normalise_message(message, vertex=False)
    assert name == "toolResponse"
    assert payload == {"functionResponses": [{"id": "1", "name": "f", "response": response}]}


def test_property_names_of_a_schema_are_never_renamed():
    schema = {"type": "object", "properties": {"any_name": {"type": "STRING", "min_length": "3"}}}
    (tool,) = setup(tools=[{"function_declarations": [{"name": "f", "parameters": schema}]}])["tools"]
    properties = {"any_name": {"type": "STRING", "minLength": 3}}
    assert tool["functionDeclarations"][0]["parameters"] == {"type": "OBJECT", "properties": properties}


def test_a_json_schema_is_not_looked_into():
    schema = {"type": "object", "$defs": {"a_b": {}}, "additional_x": 1}
    (tool,) = setup(tools=[{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}])["tools"]
    assert tool["functionDeclarations"][0]["parametersJsonSchema"] == schema


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", [True, False])
@pytest.mark.parametrize("data", [b"\xfb\xff\xfe", b"\xfb\xff", b"\xfb", b""])
def test_both_base64_alphabets_are_read_with_and_without_padding(encode, padding, data):
    text = encode(data).decode() if padding else encode(data).decode().rstrip("=")
    blob = {"mimeType": "audio/pcm", "data": text}
    _, payload = normalise_message({"realtimeInput": {"audio": blob}}, vertex=False)
    assert decode_bytes(payload["audio"]["data"]) == data


@pytest.mark.parametrize("value", [7, "7", 7.0])
def test_a_64_bit_integer_may_be_a_string(value):
    assert setup(contextWindowCompression={"triggerTokens": value})["contextWindowCompression"] == {"triggerTokens": 7}


@pytest.mark.parametrize("value", [True, "7.5", 7.5, "x", []])
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(CloseRefusal, match="trigger_tokens"):
        setup(contextWindowCompression={"triggerTokens": value})


def test_an_enum_may_be_its_number():
    assert setup(generationConfig={"responseModalities": [1]})["generationConfig"] == {"responseModalities": ["TEXT"]}


def test_null_means_not_set_except_for_a_handle():
    assert "tools" not in setup(tools=None)
    with pytest.raises(CloseRefusal):
        setup(sessionResumption={"handle": None})


def test_one_field_in_two_spellings_is_refused():
    with pytest.raises(CloseRefusal, match="Duplicate"):
        normalise_message({"clientContent": {"turnComplete": True, "turn_complete": True}}, vertex=False)


def test_a_mixed_spelling_is_unknown():
    with pytest.raises(CloseRefusal, match="Unknown name"):
        normalise_message({"realtime_Input": {}}, vertex=False)


@pytest.mark.parametrize(("fields", "vertex"), [({"explicitVadSignal": True}, True), ({"labels": {"a_b": "c"}}, True)])
def test_a_field_of_vertex_alone_is_known_to_vertex_alone(fields, vertex):
    assert setup(vertex=vertex, **fields).items() >= fields.items()
    with pytest.raises(CloseRefusal, match="Unknown name"):
        setup(vertex=not vertex, **fields)


def test_the_tables_name_only_kinds_that_exist():
    scalars = {"string", "bool", "int", "number", "bytes", "struct", "any"}
    kinds = {
        notation.rstrip("!").partition("@")[0].strip("[]{}")
        for fields in MESSAGES.values()
        for notation in fields.values()
    }
    assert kinds <= scalars | set(ENUMS) | set(MESSAGES)


def test_big_integers_and_strange_keys_of_the_user_survive():
    response = {"": 10**40, "__class__": "x"}
    text = '{"toolResponse": {"functionResponses": [{"response": {"": 1' + "0" * 40 + ', "__class__": "x"}}]}}'
    assert normalise_message(parse_message(text), vertex=False)[1] == {"functionResponses": [{"response": response}]}


def test_half_a_surrogate_pair_is_refused_and_a_whole_one_is_read():
    with pytest.raises(CloseRefusal, match="surrogates not allowed") as caught:
        parse_message(r'{"realtimeInput": {"text": "\ud83d"}}')
    assert caught.value.code == 1007
    assert parse_message(r'{"realtimeInput": {"text": "\ud83d\ude00"}}') == {"realtimeInput": {"text": "\U0001f600"}}
