"""The enumerations of the Live protocol.

Each member is a `str` equal to its wire value, so `Modality.TEXT == "TEXT"`. Fields are typed `Modality | str`:
a value that this library does not know arrives as the plain string and can be sent as one.
"""

from __future__ import annotations

from enum import Enum

__all__ = [
    "ActivityHandling",
    "Behavior",
    "EndSensitivity",
    "FunctionCallingMode",
    "FunctionResponseScheduling",
    "HarmBlockMethod",
    "HarmBlockThreshold",
    "HarmCategory",
    "InteractionStatus",
    "Language",
    "MediaResolution",
    "Modality",
    "Outcome",
    "SchemaType",
    "StartSensitivity",
    "ThinkingLevel",
    "TrafficType",
    "TurnCompleteReason",
    "TurnCoverage",
    "UrlRetrievalStatus",
    "VadSignalType",
    "VoiceActivityType",
    "WireEnum",
]


class WireEnum(str, Enum):
    """Base of all protocol enums: a string that prints as its wire value."""

    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, format_spec: str) -> str:
        return str.__format__(self, format_spec)


class Modality(WireEnum):
    """A kind of content (`responseModalities`, `modality` of token counts)."""

    TEXT = "TEXT"
    AUDIO = "AUDIO"
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    DOCUMENT = "DOCUMENT"


class MediaResolution(WireEnum):
    """The fineness with which images are read: 64, 256 or more tokens an image (`mediaResolution`)."""

    LOW = "MEDIA_RESOLUTION_LOW"
    MEDIUM = "MEDIA_RESOLUTION_MEDIUM"
    HIGH = "MEDIA_RESOLUTION_HIGH"


class ThinkingLevel(WireEnum):
    """The amount of thought before an answer (`thinkingLevel`)."""

    MINIMAL = "MINIMAL"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class StartSensitivity(WireEnum):
    """The readiness to take sound for the start of speech (`startOfSpeechSensitivity`)."""

    HIGH = "START_SENSITIVITY_HIGH"
    LOW = "START_SENSITIVITY_LOW"


class EndSensitivity(WireEnum):
    """The readiness to take a pause for the end of speech (`endOfSpeechSensitivity`)."""

    HIGH = "END_SENSITIVITY_HIGH"
    LOW = "END_SENSITIVITY_LOW"


class ActivityHandling(WireEnum):
    """Whether the user's speech cuts the model off (`activityHandling`)."""

    START_OF_ACTIVITY_INTERRUPTS = "START_OF_ACTIVITY_INTERRUPTS"
    NO_INTERRUPTION = "NO_INTERRUPTION"


class TurnCoverage(WireEnum):
    """The realtime input that belongs to a user turn (`turnCoverage`)."""

    TURN_INCLUDES_ONLY_ACTIVITY = "TURN_INCLUDES_ONLY_ACTIVITY"
    TURN_INCLUDES_ALL_INPUT = "TURN_INCLUDES_ALL_INPUT"
    TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO = "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"


class Behavior(WireEnum):
    """Whether the model waits for a function's answer (`behavior`; the default differs by model)."""

    BLOCKING = "BLOCKING"
    NON_BLOCKING = "NON_BLOCKING"


class FunctionResponseScheduling(WireEnum):
    """The time to speak of a NON_BLOCKING function's answer (`scheduling`); the server's default is WHEN_IDLE."""

    SILENT = "SILENT"
    WHEN_IDLE = "WHEN_IDLE"
    INTERRUPT = "INTERRUPT"


class FunctionCallingMode(WireEnum):
    """Whether functions may, must or must not be called (`toolConfig.functionCallingConfig.mode`)."""

    AUTO = "AUTO"
    ANY = "ANY"
    NONE = "NONE"
    VALIDATED = "VALIDATED"


class SchemaType(WireEnum):
    """The type of a value in a function's parameters (`type`)."""

    STRING = "STRING"
    NUMBER = "NUMBER"
    INTEGER = "INTEGER"
    BOOLEAN = "BOOLEAN"
    ARRAY = "ARRAY"
    OBJECT = "OBJECT"
    NULL = "NULL"


