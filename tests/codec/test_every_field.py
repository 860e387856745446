"""Every field of every server message, under the name that protocol.md section 3 gives it, written down by hand: a
misspelt name would be wrong in both directions, and round trips alone would not tell.
"""

from __future__ import annotations

import json

import attrs
import pytest

from livesession.codec import decode
from livesession.messages.fields import Compact, default_of
from tests.kit.wire_data import NAMES, frame_of

ARGS = {"some_key": None, "otherKey": [1]}

MODEL_TURN = {
    "role": "model",
    "parts": [
        {"text": "hm", "thought": True, "thoughtSignature": "+/8="},
        {
            "inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAEC", "displayName": "d"},
            "videoMetadata": {"startOffset": "1s", "endOffset": "2.5s", "fps": 1.5},
            "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW", "numTokens": 3},
            "partMetadata": ARGS,
            "audioTranscription": {"text": "x"},
        },
        {"fileData": {"fileUri": "gs://b/c", "mimeType": "image/png", "displayName": "d"}},
        {"functionCall": {"id": "1", "name": "f", "args": ARGS}},
        {
            "functionResponse": {
                "id": "1",
                "name": "f",
                "response": ARGS,
                "scheduling": "SILENT",
                "willContinue": True,
                "parts": [
                    {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
                    {"fileData": {"fileUri": "gs://b/c"}},
                ],
            }
        },
        {"executableCode": {"language": "PYTHON", "code": "1", "id": "c"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1", "id": "c"}},
        {"toolCall": {"id": "t"}, "toolResponse": {"id": "t"}},
    ],
}
GROUNDING = {
    "webSearchQueries": ["q"],
    "imageSearchQueries": ["i"],
    "groundingChunks": [{"web": ARGS}, {"retrievedContext": ARGS}, {"maps": ARGS}, {"image": ARGS}],
    "groundingSupports": [
        {"segment": {"startIndex": 1}, "groundingChunkIndices": [0, 1], "confidenceScores": [0.5, 1.0]}
    ],
    "searchEntryPoint": {"renderedContent": "<p>", "sdkBlob": "AA=="},
    "retrievalMetadata": {"googleSearchDynamicRetrievalScore": 0.5},
    "retrievalQueries": ["r"],
    "sourceFlaggingUris": [{"flagContentUri": "u"}],
}
TRANSCRIPTION = {
    "text": " hello",
    "finished": True,
    "languageCode": "de-DE",
    "speakerLabel": "1",
    "words": [{"word": "hello", "startOffset": "0.1s", "endOffset": "0.000000001s"}],
}
COUNTS = [{"modality": "AUDIO", "tokenCount": 1}]

FRAMES = {
    "setupComplete": {"sessionId": "s", "voiceConsentSignature": {"signature": "x"}},
    "serverContent": {
        "modelTurn": MODEL_TURN,
        "generationComplete": True,
        "turnComplete": True,
        "interrupted": True,
        "inputTranscription": TRANSCRIPTION,
        "outputTranscription": TRANSCRIPTION,
        "interimInputTranscription": TRANSCRIPTION,
        "groundingMetadata": GROUNDING,
        "urlContextMetadata": {
            "urlMetadata": [{"retrievedUrl": "u", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_PAYWALL"}]
        },
        "waitingForInput": True,
        "turnCompleteReason": "NEED_MORE_INPUT",
        "interactionStatus": "IN_PROGRESS",
        "speechState": "x",
    },
    "toolCall": {
        "functionCalls": [
            {
                "id": "1",
                "name": "f",
                "args": ARGS,
                "willContinue": True,
                "partialArgs": [
                    {"jsonPath": "$.a", "stringValue": "x", "willContinue": True},
                    {"jsonPath": "$.b", "numberValue": 1.5},
                    {"jsonPath": "$.c", "boolValue": False},
                    {"jsonPath": "$.d", "nullValue": "NULL_VALUE"},
                ],
            }
        ]
    },
    "toolCallCancellation": {"ids": ["1"]},
    "goAway": {"timeLeft": "57.5s"},
    "sessionResumptionUpdate": {"newHandle": "h", "resumable": True, "lastConsumedClientMessageIndex": 7},
    "voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.2s"},
    "voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"},
    "error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT", "details": [ARGS]},
}
USAGE = {
    "promptTokenCount": 1,
    "cachedContentTokenCount": 2,
    "responseTokenCount": 3,
    "toolUsePromptTokenCount": 4,
    "thoughtsTokenCount": 5,
    "totalTokenCount": 6,
    "promptTokensDetails": COUNTS,
    "cacheTokensDetails": COUNTS,
    "responseTokensDetails": COUNTS,
    "toolUsePromptTokensDetails": COUNTS,
    "trafficType": "PROVISIONED_THROUGHPUT",
    "serviceTier": "priority",
}


def read(frame: dict) -> list:
    return decode(json.dumps(frame).encode())


def instances(value: object) -> list[Compact]:
    """All protocol objects in a value."""
    if isinstance(value, tuple):
        return [found for item in value for found in instances(item)]
    if not isinstance(value, Compact):
        return []
    return [value, *(found for field in attrs.fields(type(value)) for found in instances(getattr(value, field.name)))]


def test_the_table_has_every_kind():
    assert FRAMES.keys() == set(NAMES.values())


@pytest.mark.parametrize("kind", FRAMES)
def test_every_name_of_a_message_is_read(kind):
    frame = {kind: FRAMES[kind], "usageMetadata": USAGE}
    assert frame_of(read(frame)) == frame


def test_the_table_sets_every_field_of_every_class():
    messages = tuple(message for kind in FRAMES for message in read({kind: FRAMES[kind], "usageMetadata": USAGE}))
    unset: dict[type, set[str]] = {}
    for instance in instances(messages):
        defaults = {f.name for f in attrs.fields(type(instance)) if getattr(instance, f.name) == default_of(f)}
        unset[type(instance)] = defaults & unset.get(type(instance), defaults)
    assert {cls.__name__: names for cls, names in unset.items() if names} == {}
