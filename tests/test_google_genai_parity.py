"""The same configuration gives the same setup message as google-genai's, over a real socket, for both back ends."""

from __future__ import annotations

import attrs
import pytest

pytest.importorskip("google.genai")

from livesession import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    AvatarConfig,
    Content,
    ContextWindowCompressionConfig,
    CustomizedAvatar,
    HistoryConfig,
    LanguageAuto,
    LanguageHints,
    LiveGenerationConfig,
    MediaResolution,
    Modality,
    Part,
    ProactivityConfig,
    RealtimeInputConfig,
    ReplicatedVoiceConfig,
    SafetySetting,
    SessionResumptionConfig,
    SlidingWindow,
    SpeechConfig,
    ThinkingConfig,
    TranslationConfig,
    VoiceConfig,
    VoiceConsentSignature,
)
from tests.kit.parity import BOTH, DEVELOPER, VERTEX, on_each_back_end, recording_server

# The only way google-genai has for some fields; and asyncio of Python 3.10 on transports that the peer closed first.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting `LiveConnectConfig.generation_config` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*_SSLProtocolTransport:pytest.PytestUnraisableExceptionWarning"),
]

WAV = b"RIFF\xfb\xff\xfe\x00"


@pytest.fixture(scope="module")
def parity(server_tls, client_tls):
    with recording_server(server_tls, client_tls) as both:
        yield both


def generation(**fields) -> dict:
    return {"generation_config": LiveGenerationConfig(**fields)}


def heard(**fields) -> dict:
    return generation(input_audio_transcription=AudioTranscriptionConfig(**fields))


def realtime(**fields) -> dict:
    return generation(realtime_input_config=RealtimeInputConfig(**fields))


def detecting(**fields) -> dict:
    return realtime(automatic_activity_detection=AutomaticActivityDetection(**fields))


def spoken_by(**fields) -> dict:
    return generation(speech_config=SpeechConfig(voice_config=VoiceConfig(**fields)))


DETECTION = {
    "disabled": False, "prefix_padding_ms": 0, "silence_duration_ms": 500,
    "start_of_speech_sensitivity": "START_SENSITIVITY_LOW", "end_of_speech_sensitivity": "END_SENSITIVITY_HIGH",
}  # fmt: skip
TRANSCRIPTION = {
    "language_codes": ["pl-PL"], "custom_vocabulary": ["Żubr"], "word_timestamp": True, "diarization": False,
    "adaptation_phrases": ["x"],
}  # fmt: skip
HARM = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}

