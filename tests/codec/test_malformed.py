"""What the codec makes of frames that cannot be read: an error in their place, and nothing lost beside them."""

from __future__ import annotations

import json

import pytest

from livesession import LiveServerContent, LiveServerGoingAwayNotice, ProtocolError
from livesession.codec import decode


def messages(frame: object) -> list:
    return decode(json.dumps(frame).encode())


def one(frame: object):
    [message] = messages(frame)
    return message


NOT_AN_OBJECT = {
    "no bytes": b"",
    "not JSON": b"hello",
    "truncated": b'{"serverContent": {"turnComp',
    "two objects": b"{}{}",
    "array": b"[{}]",
    "string": b'"serverContent"',
    "null": b"null",
    "number": b"1",
    "deep nesting": b'{"serverContent":' + b"[" * 200_000,
    "deep nesting, closed": b'{"toolCall":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "invalid UTF-8": b'{"serverContent":{"modelTurn":{"parts":[{"text":"\xff\xfe"}]}}}',
    "half a character": b'{"error":{"message":"\xf0\x9f\x8e"}}',
    "UTF-16": '{"goAway":{}}'.encode("utf-16"),
    "an integer of 5,000 digits and no end": b'{"goAway":' + b"9" * 5000,
}


@pytest.mark.parametrize("data", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
def test_what_is_not_a_json_object_gives_a_protocol_error_with_the_frame(data):
    [error] = decode(data)
    assert type(error) is ProtocolError
    assert error.data == data
    assert "not a JSON object" in str(error)
    assert len(str(error)) < 1000


WRONG = [
    ({"serverContent": {"turnComplete": "yes"}}, "serverContent.turn_complete"),
    ({"serverContent": {"modelTurn": []}}, "serverContent.model_turn"),
    ({"serverContent": {"modelTurn": {"parts": {}}}}, "serverContent.model_turn.parts"),
    ({"serverContent": {"modelTurn": {"parts": [{"text": 5}]}}}, "serverContent.model_turn.parts.text"),
    ({"serverContent": {"modelTurn": {"parts": ["x"]}}}, "serverContent.model_turn.parts"),
    ({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": "a"}}]}}}, "parts.inline_data.data"),
    ({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": "AA=A"}}]}}}, "parts.inline_data.data"),
    ({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": "ÄÄÄÄ"}}]}}}, "parts.inline_data.data"),
    ({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": 1}}]}}}, "parts.inline_data.data"),
    ({"serverContent": {"turnCompleteReason": {}}}, "serverContent.turn_complete_reason"),
    ({"toolCall": {"functionCalls": [{"args": [1]}]}}, "toolCall.function_calls.args"),
    ({"toolCallCancellation": {"ids": "abc"}}, "toolCallCancellation.ids"),
    ({"sessionResumptionUpdate": {"lastConsumedClientMessageIndex": "x"}}, "last_consumed_client_message_index"),
    ({"sessionResumptionUpdate": {"resumable": 1}}, "sessionResumptionUpdate.resumable"),
    ({"voiceActivity": {"audioOffset": "soon"}}, "voiceActivity.audio_offset"),
    ({"usageMetadata": {"totalTokenCount": 1.5}}, "usageMetadata.total_token_count"),
    ({"usageMetadata": {"promptTokensDetails": [{"tokenCount": True}]}}, "prompt_tokens_details.token_count"),
    ({"goAway": "now"}, "goAway"),
    ({"setupComplete": True}, "setupComplete"),
]


@pytest.mark.parametrize(("frame", "path"), WRONG, ids=[json.dumps(frame)[:70] for frame, _ in WRONG])
def test_a_value_that_cannot_be_meant_gives_a_protocol_error_that_names_its_path(frame, path):
    error = one(frame)
    assert type(error) is ProtocolError
    assert path in str(error)
    assert error.__cause__ is not None


@pytest.mark.parametrize(("text", "seconds"), [("50s", 50), ("1.500s", 1.5), ("3.000000001s", 3.000000001), ("0s", 0)])
def test_a_duration_is_seconds(text, seconds):
    assert one({"goAway": {"timeLeft": text}}).time_left == seconds


@pytest.mark.parametrize("odd", [None, "", "s", "soon", "50", "1m", "nans", "infs", 50, 1.5, True, {}, []], ids=repr)
def test_a_notice_with_an_odd_time_left_says_zero(odd):
    assert one({"goAway": {"timeLeft": odd}}) == LiveServerGoingAwayNotice(time_left=0.0)


def test_every_wrong_value_of_a_message_is_named():
    error = one({"serverContent": {"turnComplete": 1, "modelTurn": {"parts": [{"text": 5, "thought": "x"}]}}})
    assert all(path in str(error) for path in ("turn_complete", "parts.text", "parts.thought"))


def test_one_bad_kind_does_not_hide_the_others():
    good, bad, last = messages({"serverContent": {"turnComplete": True}, "toolCall": 5, "goAway": {"timeLeft": "5s"}})
    assert good == LiveServerContent(turn_complete=True)
    assert type(bad) is ProtocolError
    assert last == LiveServerGoingAwayNotice(time_left=5.0)


def test_bad_usage_does_not_hide_the_message_that_it_came_with():
    good, bad = messages({"serverContent": {"turnComplete": True}, "usageMetadata": {"totalTokenCount": "many"}})
    assert good == LiveServerContent(turn_complete=True)
    assert "usageMetadata.total_token_count" in str(bad)


def test_good_usage_is_not_lost_beside_a_bad_message():
    bad, usage = messages({"serverContent": 5, "usageMetadata": {"totalTokenCount": 3}})
    assert type(bad) is ProtocolError
    assert usage.usage_metadata.total_token_count == 3
