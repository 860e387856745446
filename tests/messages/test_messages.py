"""The protocol's classes as people meet them: frozen, documented, with the helpers that are expected."""

from __future__ import annotations

import enum
import re

import attrs
import pytest

import livesession
import livesession.messages
from livesession import (
    Content,
    FileData,
    FunctionCall,
    GenerativeContentBlob,
    LiveGenerationConfig,
    LiveServerContent,
    LiveServerGoingAwayNotice,
    LiveServerMessage,
    LiveServerToolCall,
    LiveSessionResumptionUpdate,
    Modality,
    Part,
    PrebuiltVoiceConfig,
    SessionResumptionConfig,
    SpeechConfig,
    Transcription,
    VoiceConfig,
)
from livesession.messages.fields import wire_name

OFFERED = {name: getattr(livesession.messages, name) for name in livesession.messages.__all__}
CLASSES = {name: cls for name, cls in OFFERED.items() if isinstance(cls, type) and attrs.has(cls)}
ENUMS = {name: cls for name, cls in OFFERED.items() if isinstance(cls, type) and issubclass(cls, enum.Enum)}

every_class = pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
every_enum = pytest.mark.parametrize("cls", ENUMS.values(), ids=ENUMS)


def made(cls):
    """An instance with as little as possible."""
    required = [field for field in attrs.fields(cls) if field.default is attrs.NOTHING]
    return cls(**{field.name: b"" if field.type in (bytes, "bytes") else 0 for field in required})


def test_types_offers_classes_enums_and_one_union():
    assert OFFERED.keys() - CLASSES.keys() - ENUMS.keys() == {"LiveClientMessage"}


@every_class
def test_each_class_is_frozen(cls):
    for field in attrs.fields(cls):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(made(cls), field.name, None)


@every_class
def test_each_class_is_slotted(cls):
    assert not hasattr(made(cls), "__dict__")


@every_class
def test_each_class_is_made_by_keyword_only(cls):
    assert all(field.kw_only for field in attrs.fields(cls))
    with pytest.raises(TypeError):
        cls("positional")


@every_class
def test_each_class_documents_every_attribute_with_its_wire_name(cls):
    assert cls.__doc__
    documentation = "\n".join(base.__doc__ or "" for base in cls.__mro__ if base is not object)
    listed = "\n".join(part.partition("Attributes:")[2] for part in documentation.split('"""'))
    for field in attrs.fields(cls):
        assert re.search(rf"^ +(\w+, )*{field.name}(, \w+)*: ", listed, re.MULTILINE), f"{field.name} is not described"
        assert re.search(rf"`([\w.]+\.)?{wire_name(field)}`", listed), f"{wire_name(field)} is not named"


@every_class
def test_each_class_says_in_its_first_line_where_it_is_on_the_wire(cls):
    if cls not in (LiveServerMessage, LiveGenerationConfig):  # the one is a base, the other goes to two places
        assert re.search(r"\(wire: `.+\)\.?$", cls.__doc__.splitlines()[0])


@every_class
def test_no_repr_shows_what_is_not_set(cls):
    shown = re.findall(r"(\w+)=", repr(made(cls)))
    assert set(shown) <= {field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING}


@every_enum
def test_each_enum_is_documented_and_its_members_are_their_wire_values(cls):
    assert cls.__doc__
    assert all(member == member.value == str(member) == f"{member}" for member in cls)


# Helpers.


def test_a_part_is_made_from_text():
    assert Part.from_text("hello") == Part(text="hello")


def test_a_part_is_made_from_bytes():
    blob = GenerativeContentBlob(mime_type="image/png", data=b"\x00")
    assert Part.from_bytes(b"\x00", "image/png") == Part(inline_data=blob)


def test_a_part_is_made_from_an_address():
    expected = Part(file_data=FileData(file_uri="gs://b/c.jpg", mime_type="image/jpeg"))
    assert Part.from_uri("gs://b/c.jpg", mime_type="image/jpeg") == expected
    assert Part.from_uri("gs://b/c.jpg").file_data.mime_type is None


