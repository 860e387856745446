"""The setup message: each field of the configuration in its place, by a table written by hand."""

from __future__ import annotations

import json

import attrs
import pytest

from livesession import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    AvatarConfig,
    Content,
    ContextWindowCompressionConfig,
    CustomizedAvatar,
    HarmBlockThreshold,
    HarmCategory,
    HistoryConfig,
    LiveClientSetup,
    LiveGenerationConfig,
    MediaResolution,
    ProactivityConfig,
    RealtimeInputConfig,
    SafetySetting,
    SessionResumptionConfig,
    SlidingWindow,
    SpeechConfig,
    ThinkingConfig,
    Tool,
    TranslationConfig,
)
from livesession.codec import encode


def written(message) -> dict:
    return json.loads(encode(message))


def setup(**config) -> dict:
    return written(LiveClientSetup(model="m", generation_config=LiveGenerationConfig(**config)))["setup"]


# Where each field of the configuration goes: protocol.md 2.1 and 2.2.

PLACES = {
    "response_modalities": (["AUDIO"], "generationConfig", "responseModalities", ["AUDIO"]),
    "temperature": (0.5, "generationConfig", "temperature", 0.5),
    "top_p": (0.9, "generationConfig", "topP", 0.9),
    "top_k": (40, "generationConfig", "topK", 40),
    "max_output_tokens": (100, "generationConfig", "maxOutputTokens", 100),
    "seed": (7, "generationConfig", "seed", 7),
    "candidate_count": (1, "generationConfig", "candidateCount", 1),
    "presence_penalty": (-1.5, "generationConfig", "presencePenalty", -1.5),
    "frequency_penalty": (1.5, "generationConfig", "frequencyPenalty", 1.5),
    "speech_config": (
        SpeechConfig.from_voice("Puck", language_code="de-DE"),
        "generationConfig",
        "speechConfig",
        {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}, "languageCode": "de-DE"},
    ),
    "media_resolution": (MediaResolution.LOW, "generationConfig", "mediaResolution", "MEDIA_RESOLUTION_LOW"),
    "thinking_config": (
        ThinkingConfig(include_thoughts=True, thinking_budget=-1, thinking_level="HIGH"),
        "generationConfig",
        "thinkingConfig",
        {"includeThoughts": True, "thinkingBudget": -1, "thinkingLevel": "HIGH"},
    ),
    "enable_affective_dialog": (True, "generationConfig", "enableAffectiveDialog", True),
    "translation_config": (
        TranslationConfig(target_language_code="pl", echo_target_language=True),
        "generationConfig",
        "translationConfig",
        {"targetLanguageCode": "pl", "echoTargetLanguage": True},
    ),
    "audio_transcription_config": (
        AudioTranscriptionConfig(language_codes=["pl"], word_timestamp=True),
        "generationConfig",
        "audioTranscriptionConfig",
        {"languageCodes": ["pl"], "wordTimestamp": True},
    ),
    "response_format": ({"any_thing": {"x": None}}, "generationConfig", "responseFormat", {"any_thing": {"x": None}}),
    "enable_enhanced_civic_answers": (True, "generationConfig", "enableEnhancedCivicAnswers", True),
    "input_audio_transcription": (AudioTranscriptionConfig(), "setup", "inputAudioTranscription", {}),
    "output_audio_transcription": (
        AudioTranscriptionConfig(custom_vocabulary=["Żubr"], diarization=True),
        "setup",
        "outputAudioTranscription",
        {"customVocabulary": ["Żubr"], "diarization": True},
    ),
    "realtime_input_config": (
        RealtimeInputConfig(
            automatic_activity_detection=AutomaticActivityDetection(
                start_of_speech_sensitivity="START_SENSITIVITY_LOW", prefix_padding_ms=0, silence_duration_ms=500
            ),
            activity_handling="NO_INTERRUPTION",
            turn_coverage="TURN_INCLUDES_ALL_INPUT",
        ),
        "setup",
        "realtimeInputConfig",
        {
            "automaticActivityDetection": {
                "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
                "prefixPaddingMs": 0,
                "silenceDurationMs": 500,
            },
            "activityHandling": "NO_INTERRUPTION",
            "turnCoverage": "TURN_INCLUDES_ALL_INPUT",
        },
    ),
    "context_window_compression": (
        ContextWindowCompressionConfig(trigger_tokens=1000, sliding_window=SlidingWindow()),
        "setup",
        "contextWindowCompression",
        {"triggerTokens": 1000, "slidingWindow": {}},
    ),
    "proactivity": (ProactivityConfig(proactive_audio=False), "setup", "proactivity", {"proactiveAudio": False}),
    "explicit_vad_signal": (True, "setup", "explicitVadSignal", True),
    "history_config": (
        HistoryConfig(initial_history_in_client_content=True),
        "setup",
        "historyConfig",
        {"initialHistoryInClientContent": True},
    ),
    "avatar_config": (
        AvatarConfig(customized_avatar=CustomizedAvatar(image_mime_type="image/png", image_data=b"\xff\xfe")),
        "setup",
        "avatarConfig",
        {"customizedAvatar": {"imageMimeType": "image/png", "imageData": "//4="}},
    ),
    "safety_settings": (
        [SafetySetting(category=HarmCategory.HARASSMENT, threshold=HarmBlockThreshold.OFF)],
        "setup",
        "safetySettings",
        [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    ),
}


def test_the_table_of_places_covers_every_field_of_the_configuration():
    assert PLACES.keys() == attrs.fields_dict(LiveGenerationConfig).keys()


@pytest.mark.parametrize("field", PLACES)
def test_each_field_of_the_configuration_goes_to_its_place(field):
    value, place, name, expected = PLACES[field]
    inside = {name: expected}
    assert setup(**{field: value}) == {"model": "m", **({place: inside} if place == "generationConfig" else inside)}


def test_the_rest_of_the_setup_stands_beside_the_configuration():
    message = LiveClientSetup(
        model="m",
        system_instruction=Content(parts=["Be brief."]),
        tools=[Tool(google_search={}), Tool(mcp_servers=[{"name": "x", "streamable_http": None}])],
        session_resumption=SessionResumptionConfig(),
    )
    assert written(message)["setup"] == {
        "model": "m",
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"googleSearch": {}}, {"mcpServers": [{"name": "x", "streamable_http": None}]}],
        "sessionResumption": {},
    }