class Language(WireEnum):
    """The language of code that the model runs (`executableCode.language`)."""

    PYTHON = "PYTHON"


class Outcome(WireEnum):
    """The outcome of the model's own code (`codeExecutionResult.outcome`)."""

    OK = "OUTCOME_OK"
    FAILED = "OUTCOME_FAILED"
    DEADLINE_EXCEEDED = "OUTCOME_DEADLINE_EXCEEDED"


class InteractionStatus(WireEnum):
    """The status of an interaction (`interactionStatus`): IN_PROGRESS means more output without further input."""

    IN_PROGRESS = "IN_PROGRESS"
    IDLE = "IDLE"
    REQUIRES_ACTION = "REQUIRES_ACTION"


class TurnCompleteReason(WireEnum):
    """The reason why a turn ended other than by being finished (`turnCompleteReason`; the server has more values)."""

    MALFORMED_FUNCTION_CALL = "MALFORMED_FUNCTION_CALL"
    RESPONSE_REJECTED = "RESPONSE_REJECTED"
    NEED_MORE_INPUT = "NEED_MORE_INPUT"
    PROHIBITED_INPUT_CONTENT = "PROHIBITED_INPUT_CONTENT"
    BLOCKLIST = "BLOCKLIST"
    MAX_REGENERATION_REACHED = "MAX_REGENERATION_REACHED"


class TrafficType(WireEnum):
    """The way in which Vertex AI billed a turn (`trafficType`)."""

    ON_DEMAND = "ON_DEMAND"
    ON_DEMAND_PRIORITY = "ON_DEMAND_PRIORITY"
    ON_DEMAND_FLEX = "ON_DEMAND_FLEX"
    PROVISIONED_THROUGHPUT = "PROVISIONED_THROUGHPUT"


class VoiceActivityType(WireEnum):
    """Start or end of the user's speech (`voiceActivity.type`)."""

    START = "ACTIVITY_START"
    END = "ACTIVITY_END"


class VadSignalType(WireEnum):
    """Start or end of speech, older form (`voiceActivityDetectionSignal.vadSignalType`)."""

    START_OF_SPEECH = "VAD_SIGNAL_TYPE_SOS"
    END_OF_SPEECH = "VAD_SIGNAL_TYPE_EOS"


class UrlRetrievalStatus(WireEnum):
    """Whether a page of the URL context tool could be read (`urlRetrievalStatus`)."""

    SUCCESS = "URL_RETRIEVAL_STATUS_SUCCESS"
    ERROR = "URL_RETRIEVAL_STATUS_ERROR"
    PAYWALL = "URL_RETRIEVAL_STATUS_PAYWALL"
    UNSAFE = "URL_RETRIEVAL_STATUS_UNSAFE"


class HarmCategory(WireEnum):
    """The category of a safety setting (`safetySettings[].category`)."""

    HARASSMENT = "HARM_CATEGORY_HARASSMENT"
    HATE_SPEECH = "HARM_CATEGORY_HATE_SPEECH"
    SEXUALLY_EXPLICIT = "HARM_CATEGORY_SEXUALLY_EXPLICIT"
    DANGEROUS_CONTENT = "HARM_CATEGORY_DANGEROUS_CONTENT"
    CIVIC_INTEGRITY = "HARM_CATEGORY_CIVIC_INTEGRITY"


class HarmBlockThreshold(WireEnum):
    """From which likelihood on content is blocked (`safetySettings[].threshold`)."""

    BLOCK_LOW_AND_ABOVE = "BLOCK_LOW_AND_ABOVE"
    BLOCK_MEDIUM_AND_ABOVE = "BLOCK_MEDIUM_AND_ABOVE"
    BLOCK_ONLY_HIGH = "BLOCK_ONLY_HIGH"
    BLOCK_NONE = "BLOCK_NONE"
    OFF = "OFF"


class HarmBlockMethod(WireEnum):
    """Whether severity counts too (`safetySettings[].method`; Vertex AI only)."""

    SEVERITY = "SEVERITY"
    PROBABILITY = "PROBABILITY"