def test_speech_is_made_from_a_voice():
    voice = VoiceConfig(prebuilt_voice_config=PrebuiltVoiceConfig(voice_name="Puck"))
    assert SpeechConfig.from_voice("Puck", language_code="pl-PL") == SpeechConfig(
        voice_config=voice, language_code="pl-PL"
    )


@pytest.mark.parametrize("parts", ["hi", Part(text="hi"), ["hi"], (Part(text="hi"),)], ids=repr)
def test_contents_take_strings_and_parts(parts):
    assert Content(parts=parts).parts == (Part(text="hi"),)


@pytest.mark.parametrize("modalities", ["AUDIO", Modality.AUDIO, ["AUDIO"], (Modality.AUDIO,)], ids=repr)
def test_one_modality_needs_no_list(modalities):
    assert LiveGenerationConfig(response_modalities=modalities).response_modalities == ("AUDIO",)


ANSWER = LiveServerContent(
    model_turn=Content(
        parts=[
            Part(text="Let me think.", thought=True),
            Part(text="One, "),
            Part.from_bytes(b"\x01\x02", "audio/pcm;rate=16000"),
            Part.from_bytes(b"picture", "image/png"),
            Part(text="two."),
            Part.from_bytes(b"\x03\x04", "audio/pcm"),
        ]
    )
)


def test_the_text_of_a_message_is_all_of_it_but_the_thoughts():
    assert ANSWER.text == "One, two."


def test_the_thoughts_of_a_message_are_apart():
    assert ANSWER.thoughts == "Let me think."


def test_the_audio_of_a_message_is_the_bytes_of_all_its_audio_parts():
    assert ANSWER.audio == b"\x01\x02\x03\x04"


def test_the_rate_of_audio_is_what_its_type_says_and_none_where_it_does_not():
    plain = LiveServerContent(model_turn=Content(parts=[Part.from_bytes(b"\x00\x00", "audio/pcm")]))
    assert ANSWER.audio_rate == 16_000
    assert plain.audio_rate is None
    assert LiveServerContent().audio_rate is None


@pytest.mark.parametrize(
    "message",
    [
        LiveServerContent(),
        LiveServerContent(output_transcription=Transcription(text="no text of the model")),
        LiveServerToolCall(),
        LiveServerGoingAwayNotice(),
    ],
    ids=repr,
)
def test_a_message_without_text_and_audio_has_empty_ones(message):
    assert message.text == ""
    assert message.audio == b""


# Representations.


def test_a_repr_shows_what_is_set_and_no_more():
    assert repr(FunctionCall(name="f", args={"x": 1})) == "FunctionCall(name='f', args={'x': 1})"
    assert repr(LiveServerContent(turn_complete=True)) == "LiveServerContent(turn_complete=True)"


def test_a_repr_shows_no_bytes_but_their_number():
    shown = repr(Content(parts=[Part.from_bytes(b"\x00" * 100_000, "audio/pcm")]))
    assert (
        shown == "Content(parts=(Part(inline_data=GenerativeContentBlob(mime_type='audio/pcm', data=<100000 bytes>)),))"
    )


@every_class
def test_no_repr_grows_with_the_bytes_that_it_stands_for(cls):
    binary = {field.name: b"\xff" * 10_000 for field in attrs.fields(cls) if "bytes" in str(field.type)}
    assert len(repr(attrs.evolve(made(cls), **binary))) < 200


@pytest.mark.parametrize(
    "holder",
    [SessionResumptionConfig(handle="hush"), LiveSessionResumptionUpdate(new_handle="hush", resumable=True)],
    ids=lambda holder: type(holder).__name__,
)
def test_a_repr_shows_no_resumption_handle(holder):
    assert "hush" not in repr(holder)
    assert "<set>" in repr(holder)
