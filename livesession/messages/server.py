"""The server's messages: `LiveServerContent`, `LiveServerToolCall` and the other kinds.

A frame may hold several kinds; each becomes a message of its own. Every message has `usage_metadata`, which is set
on the last message of a frame that carried it, and the conveniences `text` and `audio`, empty on the kinds that
hold neither.
"""

from __future__ import annotations

import re

from attrs import field, frozen

from livesession.messages.content import Content, FunctionCall, GenerativeContentBlob
from livesession.messages.display import Displayed
from livesession.messages.enums import InteractionStatus, TurnCompleteReason, VadSignalType, VoiceActivityType
from livesession.messages.fields import Compact, JSONObject, Seconds, SecondsOrZero, metadata
from livesession.messages.grounding import GroundingMetadata, UrlContextMetadata
from livesession.messages.usage import UsageMetadata
from livesession.messages.voice import VoiceConsentSignature

__all__ = [
    "LiveServerContent",
    "LiveServerError",
    "LiveServerGoingAwayNotice",
    "LiveServerMessage",
    "LiveServerSetupComplete",
    "LiveServerToolCall",
    "LiveServerToolCallCancellation",
    "LiveServerUsageMetadata",
    "LiveServerVoiceActivity",
    "LiveServerVoiceActivityDetectionSignal",
    "LiveSessionResumptionUpdate",
    "Transcription",
    "WordInfo",
]


@frozen(kw_only=True, repr=False)
class LiveServerMessage(Compact):
    """Base of everything that `receive()` yields.

    Attributes:
        usage_metadata: Token counts of the turn, where this frame brought them (wire `usageMetadata`).
    """

    usage_metadata: UsageMetadata | None = None

    @property
    def text(self) -> str:
        """The model's text in this message, without its thoughts; `""` where there is none."""
        return ""

    @property
    def audio(self) -> bytes:
        """All audio of this message: mono PCM, 16-bit signed little-endian, 24,000 Hz; `b""` where there is none."""
        return b""

    @property
    def transcript(self) -> str:
        """The next words of what the model speaks; `""` where there are none, or no transcript was asked for."""
        return ""


@frozen(kw_only=True, repr=False)
class WordInfo(Compact):
    """One word with its time (wire: `words[]`).

    Attributes:
        word: The word (wire `word`).
        start_offset: Seconds from the start of the audio (wire `startOffset`, a Duration).
        end_offset: Seconds from the start of the audio (wire `endOffset`, a Duration).
    """

    word: str = ""
    start_offset: Seconds | None = None
    end_offset: Seconds | None = None


@frozen(kw_only=True, repr=False)
class Transcription(Compact):
    """A fragment of what was said, to be concatenated as it is (wire: `Transcription`).

    Attributes:
        text: The fragment; leading spaces matter (wire `text`).
        finished: Seldom sent: take a transcript as finished when the turn is (wire `finished`).
        language_code: The language heard, BCP-47 (wire `languageCode`).
        speaker_label: Who spoke, with diarization (wire `speakerLabel`).
        words: Words with their times (wire `words`).
    """

    text: str = ""
    finished: bool = False
    language_code: str | None = None
    speaker_label: str | None = None
    words: tuple[WordInfo, ...] = ()


@frozen(kw_only=True, repr=False)
class LiveServerSetupComplete(LiveServerMessage):
    """The session is open; `connect()` takes it, it is not yielded (wire: `setupComplete`).

    Attributes:
        session_id: Vertex AI's name for the session; it is no resumption handle (wire `sessionId`).
        voice_consent_signature: To be kept for a replicated voice (wire `voiceConsentSignature`).
    """

    session_id: str | None = None
    voice_consent_signature: VoiceConsentSignature | None = None


