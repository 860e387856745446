"""The contents of a conversation: `Content`, its `Part`s, and the blobs and calls that parts hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from livesession.messages.display import Displayed
from livesession.messages.enums import FunctionResponseScheduling, Language, MediaResolution, Outcome
from livesession.messages.fields import Compact, JSONObject, Seconds, metadata

__all__ = [
    "CodeExecutionResult",
    "Content",
    "ExecutableCode",
    "FileData",
    "FunctionCall",
    "FunctionResponse",
    "FunctionResponsePart",
    "GenerativeContentBlob",
    "Part",
    "PartMediaResolution",
    "PartialArg",
    "VideoMetadata",
]


@frozen(kw_only=True, repr=False)
class GenerativeContentBlob(Compact, Displayed):
    """Bytes with their media type (wire: `Blob`; `inlineData`, `realtimeInput.audio`, `realtimeInput.video`).

    Audio in is mono PCM, 16-bit signed little-endian, 16,000 Hz unless `mime_type` states another rate
    (`"audio/pcm;rate=24000"`). Audio out is the same at 24,000 Hz. Video in is one still image, at most one a
    second.

    Attributes:
        mime_type: For example `"audio/pcm;rate=16000"` or `"image/jpeg"` (wire `mimeType`).
        data: The bytes themselves, never base64 (wire `data`, base64).
        display_name: A name for the blob; default none (wire `displayName`).
    """

    mime_type: str = ""
    data: bytes = b""
    display_name: str | None = None

    def __attrs_post_init__(self) -> None:
        if isinstance(self.data, str):
            raise TypeError("data is the bytes themselves, not str: of base64, base64.b64decode(...) makes them.")


@frozen(kw_only=True, repr=False)
class FileData(Compact):
    """A file that the service can read by its address (wire: `fileData`).

    Attributes:
        file_uri: `gs://...` or the URI that the Files API returned (wire `fileUri`).
        mime_type: Its media type (wire `mimeType`).
        display_name: A name for it; default none (wire `displayName`).
    """

    file_uri: str = ""
    mime_type: str | None = None
    display_name: str | None = None


@frozen(kw_only=True, repr=False)
class PartialArg(Compact):
    """A piece of an argument that Vertex AI streams (wire: `functionCall.partialArgs[]`).

    Attributes:
        json_path: Where the piece belongs in `args` (wire `jsonPath`).
        string_value: A piece of text (wire `stringValue`).
        number_value: A number (wire `numberValue`).
        bool_value: A truth value (wire `boolValue`).
        null_value: `"NULL_VALUE"` when the value is null (wire `nullValue`, which is null or that name).
        will_continue: More pieces of this value follow; default False (wire `willContinue`).
    """

    json_path: str = ""
    string_value: str | None = None
    number_value: float | None = None
    bool_value: bool | None = None
    null_value: str | None = field(default=None, metadata=metadata(null="NULL_VALUE"))
    will_continue: bool = False


@frozen(kw_only=True, repr=False)
class FunctionCall(Compact):
    """The model asks for a function to be run (wire: `toolCall.functionCalls[]`).

    Attributes:
        name: The declared function (wire `name`).
        args: The arguments, as the model wrote them; `{}` where it gave none (wire `args`).
        id: To be repeated in the answer; None where the back end gives none (wire `id`).
        partial_args: Streamed pieces, Vertex AI only; default none (wire `partialArgs`).
        will_continue: More pieces of this call follow; default False (wire `willContinue`).
    """

    name: str = ""
    args: JSONObject = field(factory=dict)
    id: str | None = None
    partial_args: tuple[PartialArg, ...] = ()
    will_continue: bool = False


@frozen(kw_only=True, repr=False)
class FunctionResponsePart(Compact):
    """Media in a function's answer (wire: `functionResponses[].parts[]`).

    Attributes:
        inline_data: Bytes (wire `inlineData`).
        file_data: A file by its address (wire `fileData`).
    """

    inline_data: GenerativeContentBlob | None = None
    file_data: FileData | None = None


def response_parts(values: Iterable[FunctionResponsePart]) -> tuple[FunctionResponsePart, ...]:
    return tuple(values)


@frozen(kw_only=True, repr=False)
class FunctionResponse(Compact):
    """The answer to a function call (wire: `toolResponse.functionResponses[]`).

    Attributes:
        name: The function that was called (wire `name`).
        response: A JSON object, sent as it is. The keys `output` and `error` have a meaning by convention;
            otherwise the whole object is the output (wire `response`).
        id: The `id` of the call; the Developer API requires it (wire `id`).
        scheduling: When the model speaks of it, NON_BLOCKING functions only (wire `scheduling`).
        will_continue: True: more answers to the same call follow (wire `willContinue`).
        parts: Images or files that belong to the answer (wire `parts`).
    """

    name: str | None = None
    response: JSONObject | None = None
    id: str | None = None
    scheduling: FunctionResponseScheduling | str | None = None
    will_continue: bool | None = None
    parts: tuple[FunctionResponsePart, ...] = field(default=(), converter=response_parts)


@frozen(kw_only=True, repr=False)
class ExecutableCode(Compact):
    """Code that the model wrote to be run on the server (wire: `executableCode`).

    Attributes:
        code: The source text (wire `code`).
        language: PYTHON (wire `language`).
        id: Pairs it with its result; default none (wire `id`).
    """

    code: str = ""
    language: Language | str | None = None
    id: str | None = None


@frozen(kw_only=True, repr=False)
class CodeExecutionResult(Compact):
    """The output of the model's code (wire: `codeExecutionResult`).

    Attributes:
        outcome: How it ended (wire `outcome`).
        output: Standard output, or the error (wire `output`).
        id: Pairs it with its code; default none (wire `id`).
    """

    outcome: Outcome | str | None = None
    output: str = ""
    id: str | None = None


@frozen(kw_only=True, repr=False)
class VideoMetadata(Compact):
    """The stretch of a video that counts (wire: `videoMetadata`).

    Attributes:
        start_offset: Seconds from the beginning; default its start (wire `startOffset`, a Duration).
        end_offset: Seconds from the beginning; default its end (wire `endOffset`, a Duration).
        fps: Frames a second that the model sees (wire `fps`).
    """

    start_offset: Seconds | None = None
    end_offset: Seconds | None = None
    fps: float | None = None


@frozen(kw_only=True, repr=False)
class PartMediaResolution(Compact):
    """The fineness with which one part's medium is read (wire: `part.mediaResolution`).

    Attributes:
        level: The step; default the session's (wire `level`).
        num_tokens: Tokens for this medium, instead of a step (wire `numTokens`).
    """

    level: MediaResolution | str | None = None
    num_tokens: int | None = None


@frozen(kw_only=True, repr=False)
class Part(Compact):
    """One piece of a content: exactly one of the first seven, with decorations (wire: `Part`).

    Attributes:
        text: Text (wire `text`).
        inline_data: Bytes, such as audio or an image (wire `inlineData`).
        file_data: A file by its address (wire `fileData`).
        function_call: A call; in Live they arrive as `LiveServerToolCall` instead (wire `functionCall`).
        function_response: An answer; in Live it goes through `send_function_responses` (wire `functionResponse`).
        executable_code: Code for the server to run (wire `executableCode`).
        code_execution_result: What that code printed (wire `codeExecutionResult`).
        thought: True for the summary of a thought rather than the answer (wire `thought`).
        thought_signature: An opaque value to send back with the part (wire `thoughtSignature`, base64).
        video_metadata: Which stretch of a video (wire `videoMetadata`).
        media_resolution: How finely to read this medium (wire `mediaResolution`).
        tool_call: A call to a server-side tool, as it arrived (wire `toolCall`).
        tool_response: A server-side tool's answer, as it arrived (wire `toolResponse`).
        part_metadata: Free-form data kept with the part (wire `partMetadata`).
        audio_transcription: The transcription of the part's audio, as it arrived (wire `audioTranscription`).
    """

    text: str | None = None
    inline_data: GenerativeContentBlob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: ExecutableCode | None = None
    code_execution_result: CodeExecutionResult | None = None
    thought: bool | None = None
    thought_signature: bytes | None = None
    video_metadata: VideoMetadata | None = None
    media_resolution: PartMediaResolution | None = None
    tool_call: JSONObject | None = None
    tool_response: JSONObject | None = None
    part_metadata: JSONObject | None = None
    audio_transcription: JSONObject | None = None

    def __attrs_post_init__(self) -> None:
        if self.text is not None and not isinstance(self.text, str):
            raise TypeError(f"text is a str, not {type(self.text).__name__}.")
        if self.inline_data is not None and not isinstance(self.inline_data, GenerativeContentBlob):
            raise TypeError(
                f"inline_data is a GenerativeContentBlob, not {type(self.inline_data).__name__}; of bytes, "
                "Part.from_bytes(data, mime_type) makes a part."
            )

    @classmethod
    def from_text(cls, text: str) -> Part:
        """A part of text."""
        return cls(text=text)

    @classmethod
    def from_bytes(cls, data: bytes, mime_type: str) -> Part:
        """A part of bytes, for example a JPEG image with `mime_type="image/jpeg"`."""
        return cls(inline_data=GenerativeContentBlob(mime_type=mime_type, data=data))

    @classmethod
    def from_uri(cls, file_uri: str, mime_type: str | None = None) -> Part:
        """A part that names a file, such as `gs://bucket/photo.jpg`."""
        return cls(file_data=FileData(file_uri=file_uri, mime_type=mime_type))


def to_parts(parts: Iterable[Part | str] | Part | str) -> tuple[Part, ...]:
    """Parts from what people write: a string, a part, or a sequence of both."""
    if isinstance(parts, (str, Part)):
        parts = (parts,)
    if isinstance(parts, Mapping) or not isinstance(parts, Iterable):
        raise TypeError(f"A content is made of text and Parts, not {type(parts).__name__}.")
    made = tuple(Part(text=part) if isinstance(part, str) else part for part in parts)
    for part in made:
        if not isinstance(part, Part):
            raise TypeError(f"A content is made of text and Parts, not {type(part).__name__}.")
    return made


@frozen(kw_only=True, repr=False)
class Content(Compact):
    """A message of the conversation (wire: `Content`).

    Attributes:
        parts: Its pieces; a string stands for a text part (wire `parts`).
        role: `"user"`, `"model"`, or `"system"` (Vertex AI). None counts as the user (wire `role`).
    """

    parts: tuple[Part, ...] = field(default=(), converter=to_parts)
    role: str | None = None
