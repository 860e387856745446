"""The configuration of a session: `LiveGenerationConfig` and what it is made of.

Each field of `LiveGenerationConfig` says in its metadata where the wire wants it: in `setup.generationConfig`, or
at the top of `setup`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import field, frozen

from livesession.messages.enums import (
    HarmBlockMethod,
    HarmBlockThreshold,
    HarmCategory,
    MediaResolution,
    Modality,
    ThinkingLevel,
)
from livesession.messages.fields import Compact, JSONObject, check_objects, metadata
from livesession.messages.voice import AudioTranscriptionConfig, RealtimeInputConfig, SpeechConfig

__all__ = [
    "AvatarConfig",
    "ContextWindowCompressionConfig",
    "CustomizedAvatar",
    "HistoryConfig",
    "LiveGenerationConfig",
    "ProactivityConfig",
    "SafetySetting",
    "SessionResumptionConfig",
    "SlidingWindow",
    "ThinkingConfig",
    "TranslationConfig",
]

SETUP = metadata(sent_in="setup")
GENERATION_CONFIG = metadata(sent_in="generationConfig")


@frozen(kw_only=True, repr=False)
class ThinkingConfig(Compact):
    """Settings of how the model thinks before it answers (wire: `thinkingConfig`).

    Attributes:
        include_thoughts: Send summaries of its thoughts; default False (wire `includeThoughts`).
        thinking_budget: Tokens for 2.5 models; 0 is off, -1 is automatic (wire `thinkingBudget`).
        thinking_level: The step for 3.1 models (wire `thinkingLevel`).
    """

    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: ThinkingLevel | str | None = None


@frozen(kw_only=True, repr=False)
class TranslationConfig(Compact):
    """Live translation, Developer API only (wire: `translationConfig`).

    Attributes:
        target_language_code: The language to speak, BCP-47 (wire `targetLanguageCode`).
        echo_target_language: Repeat speech that is in that language already; default False
            (wire `echoTargetLanguage`).
    """

    target_language_code: str
    echo_target_language: bool | None = None


def to_handle(value: str | None) -> str | None:
    """An empty one, as from an empty store, is none: the server would begin a new conversation."""
    return value or None


@frozen(kw_only=True, repr=False)
class SessionResumptionConfig(Compact):
    """Makes a conversation resumable; its presence turns it on (wire: `setup.sessionResumption`).

    Attributes:
        handle: Go on where the session that gave this handle stopped; default, or empty, a new conversation
            (wire `handle`).
        transparent: Report which messages the server has consumed, Vertex AI only (wire `transparent`).
    """

    handle: str | None = field(
        default=None, converter=to_handle, repr=lambda handle: "None" if handle is None else "<set>"
    )
    transparent: bool | None = None


@frozen(kw_only=True, repr=False)
class SlidingWindow(Compact):
    """Forget the oldest turns (wire: `slidingWindow`).

    Attributes:
        target_tokens: Tokens to keep; default half of `trigger_tokens` (wire `targetTokens`).
    """

    target_tokens: int | None = None


@frozen(kw_only=True, repr=False)
class ContextWindowCompressionConfig(Compact):
    """Lets a session go on past its context limit (wire: `setup.contextWindowCompression`).

    Attributes:
        trigger_tokens: Compress when the context is longer than this; default 80 % of the model's limit
            (wire `triggerTokens`).
        sliding_window: How: `SlidingWindow()` forgets the oldest turns; default not at all (wire `slidingWindow`).
    """

    trigger_tokens: int | None = None
    sliding_window: SlidingWindow | None = None

    def __attrs_post_init__(self) -> None:
        check_objects(self, {"sliding_window": SlidingWindow})


@frozen(kw_only=True, repr=False)
class ProactivityConfig(Compact):
    """Lets the model decide whether to answer (wire: `setup.proactivity`).

    Attributes:
        proactive_audio: It may stay silent, or speak unasked (wire `proactiveAudio`).
    """

    proactive_audio: bool | None = None


@frozen(kw_only=True, repr=False)
class HistoryConfig(Compact):
    """Settings of how the conversation's history is given (wire: `setup.historyConfig`).

    `connect(history=...)` sets it and sends the history; set it yourself only to send the history with `send()`.

    Attributes:
        initial_history_in_client_content: What `send()` sends first, up to `turn_complete=True`, is history that
            is not answered (wire `initialHistoryInClientContent`).
    """

    initial_history_in_client_content: bool | None = None


@frozen(kw_only=True, repr=False)
class CustomizedAvatar(Compact):
    """A face of your own (wire: `customizedAvatar`).

    Attributes:
        image_mime_type: For example `"image/png"` (wire `imageMimeType`).
        image_data: The image (wire `imageData`, base64).
    """

    image_mime_type: str
    image_data: bytes


@frozen(kw_only=True, repr=False)
class AvatarConfig(Compact):
    """The model answers with video too (wire: `setup.avatarConfig`, preview).

    Attributes:
        avatar_name: One of the service's faces (wire `avatarName`).
        customized_avatar: A face of your own (wire `customizedAvatar`).
        audio_bitrate_bps: Bits a second (wire `audioBitrateBps`).
        video_bitrate_bps: Bits a second (wire `videoBitrateBps`).
    """

    avatar_name: str | None = None
    customized_avatar: CustomizedAvatar | None = None
    audio_bitrate_bps: int | None = None
    video_bitrate_bps: int | None = None


@frozen(kw_only=True, repr=False)
class SafetySetting(Compact):
    """The setting of what is blocked (wire: `setup.safetySettings[]`).

    Attributes:
        category: What it is about (wire `category`).
        threshold: From where on (wire `threshold`).
        method: By severity too, Vertex AI only (wire `method`).
    """

    category: HarmCategory | str
    threshold: HarmBlockThreshold | str
    method: HarmBlockMethod | str | None = None


def settings(values: Iterable[SafetySetting]) -> tuple[SafetySetting, ...]:
    return tuple(values)


def to_modalities(values: Iterable[Modality | str] | Modality | str | None) -> tuple[Modality | str, ...]:
    """`"AUDIO"` or `["AUDIO"]` alike."""
    return () if values is None else (values,) if isinstance(values, str) else tuple(values)


def to_compression(value: ContextWindowCompressionConfig | bool | None) -> ContextWindowCompressionConfig | None:
    """True is a sliding window with the server's numbers; False is none at all."""
    if value is True:
        return ContextWindowCompressionConfig(sliding_window=SlidingWindow())
    return None if value is False else value