@frozen(kw_only=True, repr=False)
class LiveServerContent(LiveServerMessage, Displayed):
    """A piece of the model's answer, or news of its turn; several fields may be set (wire: `serverContent`).

    Attributes:
        model_turn: The next piece, not the whole so far (wire `modelTurn`).
        generation_complete: The answer is generated; it may still be playing (wire `generationComplete`).
        turn_complete: The turn is over (wire `turnComplete`).
        interrupted: The user cut in: stop playing now; `turn_complete` follows (wire `interrupted`).
        input_transcription: What the user said (wire `inputTranscription`).
        output_transcription: What the model said; in no order to `model_turn` (wire `outputTranscription`).
        interim_input_transcription: A quick guess, replaced by the next (wire `interimInputTranscription`).
        grounding_metadata: Sources (wire `groundingMetadata`).
        url_context_metadata: Pages read (wire `urlContextMetadata`).
        waiting_for_input: The model expects the user to go on (wire `waitingForInput`).
        turn_complete_reason: Why the turn ended (wire `turnCompleteReason`).
        interaction_status: IN_PROGRESS beside `turn_complete`: more follows without input
            (wire `interactionStatus`).
        speech_state: Deprecated by the service, values undocumented (wire `speechState`).
    """

    model_turn: Content | None = None
    generation_complete: bool = False
    turn_complete: bool = False
    interrupted: bool = False
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    interim_input_transcription: Transcription | None = None
    grounding_metadata: GroundingMetadata | None = None
    url_context_metadata: UrlContextMetadata | None = None
    waiting_for_input: bool = False
    turn_complete_reason: TurnCompleteReason | str | None = None
    interaction_status: InteractionStatus | str | None = None
    speech_state: str | None = None

    @property
    def text(self) -> str:
        """The model's text in this message, without its thoughts; `""` where there is none."""
        if self.model_turn is None:
            return ""
        return "".join(part.text for part in self.model_turn.parts if part.text and not part.thought)

    @property
    def thoughts(self) -> str:
        """The summaries of thoughts in this message; `""` where there is none."""
        if self.model_turn is None:
            return ""
        return "".join(part.text for part in self.model_turn.parts if part.text and part.thought)

    @property
    def audio(self) -> bytes:
        """All audio of this message: mono PCM, 16-bit signed little-endian, 24,000 Hz; `b""` where there is none."""
        return b"".join([blob.data for blob in self._audio_blobs()])

    @property
    def audio_rate(self) -> int | None:
        """Samples a second of `audio`, where its media type says so; else None, which means 24,000."""
        rates = [re.search(r"rate=(\d+)", blob.mime_type) for blob in self._audio_blobs()]
        return next((int(rate[1]) for rate in rates if rate), None)

    def _audio_blobs(self) -> list[GenerativeContentBlob]:
        parts = self.model_turn.parts if self.model_turn else ()
        return [blob for part in parts if (blob := part.inline_data) and blob.mime_type.startswith("audio/")]

    @property
    def transcript(self) -> str:
        """The next words of what the model speaks; `""` where there are none, or no transcript was asked for."""
        return self.output_transcription.text if self.output_transcription else ""

    @property
    def ends_turn(self) -> bool:
        """Whether nothing more follows without input: where the server gives a status, IDLE; else `turn_complete`.

        REQUIRES_ACTION is an older name of IDLE; a status that is not known counts as none.
        """
        if self.interaction_status in (InteractionStatus.IDLE, InteractionStatus.REQUIRES_ACTION):
            return True
        return self.turn_complete and self.interaction_status != InteractionStatus.IN_PROGRESS


@frozen(kw_only=True, repr=False)
class LiveServerToolCall(LiveServerMessage):
    """The model asks for functions to be run (wire: `toolCall`).

    Attributes:
        function_calls: The calls; answer each by its id (wire `functionCalls`).
    """

    function_calls: tuple[FunctionCall, ...] = ()


@frozen(kw_only=True, repr=False)
class LiveServerToolCallCancellation(LiveServerMessage):
    """The user cut in: these calls need no answer any more (wire: `toolCallCancellation`).

    Attributes:
        ids: The calls' ids (wire `ids`; `functionIds` is read too).
    """

    ids: tuple[str, ...] = field(default=(), metadata=metadata(also="functionIds"))


@frozen(kw_only=True, repr=False)
class LiveServerGoingAwayNotice(LiveServerMessage):
    """The server will end the connection soon (wire: `goAway`).

    Attributes:
        time_left: Seconds until then; 0 where the server did not say (wire `timeLeft`, a Duration).
    """

    time_left: SecondsOrZero = 0.0


@frozen(kw_only=True, repr=False)
class LiveSessionResumptionUpdate(LiveServerMessage):
    """The handle with which the conversation can be taken up again (wire: `sessionResumptionUpdate`).

    Attributes:
        new_handle: The handle, when `resumable` (wire `newHandle`).
        resumable: False while the model generates or waits for a function (wire `resumable`).
        last_consumed_client_message_index: In transparent mode, the last message that the server has consumed,
            counted from 1 after `setup` (wire `lastConsumedClientMessageIndex`, int64).
    """

    new_handle: str | None = field(default=None, repr=lambda handle: "None" if handle is None else "<set>")
    resumable: bool = False
    last_consumed_client_message_index: int | None = None


@frozen(kw_only=True, repr=False)
class LiveServerUsageMetadata(LiveServerMessage):
    """Token counts that came alone; they are in `usage_metadata` (wire: `usageMetadata`)."""


@frozen(kw_only=True, repr=False)
class LiveServerVoiceActivity(LiveServerMessage):
    """The user began or stopped to speak (wire: `voiceActivity`).

    Attributes:
        voice_activity_type: Which (wire `type`; `voiceActivityType` is read too).
        audio_offset: Seconds from the start of the audio sent (wire `audioOffset`, a Duration).
    """

    voice_activity_type: VoiceActivityType | str | None = field(default=None, metadata=metadata(wire="type"))
    audio_offset: Seconds | None = None


@frozen(kw_only=True, repr=False)
class LiveServerVoiceActivityDetectionSignal(LiveServerMessage):
    """The older form of `LiveServerVoiceActivity` (wire: `voiceActivityDetectionSignal`).

    Attributes:
        vad_signal_type: Start or end of speech (wire `vadSignalType`).
    """

    vad_signal_type: VadSignalType | str | None = None


@frozen(kw_only=True, repr=False)
class LiveServerError(LiveServerMessage):
    """An error reported in a frame instead of a close (wire: `error`, historical).

    Attributes:
        code: An HTTP or gRPC status (wire `code`).
        message: What went wrong (wire `message`).
        status: Its name, such as `"INVALID_ARGUMENT"` (wire `status`).
        details: Further objects, as they arrived (wire `details`).
    """

    code: int | None = None
    message: str = ""
    status: str | None = None
    details: tuple[JSONObject, ...] = ()
