"""The client's messages: one of four, each a JSON object with one key."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

from livesession.messages.config import LiveGenerationConfig, SessionResumptionConfig
from livesession.messages.content import Content, FunctionResponse, GenerativeContentBlob
from livesession.messages.declarations import Tool, ToolConfig
from livesession.messages.enums import MediaResolution
from livesession.messages.fields import Compact

__all__ = [
    "ActivityEnd",
    "ActivityStart",
    "LiveClientContent",
    "LiveClientMessage",
    "LiveClientRealtimeInput",
    "LiveClientSetup",
    "LiveClientToolResponse",
]


def tools(values: Iterable[Tool]) -> tuple[Tool, ...]:
    return tuple(values)


def contents(values: Iterable[Content]) -> tuple[Content, ...]:
    return tuple(values)


def blobs(values: Iterable[GenerativeContentBlob]) -> tuple[GenerativeContentBlob, ...]:
    return tuple(values)


def responses(values: Iterable[FunctionResponse]) -> tuple[FunctionResponse, ...]:
    return tuple(values)


@frozen(kw_only=True, repr=False)
class LiveClientSetup(Compact):
    """The first message of every connection (wire: `setup`).

    Attributes:
        model: The model's resource name (wire `model`).
        generation_config: Spread over `setup` and `setup.generationConfig` as its fields say.
        system_instruction: What the model is told beforehand; text parts only (wire `systemInstruction`).
        tools: What it may use (wire `tools`).
        tool_config: Options for all tools (wire `toolConfig`).
        session_resumption: Makes the conversation resumable (wire `sessionResumption`).
    """

    model: str
    generation_config: LiveGenerationConfig = field(factory=LiveGenerationConfig)
    system_instruction: Content | None = None
    tools: tuple[Tool, ...] = field(default=(), converter=tools)
    tool_config: ToolConfig | None = None
    session_resumption: SessionResumptionConfig | None = None


@frozen(kw_only=True, repr=False)
class LiveClientContent(Compact):
    """Turns appended to the conversation; any of them interrupts the model (wire: `clientContent`).

    Attributes:
        turns: Contents in order; default none (wire `turns`).
        turn_complete: True asks for an answer, False waits for more (wire `turnComplete`).
    """

    turns: tuple[Content, ...] = field(default=(), converter=contents)
    turn_complete: bool | None = None


@frozen(kw_only=True, repr=False)
class ActivityStart(Compact):
    """The user begins to speak (wire: `realtimeInput.activityStart`)."""


@frozen(kw_only=True, repr=False)
class ActivityEnd(Compact):
    """The user has spoken (wire: `realtimeInput.activityEnd`)."""


@frozen(kw_only=True, repr=False)
class LiveClientRealtimeInput(Compact):
    """Input as it happens: one attribute a message (wire: `realtimeInput`).

    Attributes:
        audio: A piece of PCM, 20 to 100 ms (wire `audio`).
        video: One still image (wire `video`).
        text: What the user typed (wire `text`).
        audio_stream_end: The microphone pauses, under automatic detection only (wire `audioStreamEnd`).
        activity_start: Speech begins, when automatic detection is off (wire `activityStart`).
        activity_end: Speech ends, when automatic detection is off (wire `activityEnd`).
        media_chunks: Deprecated by the service, and refused by newer models (wire `mediaChunks`).
        media_resolution: How finely images are read, newest servers (wire `mediaResolution`).
    """

    audio: GenerativeContentBlob | None = None
    video: GenerativeContentBlob | None = None
    text: str | None = None
    audio_stream_end: bool | None = None
    activity_start: ActivityStart | None = None
    activity_end: ActivityEnd | None = None
    media_chunks: tuple[GenerativeContentBlob, ...] = field(default=(), converter=blobs)
    media_resolution: MediaResolution | str | None = None


@frozen(kw_only=True, repr=False)
class LiveClientToolResponse(Compact):
    """Answers to function calls (wire: `toolResponse`).

    Attributes:
        function_responses: The answers (wire `functionResponses`).
    """

    function_responses: tuple[FunctionResponse, ...] = field(default=(), converter=responses)


LiveClientMessage = LiveClientSetup | LiveClientContent | LiveClientRealtimeInput | LiveClientToolResponse
"""Any of the four messages that a client sends."""
