"""The codec against inputs that nobody thought of: what is written is read back, and nothing makes it raise."""

from __future__ import annotations

import functools
import json
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livesession import (
    Content,
    FunctionDeclaration,
    FunctionResponse,
    LiveClientContent,
    LiveClientSetup,
    LiveClientToolResponse,
    LiveGenerationConfig,
    LiveServerMessage,
    LiveServerUsageMetadata,
    Part,
    ProtocolError,
    Schema,
    Tool,
    UsageMetadata,
)
from livesession.codec import decode, encode
from livesession.codec.converter import converter
from livesession.codec.decoder import KINDS
from livesession.codec.encoder import AT_TOP_OF_SETUP, ENVELOPES
from livesession.messages.enums import WireEnum
from livesession.messages.fields import JSONObject, wire_name

always_the_same = settings(max_examples=60, deadline=None, derandomize=True, database=None)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=4)


# Instances of the protocol's classes, made from their annotations.


def values(target: object) -> st.SearchStrategy:
    """Values for a field; durations have nine decimals, as on the wire."""
    if get_origin(target) is Annotated:
        return st.integers(0, 10**14).map(lambda nanoseconds: nanoseconds / 1e9)
    if get_origin(target) in (tuple, Sequence):
        return st.lists(values(get_args(target)[0]), max_size=2).map(tuple)
    if JSONObject in get_args(target):
        return OBJECTS  # what else may stand in its place is read back as an object too
    if get_origin(target) in (Union, types.UnionType):
        return st.one_of([values(member) for member in get_args(target)])
    if target == JSONObject:
        return OBJECTS
    if get_origin(target) is Mapping:
        return st.dictionaries(st.text(), values(get_args(target)[1]), max_size=2)
    return instances(target) if attrs.has(target) else single(target)


def single(target: object) -> st.SearchStrategy:
    if isinstance(target, type) and issubclass(target, WireEnum):
        return st.sampled_from(target)
    return {
        type(None): st.none(),
        bool: st.booleans(),
        int: st.integers(-(2**63), 2**63 - 1),
        float: st.floats(allow_nan=False, allow_infinity=False),
        str: st.text(),
        bytes: st.binary(max_size=40),
        object: JSON.filter(lambda value: value is not None),
    }[target]


@functools.cache
def instances(cls: type) -> st.SearchStrategy:
    return st.deferred(lambda: made_of_fields(cls))  # a schema holds schemas


def made_of_fields(cls: type) -> st.SearchStrategy:
    fields = attrs.fields(attrs.resolve_types(cls))
    required = {field.name: values(field.type) for field in fields if field.default is attrs.NOTHING}
    optional = {field.name: values(field.type) for field in fields if field.name not in required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda given: cls(**given))


def frame_of(name: str, message: LiveServerMessage) -> dict:
    """The frame that a server would send for a message: the way back, which the library has no use for."""
    body = converter.unstructure(attrs.evolve(message, usage_metadata=None))
    if message.usage_metadata is None:
        return {name: body}
    return {name: body, "usageMetadata": converter.unstructure(message.usage_metadata)}


@pytest.mark.parametrize(("name", "cls"), KINDS.items(), ids=KINDS)
def test_every_server_message_is_read_back_from_its_own_frame(name, cls):
    @settings(always_the_same, max_examples=20)
    @given(instances(cls))
    def check(message):
        assert decode(json.dumps(frame_of(name, message)).encode()) == [message]

    check()


@always_the_same
@given(instances(UsageMetadata))
def test_usage_alone_is_read_back_from_its_own_frame(usage):
    frame = {"usageMetadata": converter.unstructure(usage)}
    assert decode(json.dumps(frame).encode()) == [LiveServerUsageMetadata(usage_metadata=usage)]


def spread_configuration(setup: dict) -> dict:
    """The way back of a setup: the configuration's fields that stand at its top return into it."""
    top = {name: setup.pop(name) for name in AT_TOP_OF_SETUP if name in setup}
    return {**setup, "generationConfig": {**setup.pop("generationConfig", {}), **top}}


@pytest.mark.parametrize(("cls", "name"), ENVELOPES.items(), ids=ENVELOPES.values())
def test_every_client_message_can_be_read_back_from_its_own_frame(cls, name):
    @settings(always_the_same, max_examples=40)
    @given(instances(cls))
    def check(message):
        body = json.loads(encode(message))[name]
        body = spread_configuration(body) if name == "setup" else body
        assert converter.structure(body, cls) == message

    check()


