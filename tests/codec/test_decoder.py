"""What the codec takes from a server: every spelling, every omission, and several kinds in a frame."""

from __future__ import annotations

import base64
import json

import pytest

from livesession import (
    FunctionCall,
    LiveServerContent,
    LiveServerError,
    LiveServerGoingAwayNotice,
    LiveServerSetupComplete,
    LiveServerToolCall,
    LiveServerToolCallCancellation,
    LiveServerUsageMetadata,
    LiveServerVoiceActivity,
    LiveServerVoiceActivityDetectionSignal,
    LiveSessionResumptionUpdate,
    Modality,
    TurnCompleteReason,
    UnsupportedMessageError,
    VoiceActivityType,
)
from livesession.codec import decode
from livesession.messages.fields import snake_case
from tests.kit.servers import script_server


def messages(frame: object) -> list:
    return decode(json.dumps(frame).encode())


def one(frame: object):
    [message] = messages(frame)
    return message


def in_snake_case(value: object) -> object:
    """The same JSON with the members of every object in snake_case."""
    if isinstance(value, dict):
        return {snake_case(key): in_snake_case(member) for key, member in value.items()}
    return [in_snake_case(item) for item in value] if isinstance(value, list) else value


def test_text_and_binary_frames_are_read_alike():
    text = '{"serverContent": {"outputTranscription": {"text": "grün 🎈"}}}'

    def script(peer):
        peer.accept()
        peer.send(text, text.encode())
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        stream = session.receive(timeout=20)
        as_text, as_binary = next(stream), next(stream)
    assert as_text == as_binary
    assert as_text.output_transcription.text == "grün 🎈"


def test_pretty_printed_json_with_a_trailing_newline_is_read():
    [message] = decode(b'{\n  "serverContent": {\n    "turnComplete": true\n  }\n}\n\n')
    assert message == LiveServerContent(turn_complete=True)


# What is left out, unknown, or null.


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({"setupComplete": {}}, LiveServerSetupComplete()),
        ({"serverContent": {}}, LiveServerContent()),
        ({"sessionResumptionUpdate": {}}, LiveSessionResumptionUpdate(resumable=False, new_handle=None)),
        ({"toolCall": {}}, LiveServerToolCall(function_calls=())),
        (
            {"toolCall": {"functionCalls": [{"name": "f"}]}},
            LiveServerToolCall(function_calls=(FunctionCall(name="f"),)),
        ),
        ({"toolCallCancellation": {}}, LiveServerToolCallCancellation(ids=())),
        ({"goAway": {}}, LiveServerGoingAwayNotice(time_left=0.0)),
        ({"voiceActivity": {}}, LiveServerVoiceActivity()),
        ({"usageMetadata": {}}, None),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_omitted_members_have_their_defaults(frame, expected):
    message = one(frame)
    if expected is None:
        assert message.usage_metadata.total_token_count == 0
    else:
        assert message == expected


def test_unknown_members_are_ignored_at_every_depth():
    frame = {
        "serverContent": {"modelTurn": {"parts": [{"text": "a", "glow": 1}], "mood": {}}, "weather": [1]},
        "newKind": {"x": 1},
    }
    assert one(frame) == one({"serverContent": {"modelTurn": {"parts": [{"text": "a"}]}}})


@pytest.mark.parametrize(
    "frame",
    [
        {"serverContent": {"modelTurn": None, "turnComplete": None, "interactionStatus": None}},
        {"serverContent": {"modelTurn": None}, "usageMetadata": None, "toolCall": None},
    ],
    ids=["members", "kinds"],
)
def test_null_counts_as_absent(frame):
    assert one(frame) == LiveServerContent()


@pytest.mark.parametrize("value", [None, "NULL_VALUE"])
@pytest.mark.parametrize("name", ["nullValue", "null_value"])
def test_a_streamed_argument_that_is_null_is_told_from_one_that_is_absent(name, value):
    call = {"name": "f", "partialArgs": [{"jsonPath": "$.a", name: value}, {"jsonPath": "$.b", "stringValue": None}]}
    [null, absent] = one({"toolCall": {"functionCalls": [call]}}).function_calls[0].partial_args
    assert (null.null_value, absent.null_value) == ("NULL_VALUE", None)


def test_known_enum_values_are_members_and_unknown_ones_stay_strings():
    known = one({"serverContent": {"turnCompleteReason": "BLOCKLIST"}}).turn_complete_reason
    unknown = one({"serverContent": {"turnCompleteReason": "TIRED"}}).turn_complete_reason
    assert known is TurnCompleteReason.BLOCKLIST
    assert unknown == "TIRED"
    assert type(unknown) is str


@pytest.mark.parametrize("number", [7, "7", 7.0], ids=["number", "string", "float"])
def test_an_int64_is_read_as_number_or_string(number):
    frame = {"sessionResumptionUpdate": {"lastConsumedClientMessageIndex": number}}
    assert one(frame).last_consumed_client_message_index == 7