# Name: google-genai's configuration, livesession's, and the back ends that google-genai allows it on.
CASES = {
    "nothing": ({}, {}, BOTH),
    "text": ({"response_modalities": ["TEXT"]}, generation(response_modalities=[Modality.TEXT]), BOTH),
    "audio": ({"response_modalities": ["AUDIO"]}, generation(response_modalities="AUDIO"), BOTH),
    "temperature 0": ({"temperature": 0.0}, generation(temperature=0.0), BOTH),
    "sampling": ({"top_p": 0.5, "top_k": 40, "seed": 0}, generation(top_p=0.5, top_k=40, seed=0), BOTH),
    "max output tokens": ({"max_output_tokens": 9}, generation(max_output_tokens=9), BOTH),
    "candidates": ({"generation_config": {"candidate_count": 1}}, generation(candidate_count=1), BOTH),
    "presence": ({"generation_config": {"presence_penalty": 0.5}}, generation(presence_penalty=0.5), BOTH),
    "frequency": ({"generation_config": {"frequency_penalty": -0.5}}, generation(frequency_penalty=-0.5), BOTH),
    "response format": (
        {"generation_config": {"response_format": [{"text": {"mime_type": "text/plain"}}]}},
        generation(response_format=[{"text": {"mimeType": "text/plain"}}]),
        BOTH,
    ),
    "low resolution": (
        {"media_resolution": "MEDIA_RESOLUTION_LOW"}, generation(media_resolution=MediaResolution.LOW), BOTH
    ),
    "voice": (
        {"speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Puck"}}}},
        generation(speech_config=SpeechConfig.from_voice("Puck")),
        BOTH,
    ),
    "language": (
        {"speech_config": {"language_code": "de-DE"}},
        generation(speech_config=SpeechConfig(language_code="de-DE")),
        BOTH,
    ),
    "replicated voice": (
        {"speech_config": {"voice_config": {
            "replicated_voice_config": {"voice_sample_audio": WAV, "mime_type": "audio/wav"}}}},
        spoken_by(replicated_voice_config=ReplicatedVoiceConfig(voice_sample_audio=WAV)),
        BOTH,
    ),
    "replicated voice with consent": (
        {"speech_config": {"voice_config": {"replicated_voice_config": {
            "voice_sample_audio": WAV, "mime_type": "audio/wav", "consent_audio": WAV,
            "voice_consent_signature": {"signature": "s"}}}}},
        spoken_by(replicated_voice_config=ReplicatedVoiceConfig(
            voice_sample_audio=WAV, consent_audio=WAV, voice_consent_signature=VoiceConsentSignature(signature="s"))),
        (DEVELOPER,),
    ),
    "thinking off": (
        {"thinking_config": {"thinking_budget": 0}}, generation(thinking_config=ThinkingConfig(thinking_budget=0)), BOTH
    ),
    "thinking level": (
        {"thinking_config": {"thinking_level": "LOW", "include_thoughts": True}},
        generation(thinking_config=ThinkingConfig(thinking_level="LOW", include_thoughts=True)),
        BOTH,
    ),
    "no affective dialog": ({"enable_affective_dialog": False}, generation(enable_affective_dialog=False), BOTH),
    "translation": (
        {"translation_config": {"target_language_code": "pl", "echo_target_language": True}},
        generation(translation_config=TranslationConfig(target_language_code="pl", echo_target_language=True)),
        (DEVELOPER,),
    ),
    "civic answers": (
        {"generation_config": {"enable_enhanced_civic_answers": True}},
        generation(enable_enhanced_civic_answers=True),
        (DEVELOPER,),
    ),
    # google-genai reads a bare string, and a list of them, as content of the user; the service needs no role here.
    "instruction": (
        {"system_instruction": {"parts": [{"text": "Be brief."}]}}, {"system_instruction": "Be brief."}, BOTH
    ),
    "instruction of parts": (
        {"system_instruction": {"parts": [{"text": "a"}, {"text": "b"}]}},
        {"system_instruction": ["a", Part(text="b")]},
        BOTH,
    ),
    "instruction with a role": (
        {"system_instruction": "Be brief."}, {"system_instruction": Content(role="user", parts="Be brief.")}, BOTH
    ),
    "resumption": ({"session_resumption": {}}, {"resumption": SessionResumptionConfig()}, BOTH),
    "resumption with a handle": (
        {"session_resumption": {"handle": "h"}}, {"resumption": SessionResumptionConfig(handle="h")}, BOTH
    ),
    "transparent resumption": (
        {"session_resumption": {"transparent": True}},
        {"resumption": SessionResumptionConfig(transparent=True)},
        (VERTEX,),
    ),
    "compression": (
        {"context_window_compression": {"sliding_window": {}}},
        generation(context_window_compression=ContextWindowCompressionConfig(sliding_window=SlidingWindow())),
        BOTH,
    ),
    "compression with numbers": (
        {"context_window_compression": {"trigger_tokens": 100, "sliding_window": {"target_tokens": 50}}},
        generation(context_window_compression=ContextWindowCompressionConfig(
            trigger_tokens=100, sliding_window=SlidingWindow(target_tokens=50))),
        BOTH,
    ),
    "input transcription": ({"input_audio_transcription": {}}, heard(), BOTH),
    "output transcription": (
        {"output_audio_transcription": {}}, generation(output_audio_transcription=AudioTranscriptionConfig()), BOTH
    ),
    "transcription options": ({"input_audio_transcription": TRANSCRIPTION}, heard(**TRANSCRIPTION), BOTH),
    "transcription's older options": (
        {"input_audio_transcription": {"language_auto": {}, "language_hints": {"language_codes": ["pl"]}}},
        heard(language_auto=LanguageAuto(), language_hints=LanguageHints(language_codes="pl")),
        BOTH,
    ),
    "transcription model": (
        {"generation_config": {"audio_transcription_config": TRANSCRIPTION}},
        generation(audio_transcription_config=AudioTranscriptionConfig(**TRANSCRIPTION)),
        (DEVELOPER,),
    ),
    "manual activity": (
        {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}, detecting(disabled=True), BOTH
    ),
    "detection in detail": (
        {"realtime_input_config": {"automatic_activity_detection": DETECTION}}, detecting(**DETECTION), BOTH
    ),
    "no interruption": (
        {"realtime_input_config": {"activity_handling": "NO_INTERRUPTION"}},
        realtime(activity_handling="NO_INTERRUPTION"),
        BOTH,
    ),
    "turn coverage": (
        {"realtime_input_config": {"turn_coverage": "TURN_INCLUDES_ALL_INPUT"}},
        realtime(turn_coverage="TURN_INCLUDES_ALL_INPUT"),
        BOTH,
    ),
    "proactivity": (
        {"proactivity": {"proactive_audio": False}},
        generation(proactivity=ProactivityConfig(proactive_audio=False)),
        BOTH,
    ),
    "explicit VAD signal": ({"explicit_vad_signal": False}, generation(explicit_vad_signal=False), (VERTEX,)),
    "history": (
        {"history_config": {"initial_history_in_client_content": True}},
        generation(history_config=HistoryConfig(initial_history_in_client_content=True)),
        BOTH,
    ),
    "avatar": (
        {"avatar_config": {"avatar_name": "Kira", "audio_bitrate_bps": 1, "video_bitrate_bps": 2}},
        generation(avatar_config=AvatarConfig(avatar_name="Kira", audio_bitrate_bps=1, video_bitrate_bps=2)),
        BOTH,
    ),
    "avatar of one's own": (
        {"avatar_config": {"customized_avatar": {"image_mime_type": "image/png", "image_data": WAV}}},
        generation(avatar_config=AvatarConfig(
            customized_avatar=CustomizedAvatar(image_mime_type="image/png", image_data=WAV))),
        BOTH,
    ),
    "safety": ({"safety_settings": [HARM]}, generation(safety_settings=[SafetySetting(**HARM)]), BOTH),
    "safety by severity": (
        {"safety_settings": [{**HARM, "method": "SEVERITY"}]},
        generation(safety_settings=[SafetySetting(**HARM, method="SEVERITY")]),
        (VERTEX,),
    ),
}  # fmt: skip


def test_every_field_of_the_configuration_is_in_the_table():
    configs = [ours["generation_config"] for _, ours, _ in CASES.values() if "generation_config" in ours]
    nothing = LiveGenerationConfig()
    for field in attrs.fields_dict(LiveGenerationConfig):
        assert any(getattr(config, field) != getattr(nothing, field) for config in configs), field


@on_each_back_end(CASES)
def test_the_setup_equals_google_genai_s(parity, theirs, ours, back_end):
    config = {name: value for name, value in ours.items() if name != "resumption"}
    [setup] = parity.ours(back_end, "some-model", config, resumption=ours.get("resumption"))
    assert [setup] == parity.theirs(back_end, "some-model", theirs)