@frozen(kw_only=True, repr=False)
class LiveGenerationConfig(Compact):
    """The configuration of how the model answers; what is not set is the server's default.

    Attributes:
        response_modalities: `"TEXT"` or `"AUDIO"`, one of them; default audio
            (wire `generationConfig.responseModalities`).
        temperature: Randomness, 0 to 2 (wire `generationConfig.temperature`).
        top_p: Nucleus sampling, 0 to 1 (wire `generationConfig.topP`).
        top_k: Sample from so many tokens (wire `generationConfig.topK`).
        max_output_tokens: Tokens an answer at the most (wire `generationConfig.maxOutputTokens`).
        seed: For repeatable sampling (wire `generationConfig.seed`).
        candidate_count: Answers to draw, 1 in Live (wire `generationConfig.candidateCount`).
        presence_penalty: Against words used before, -2 to 2 (wire `generationConfig.presencePenalty`).
        frequency_penalty: Against words used often, -2 to 2 (wire `generationConfig.frequencyPenalty`).
        speech_config: The voice (wire `generationConfig.speechConfig`).
        media_resolution: How finely images are read (wire `generationConfig.mediaResolution`).
        thinking_config: How it thinks (wire `generationConfig.thinkingConfig`).
        enable_affective_dialog: It hears emotion, 2.5 native audio (wire `generationConfig.enableAffectiveDialog`).
        translation_config: Live translation (wire `generationConfig.translationConfig`).
        audio_transcription_config: For transcription models (wire `generationConfig.audioTranscriptionConfig`).
        response_format: An object, or a list of them, in the wire's spelling (wire `generationConfig.responseFormat`).
        enable_enhanced_civic_answers: Developer API only (wire `generationConfig.enableEnhancedCivicAnswers`).
        input_audio_transcription: Transcripts of what the user says (wire `setup.inputAudioTranscription`).
        output_audio_transcription: Transcripts of what the model says (wire `setup.outputAudioTranscription`).
        realtime_input_config: How speech becomes turns (wire `setup.realtimeInputConfig`).
        context_window_compression: Go on past the context limit: True forgets the oldest turns when the context is
            nearly full, a `ContextWindowCompressionConfig` says when and how much; default off, and the session ends
            there (wire `setup.contextWindowCompression`).
        proactivity: It may stay silent (wire `setup.proactivity`).
        explicit_vad_signal: Report voice activity, Vertex AI only (wire `setup.explicitVadSignal`).
        history_config: How history is given (wire `setup.historyConfig`).
        avatar_config: Video answers (wire `setup.avatarConfig`).
        safety_settings: What is blocked (wire `setup.safetySettings`).
    """

    response_modalities: tuple[Modality | str, ...] = field(
        default=(), converter=to_modalities, metadata=GENERATION_CONFIG
    )
    temperature: float | None = field(default=None, metadata=GENERATION_CONFIG)
    top_p: float | None = field(default=None, metadata=GENERATION_CONFIG)
    top_k: float | None = field(default=None, metadata=GENERATION_CONFIG)
    max_output_tokens: int | None = field(default=None, metadata=GENERATION_CONFIG)
    seed: int | None = field(default=None, metadata=GENERATION_CONFIG)
    candidate_count: int | None = field(default=None, metadata=GENERATION_CONFIG)
    presence_penalty: float | None = field(default=None, metadata=GENERATION_CONFIG)
    frequency_penalty: float | None = field(default=None, metadata=GENERATION_CONFIG)
    speech_config: SpeechConfig | None = field(default=None, metadata=GENERATION_CONFIG)
    media_resolution: MediaResolution | str | None = field(default=None, metadata=GENERATION_CONFIG)
    thinking_config: ThinkingConfig | None = field(default=None, metadata=GENERATION_CONFIG)
    enable_affective_dialog: bool | None = field(default=None, metadata=GENERATION_CONFIG)
    translation_config: TranslationConfig | None = field(default=None, metadata=GENERATION_CONFIG)
    audio_transcription_config: AudioTranscriptionConfig | None = field(default=None, metadata=GENERATION_CONFIG)
    response_format: Sequence[JSONObject] | JSONObject | None = field(default=None, metadata=GENERATION_CONFIG)
    enable_enhanced_civic_answers: bool | None = field(default=None, metadata=GENERATION_CONFIG)
    input_audio_transcription: AudioTranscriptionConfig | None = field(default=None, metadata=SETUP)
    output_audio_transcription: AudioTranscriptionConfig | None = field(default=None, metadata=SETUP)
    realtime_input_config: RealtimeInputConfig | None = field(default=None, metadata=SETUP)
    context_window_compression: ContextWindowCompressionConfig | None = field(
        default=None, converter=to_compression, metadata=SETUP
    )
    proactivity: ProactivityConfig | None = field(default=None, metadata=SETUP)
    explicit_vad_signal: bool | None = field(default=None, metadata=SETUP)
    history_config: HistoryConfig | None = field(default=None, metadata=SETUP)
    avatar_config: AvatarConfig | None = field(default=None, metadata=SETUP)
    safety_settings: tuple[SafetySetting, ...] = field(default=(), converter=settings, metadata=SETUP)

    def __attrs_post_init__(self) -> None:
        check_objects(self, NESTED)


NESTED: dict[str, type] = {
    "speech_config": SpeechConfig,
    "thinking_config": ThinkingConfig,
    "translation_config": TranslationConfig,
    "audio_transcription_config": AudioTranscriptionConfig,
    "input_audio_transcription": AudioTranscriptionConfig,
    "output_audio_transcription": AudioTranscriptionConfig,
    "realtime_input_config": RealtimeInputConfig,
    "context_window_compression": ContextWindowCompressionConfig,
    "proactivity": ProactivityConfig,
    "history_config": HistoryConfig,
    "avatar_config": AvatarConfig,
}
"""The classes of the fields that hold an object."""