def test_a_large_int64_keeps_every_digit():
    frame = {"sessionResumptionUpdate": {"lastConsumedClientMessageIndex": "9223372036854775807"}}
    assert one(frame).last_consumed_client_message_index == 2**63 - 1


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xfb\xff", b"\xfb\xff\xfe", b"\xfb\xff\xfe\xfd"], ids=bytes.hex)
@pytest.mark.parametrize("padded", [True, False], ids=["padded", "unpadded"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode], ids=["standard", "url-safe"])
def test_base64_is_read_in_both_alphabets_with_and_without_padding(encode, padded, data):
    text = encode(data).decode()
    blob = {"mimeType": "audio/pcm", "data": text if padded else text.rstrip("=")}
    assert one({"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}).audio == data


# One name for what has several.


@pytest.mark.parametrize("name", ["response", "candidates"])
def test_response_and_candidates_counts_have_one_name(name):
    details = [{"modality": "AUDIO", "tokenCount": 5}]
    usage = one({"usageMetadata": {f"{name}TokenCount": 5, f"{name}TokensDetails": details}}).usage_metadata
    assert usage.response_token_count == 5
    assert [(detail.modality, detail.token_count) for detail in usage.response_tokens_details] == [(Modality.AUDIO, 5)]


@pytest.mark.parametrize("name", ["ids", "functionIds", "function_ids"])
def test_cancelled_ids_are_read_under_each_of_their_names(name):
    assert one({"toolCallCancellation": {name: ["a", "b"]}}).ids == ("a", "b")


@pytest.mark.parametrize("name", ["type", "voiceActivityType", "voice_activity_type"])
def test_the_type_of_voice_activity_is_read_under_each_of_its_names(name):
    message = one({"voiceActivity": {name: "ACTIVITY_END", "audioOffset": "8.400s"}})
    assert message == LiveServerVoiceActivity(voice_activity_type=VoiceActivityType.END, audio_offset=8.4)


def test_snake_case_is_read_like_camel_case_at_every_depth():
    frame = {
        "serverContent": {
            "modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm"}}, {"thoughtSignature": "AA"}]},
            "outputTranscription": {"words": [{"word": "a", "startOffset": "0.5s"}], "languageCode": "de"},
            "groundingMetadata": {"webSearchQueries": ["q"], "searchEntryPoint": {"renderedContent": "<p>"}},
            "urlContextMetadata": {"urlMetadata": [{"retrievedUrl": "u", "urlRetrievalStatus": "NEW"}]},
            "turnComplete": True,
        },
        "toolCallCancellation": {"functionIds": ["x"]},
        "voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"},
        "sessionResumptionUpdate": {"newHandle": "h", "lastConsumedClientMessageIndex": "3"},
        "usageMetadata": {"candidatesTokenCount": 2, "promptTokensDetails": [{"tokenCount": 1}]},
        "goAway": {"timeLeft": "5s"},
    }  # fmt: skip
    assert messages(in_snake_case(frame)) == messages(frame)
    assert len(messages(frame)) == 5


USER_DATA = {
    "camelCase": 1,
    "snake_case": {"functionIds": None, "time_left": [None, {"ids": None}]},
    "turnComplete": "not ours",
    "": 0,
    "🔑 with spaces.and-dots": [1.5, "x", True, None, [], {}],
}


def test_arguments_pass_untouched():
    assert one({"toolCall": {"functionCalls": [{"name": "f", "args": USER_DATA}]}}).function_calls[0].args == USER_DATA


def test_objects_that_only_pass_through_are_untouched():
    chunks = [{"web": USER_DATA}]
    content = {"groundingMetadata": {"groundingChunks": chunks}, "modelTurn": {"parts": [{"partMetadata": USER_DATA}]}}
    message = one({"serverContent": content})
    assert message.grounding_metadata.grounding_chunks[0].web == USER_DATA
    assert message.model_turn.parts[0].part_metadata == USER_DATA


# Frames with several kinds, or none.


def test_several_kinds_in_a_frame_come_in_the_protocol_s_order():
    kinds = [
        ("setupComplete", LiveServerSetupComplete),
        ("sessionResumptionUpdate", LiveSessionResumptionUpdate),
        ("voiceActivity", LiveServerVoiceActivity),
        ("voiceActivityDetectionSignal", LiveServerVoiceActivityDetectionSignal),
        ("serverContent", LiveServerContent),
        ("toolCall", LiveServerToolCall),
        ("toolCallCancellation", LiveServerToolCallCancellation),
        ("error", LiveServerError),
        ("goAway", LiveServerGoingAwayNotice),
    ]
    backwards = {name: {} for name, _ in reversed(kinds)}
    assert [type(message) for message in messages(backwards)] == [kind for _, kind in kinds]


def test_usage_is_on_the_last_message_of_its_frame():
    first, last = messages({"usageMetadata": {"totalTokenCount": 3}, "toolCall": {}, "serverContent": {}})
    assert first == LiveServerContent()
    assert isinstance(last, LiveServerToolCall)
    assert last.usage_metadata.total_token_count == 3


def test_usage_alone_is_a_message_of_its_own():
    message = one({"usageMetadata": {"totalTokenCount": 3, "trafficType": "ON_DEMAND", "serviceTier": "standard"}})
    assert isinstance(message, LiveServerUsageMetadata)
    assert message.usage_metadata.total_token_count == 3
    assert message.usage_metadata.traffic_type == "ON_DEMAND"


@pytest.mark.parametrize("frame", [{}, {"serverContent": None}, {"server_content": None}], ids=json.dumps)
def test_a_keep_alive_gives_no_message(frame):
    assert messages(frame) == []


def test_a_frame_of_unknown_kinds_gives_an_unsupported_message_error_with_the_parsed_frame():
    frame = {"newKind": {"someField": None}, "other": 1}
    error = one(frame)
    assert isinstance(error, UnsupportedMessageError)
    assert error.frame == frame
    assert "newKind" in str(error)
