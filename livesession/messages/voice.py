"""Voices, transcription, and the detection of speech."""

from __future__ import annotations

from attrs import field, frozen

from livesession.messages.enums import ActivityHandling, EndSensitivity, StartSensitivity, TurnCoverage
from livesession.messages.fields import Compact, check_objects, strings

__all__ = [
    "AudioTranscriptionConfig",
    "AutomaticActivityDetection",
    "LanguageAuto",
    "LanguageHints",
    "PrebuiltVoiceConfig",
    "RealtimeInputConfig",
    "ReplicatedVoiceConfig",
    "SpeechConfig",
    "VoiceConfig",
    "VoiceConsentSignature",
]


@frozen(kw_only=True, repr=False)
class PrebuiltVoiceConfig(Compact):
    """One of the service's voices (wire: `prebuiltVoiceConfig`).

    Attributes:
        voice_name: For example `"Puck"`; case matters, and an unknown name ends the session before it opens
            (wire `voiceName`).
    """

    voice_name: str


@frozen(kw_only=True, repr=False)
class VoiceConsentSignature(Compact):
    """Proof of a speaker's consent (wire: `voiceConsentSignature`).

    Attributes:
        signature: As the server gave it (wire `signature`).
    """

    signature: str = ""


@frozen(kw_only=True, repr=False)
class ReplicatedVoiceConfig(Compact):
    """A voice like that of a recording (wire: `replicatedVoiceConfig`).

    Attributes:
        voice_sample_audio: The recording (wire `voiceSampleAudio`, base64).
        mime_type: Its type, `"audio/wav"` (wire `mimeType`).
        consent_audio: The speaker's spoken consent, Developer API only (wire `consentAudio`, base64).
        voice_consent_signature: An earlier consent, Developer API only (wire `voiceConsentSignature`).
    """

    voice_sample_audio: bytes
    mime_type: str = "audio/wav"
    consent_audio: bytes | None = None
    voice_consent_signature: VoiceConsentSignature | None = None


@frozen(kw_only=True, repr=False)
class VoiceConfig(Compact):
    """The choice of a voice: one of the two (wire: `voiceConfig`).

    Attributes:
        prebuilt_voice_config: One of the service's voices (wire `prebuiltVoiceConfig`).
        replicated_voice_config: A voice like that of a recording (wire `replicatedVoiceConfig`).
    """

    prebuilt_voice_config: PrebuiltVoiceConfig | None = None
    replicated_voice_config: ReplicatedVoiceConfig | None = None

    def __attrs_post_init__(self) -> None:
        check_objects(
            self,
            {"prebuilt_voice_config": PrebuiltVoiceConfig, "replicated_voice_config": ReplicatedVoiceConfig},
        )


@frozen(kw_only=True, repr=False)
class SpeechConfig(Compact):
    """Settings of how the model speaks (wire: `generationConfig.speechConfig`).

    Attributes:
        voice_config: Which voice; default the model's own (wire `voiceConfig`).
        language_code: The language spoken, BCP-47; default as it hears it (wire `languageCode`).
    """

    voice_config: VoiceConfig | None = None
    language_code: str | None = None

    def __attrs_post_init__(self) -> None:
        check_objects(self, {"voice_config": VoiceConfig})

    @classmethod
    def from_voice(cls, voice_name: str, *, language_code: str | None = None) -> SpeechConfig:
        """Speech with one of the service's voices, such as `"Puck"`."""
        voice = VoiceConfig(prebuilt_voice_config=PrebuiltVoiceConfig(voice_name=voice_name))
        return cls(voice_config=voice, language_code=language_code)


@frozen(kw_only=True, repr=False)
class LanguageAuto(Compact):
    """The language is found out by listening (wire: `languageAuto`, deprecated by the service)."""


@frozen(kw_only=True, repr=False)
class LanguageHints(Compact):
    """Languages to expect (wire: `languageHints`, deprecated by the service).

    Attributes:
        language_codes: BCP-47 codes (wire `languageCodes`).
    """

    language_codes: tuple[str, ...] = field(default=(), converter=strings)


@frozen(kw_only=True, repr=False)
class AudioTranscriptionConfig(Compact):
    """Asks for transcripts; its presence turns them on (wire: `inputAudioTranscription`, `outputAudioTranscription`).

    Attributes:
        language_codes: Languages to expect, BCP-47 (wire `languageCodes`).
        custom_vocabulary: Words to expect (wire `customVocabulary`).
        word_timestamp: Give the time of each word; default False (wire `wordTimestamp`).
        diarization: Tell speakers apart; default False (wire `diarization`).
        language_auto: Deprecated by the service (wire `languageAuto`).
        language_hints: Deprecated by the service (wire `languageHints`).
        adaptation_phrases: Deprecated by the service (wire `adaptationPhrases`).
    """

    language_codes: tuple[str, ...] = field(default=(), converter=strings)
    custom_vocabulary: tuple[str, ...] = field(default=(), converter=strings)
    word_timestamp: bool | None = None
    diarization: bool | None = None
    language_auto: LanguageAuto | None = None
    language_hints: LanguageHints | None = None
    adaptation_phrases: tuple[str, ...] = field(default=(), converter=strings)


@frozen(kw_only=True, repr=False)
class AutomaticActivityDetection(Compact):
    """Settings of how the server finds speech in the audio (wire: `automaticActivityDetection`).

    Attributes:
        disabled: True: you mark speech by `send_activity_start` and `send_activity_end`; default False
            (wire `disabled`).
        start_of_speech_sensitivity: Default HIGH on the Developer API, LOW on Vertex AI
            (wire `startOfSpeechSensitivity`).
        end_of_speech_sensitivity: Default as above (wire `endOfSpeechSensitivity`).
        prefix_padding_ms: Milliseconds of speech before its start is believed; default the server's
            (wire `prefixPaddingMs`).
        silence_duration_ms: Milliseconds of silence before its end is believed; default the server's
            (wire `silenceDurationMs`).
    """

    disabled: bool | None = None
    start_of_speech_sensitivity: StartSensitivity | str | None = None
    end_of_speech_sensitivity: EndSensitivity | str | None = None
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None


@frozen(kw_only=True, repr=False)
class RealtimeInputConfig(Compact):
    """Settings of how realtime input becomes turns (wire: `setup.realtimeInputConfig`).

    Attributes:
        automatic_activity_detection: How speech is found; default on (wire `automaticActivityDetection`).
        activity_handling: Whether speech cuts the model off; default it does (wire `activityHandling`).
        turn_coverage: Which input belongs to a turn; the default differs by model (wire `turnCoverage`).
    """

    automatic_activity_detection: AutomaticActivityDetection | None = None
    activity_handling: ActivityHandling | str | None = None
    turn_coverage: TurnCoverage | str | None = None

    def __attrs_post_init__(self) -> None:
        check_objects(self, {"automatic_activity_detection": AutomaticActivityDetection})