@always_the_same
@given(instances(Schema))
def test_a_schema_can_be_read_back_from_the_declaration_that_it_was_put_in(schema):
    tool = Tool(function_declarations=[FunctionDeclaration(name="f", parameters=schema)])
    [sent] = json.loads(encode(LiveClientSetup(model="m", tools=[tool])))["setup"]["tools"]
    assert converter.structure(sent["functionDeclarations"][0].get("parameters", {}), Schema) == schema


# What belongs to the user.


@always_the_same
@given(OBJECTS)
def test_an_answer_arrives_as_the_user_wrote_it(response):
    message = LiveClientToolResponse(function_responses=[FunctionResponse(name="f", id="1", response=response)])
    [sent] = json.loads(encode(message))["toolResponse"]["functionResponses"]
    assert sent == {"name": "f", "id": "1", "response": response}


@always_the_same
@given(OBJECTS)
def test_arguments_arrive_as_the_model_wrote_them(args):
    frame = {"toolCall": {"functionCalls": [{"name": "f", "args": args}]}}
    [message] = decode(json.dumps(frame).encode())
    assert message.function_calls[0].args == args


@always_the_same
@given(st.lists(st.text(), min_size=1, max_size=3), st.binary())
def test_texts_and_bytes_survive_the_way_out_and_back(texts, data):
    content = Content(parts=[*texts, Part.from_bytes(data, "audio/pcm")], role="model")
    turn = json.loads(encode(LiveClientContent(turns=[content])))["clientContent"]["turns"][0]
    [message] = decode(json.dumps({"serverContent": {"modelTurn": turn}}).encode())
    assert message.model_turn == content
    assert message.text == "".join(texts)
    assert message.audio == data


# What is written has no nulls and no snake_case.


def members(value: object) -> list[tuple[str, object]]:
    """Every name and value in some JSON."""
    if isinstance(value, list):
        return [pair for item in value for pair in members(item)]
    if not isinstance(value, dict):
        return []
    return [pair for name, inner in value.items() for pair in [(name, inner), *members(inner)]]


@always_the_same
@given(instances(LiveGenerationConfig))
def test_no_configuration_is_written_with_nulls_or_python_s_spelling(config):
    config = attrs.evolve(config, response_format=None)  # the user's own spelling, and nulls
    for name, value in members(json.loads(encode(LiveClientSetup(model="m", generation_config=config)))):
        assert value is not None
        assert "_" not in name


# What nobody should send.


def check_decoded(data: bytes) -> None:
    for item in decode(data):
        assert isinstance(item, (LiveServerMessage, ProtocolError))
        assert repr(item)
        assert str(item)


@settings(always_the_same, max_examples=200)
@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_make_the_codec_raise(data):
    check_decoded(data)


@always_the_same
@given(JSON)
def test_no_json_makes_the_codec_raise(value):
    check_decoded(json.dumps(value).encode())


def names_of(cls: type, seen: set[type]) -> set[str]:
    """The wire names of a class and of all classes in it."""
    if cls in seen:
        return set()
    seen.add(cls)
    found: set[str] = set()
    for field in attrs.fields(attrs.resolve_types(cls)):
        found.add(wire_name(field))
        for inner in [field.type, *get_args(field.type)]:
            for each in [inner, *get_args(inner)]:
                found |= names_of(each, seen) if isinstance(each, type) and attrs.has(each) else set()
    return found


KNOWN_NAMES = sorted(set().union(*(names_of(cls, set()) for cls in KINDS.values())))
MISLEADING = st.recursive(
    SCALARS | st.sampled_from(["NaN", "AA==", "1.5s", "7", "AUDIO"]) | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KNOWN_NAMES), inner, max_size=4),
    max_leaves=20,
)


@settings(always_the_same, max_examples=300)
@given(st.dictionaries(st.sampled_from([*KINDS, "usageMetadata", "another"]), MISLEADING, max_size=3))
def test_no_misuse_of_known_names_makes_the_codec_raise(frame):
    check_decoded(json.dumps(frame).encode())


@always_the_same
@given(st.sampled_from(sorted(KINDS)), MISLEADING)
def test_no_other_kind_is_lost_beside_a_bad_one(name, value):
    items = decode(json.dumps({name: value, "toolCallCancellation": {"ids": ["a"]}}).encode())
    if name != "toolCallCancellation":
        assert any(getattr(item, "ids", None) == ("a",) for item in items)
