"""Makes messages of the protocol from the arguments of the send methods; without I/O.

The checks here are for what the server would answer with a close frame and the words "invalid argument".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from livesession.errors import ConfigurationError, InvalidRequestError
from livesession.messages.client import (
    LiveClientContent,
    LiveClientRealtimeInput,
    LiveClientSetup,
    LiveClientToolResponse,
)
from livesession.messages.config import HistoryConfig, LiveGenerationConfig, SessionResumptionConfig
from livesession.messages.content import Content, FunctionResponse, GenerativeContentBlob, Part
from livesession.messages.fast_evolve import fast_evolver
from livesession.messages.pcm_audio import PcmAudio

__all__ = [
    "History",
    "Media",
    "Request",
    "audio_input",
    "check_history",
    "client_content",
    "detects_activity",
    "history_content",
    "media_input",
    "seeds_history",
    "text_input",
    "tool_response",
    "video_input",
    "with_history",
]

Request = str | Part | Sequence[str | Part]
"""What can be sent as a turn: text, a part, or a sequence of both."""

History = Iterable[Content | tuple[str, Request]]
"""What was said before: contents with a role, or pairs of a role ("user", "model") and what it said."""

Media = GenerativeContentBlob | bytes
"""A piece of media; plain bytes are audio: mono PCM, 16-bit signed little-endian, 16,000 Hz (`PcmAudio`: its rate)."""

PCM_16K = "audio/pcm;rate=16000"

BLANK_PARTS = (Part(), Part(text=""))

# What is sent twenty to fifty times a second, and made without the constructors; the bytes are checked here.
pcm_blob = fast_evolver(GenerativeContentBlob(mime_type=PCM_16K), "data")
input_of_audio = fast_evolver(LiveClientRealtimeInput(), "audio")
input_of_video = fast_evolver(LiveClientRealtimeInput(), "video")


def client_content(request: Request, turn_complete: bool) -> LiveClientContent:
    """A user's turn, or a piece of one; nothing is allowed only to complete an open turn."""
    parts = request_parts(request)
    if not parts and not turn_complete:
        raise InvalidRequestError(
            "There is nothing to send: the request is empty. Only send(..., turn_complete=True) may be, to complete "
            "an open turn."
        )
    turns = [Content(role="user", parts=parts)] if parts else []
    return LiveClientContent(turns=turns, turn_complete=turn_complete)


def request_parts(request: Request) -> list[Part]:
    if isinstance(request, str):
        return [Part(text=request)] if request else []
    if isinstance(request, Part):
        return [request_part(request)]
    if isinstance(request, (bytes, bytearray, Mapping)) or not isinstance(request, Sequence):
        raise TypeError(f"A request is text, a Part, or a sequence of both, not {described(request)}.")
    return [request_part(item) for item in request if not is_blank(item)]


def is_blank(item: object) -> bool:
    """Whether it is an empty text; an array of numpy compares each of its items."""
    return isinstance(item, str) and not item


def described(value: object) -> str:
    """A type's name, with its module where it is another library's."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def request_part(item: object) -> Part:
    if isinstance(item, str):
        return Part(text=item)
    if not isinstance(item, Part):
        raise TypeError(
            f"A request is made of str and livesession.Part, not {described(item)}; Part.from_bytes() and "
            "Part.from_uri() make parts of media."
        )
    if item.function_response is not None:
        raise InvalidRequestError("Function responses are not part of a turn: use send_function_responses().")
    if item in BLANK_PARTS:
        raise InvalidRequestError(f"This part of the request is empty: leave it out. It is {item!r}.")
    return item


def history_content(history: History | None) -> LiveClientContent | None:
    """Makes the one message that gives a session its history; None where there is none."""
    if history is None:
        return None
    if isinstance(history, (str, bytes, Mapping)) or not isinstance(history, Iterable):
        raise TypeError(f"A history is a sequence of Contents or (role, text) pairs, not {described(history)}.")
    turns = [past_content(item) for item in history]
    return LiveClientContent(turns=turns, turn_complete=True) if turns else None


def past_content(item: object) -> Content:
    """One content of a history."""
    content = item if isinstance(item, Content) else paired_content(item)
    if content.role not in ("user", "model"):
        raise InvalidRequestError(
            f'In a history each content has the role "user" or "model", not {content.role!r}: {content!r:.80}. '
            "What the model is told beforehand is system_instruction."
        )
    if not content.parts or any(part in BLANK_PARTS for part in content.parts):
        raise InvalidRequestError(
            f"In a history no content may be empty, nor hold an empty part: leave it out. It is {content!r:.80}."
        )
    if any(part.function_response for part in content.parts):
        raise InvalidRequestError(
            "A history holds what was said: leave function calls and their responses out, or tell of them in words."
        )
    return content


def paired_content(item: object) -> Content:
    """A content from a role and what was said; JSON makes lists of pairs."""
    if not isinstance(item, (tuple, list)) or len(item) != 2 or not isinstance(item[0], str):
        raise TypeError(
            f'A history is made of Contents and pairs such as ("user", "Hello"), not {described(item)} ({item!r:.80}).'
        )
    role, said = item
    return Content(role=role, parts=said)


def to_blob(media: Media) -> GenerativeContentBlob:
    if isinstance(media, GenerativeContentBlob):
        blob = media
    elif isinstance(media, PcmAudio):
        blob = GenerativeContentBlob(mime_type=f"audio/pcm;rate={media.rate}", data=bytes(media))
    elif isinstance(media, (bytes, bytearray, memoryview)):
        blob = pcm_blob(bytes(media))
    else:
        raise TypeError(
            f"Media is a GenerativeContentBlob or bytes of PCM, not {described(media)}. For an array of samples, "
            "array.astype('int16').tobytes() makes the bytes; pieces go one by one, or all to send_media_stream()."
        )
    if not blob.data:
        raise InvalidRequestError(
            f"There is nothing to send: the blob of {blob.mime_type or 'no type'} holds no bytes."
        )
    return blob


def audio_input(media: Media) -> LiveClientRealtimeInput:
    """Makes a message of a piece of audio."""
    if type(media) is bytes and media and not media.startswith(b"RIFF"):
        return input_of_audio(pcm_blob(media))  # what the checks below come to
    blob = to_blob(media)
    if blob.mime_type.startswith("audio/pcm") and blob.data.startswith(b"RIFF"):
        raise InvalidRequestError("This is a WAV file, not PCM: send_media_stream(WavFile(path).stream()) sends one.")
    if not blob.mime_type.startswith("audio/"):
        raise InvalidRequestError(f"This is not audio but {blob.mime_type!r}: use send_video_realtime() for images.")
    return input_of_audio(blob)


def video_input(blob: GenerativeContentBlob) -> LiveClientRealtimeInput:
    """Makes a message of one image."""
    if not isinstance(blob, GenerativeContentBlob):
        raise TypeError(
            f'An image is a GenerativeContentBlob(mime_type="image/jpeg", data=...), not {described(blob)}. '
            "send_video_stream([image]) takes the bytes of an image file, numpy arrays and PIL images."
        )
    if not to_blob(blob).mime_type.startswith(("image/", "video/")):
        raise InvalidRequestError(f"This is no image but {blob.mime_type!r}: use send_audio_realtime() for audio.")
    return input_of_video(blob)


def media_input(media: Media) -> LiveClientRealtimeInput:
    """Any chunk, in the field that its type belongs to; newer models refuse the general one."""
    blob = to_blob(media)
    kind = blob.mime_type.partition("/")[0]
    if kind == "audio":
        return audio_input(blob)
    if kind in ("image", "video"):
        return video_input(blob)
    return LiveClientRealtimeInput(media_chunks=[blob])


WAV = "Those of a WAV file are WavFile(path).stream()."


def chunks_of(stream: Iterable[Media]) -> Iterator[Media]:
    """The chunks of the user's iterable; its errors become ours, with theirs as the cause."""
    if isinstance(stream, (bytes, bytearray, str, GenerativeContentBlob)):
        raise TypeError(f"A media stream is an iterable of pieces; one piece goes through send_audio_realtime(). {WAV}")
    if not isinstance(stream, Iterable):
        raise TypeError(f"A media stream is an iterable of pieces, not {described(stream)}. {WAV}")
    chunks = iter(stream)
    while True:
        try:
            chunk = next(chunks)
        except StopIteration:
            return
        except Exception as error:
            raise InvalidRequestError(
                f"The media stream raised {type(error).__name__}: {error}. What it had yielded before was sent."
            ) from error
        yield chunk


def text_input(text: str) -> LiveClientRealtimeInput:
    """Makes a message of what the user typed."""
    if not isinstance(text, str):
        raise TypeError(f"send_text_realtime() takes a str, not {type(text).__name__}.")
    if not text:
        raise InvalidRequestError("There is nothing to send: the text is empty.")
    return LiveClientRealtimeInput(text=text)


def tool_response(
    responses: Iterable[FunctionResponse] | FunctionResponse, *, ids_required: bool
) -> LiveClientToolResponse:
    """Makes a message of answers to function calls."""
    answers = [responses] if isinstance(responses, FunctionResponse) else list(responses)
    if not answers:
        raise InvalidRequestError("There is nothing to send: no function responses were given.")
    for answer in answers:
        check_answer(answer, ids_required)
    return LiveClientToolResponse(function_responses=answers)


def check_answer(answer: FunctionResponse, ids_required: bool) -> None:
    if not isinstance(answer, FunctionResponse):
        raise TypeError(f"An answer is a FunctionResponse, not {type(answer).__name__}.")
    if ids_required and not answer.id:
        raise InvalidRequestError(
            f"The response of {answer.name!r} has no id, which this back end requires: copy it from the FunctionCall."
        )
    if answer.response is not None and not isinstance(answer.response, Mapping):
        raise InvalidRequestError(
            f"The response of {answer.name!r} is a {type(answer.response).__name__}; it must be an object, such as "
            '{"output": ...}.'
        )


def detects_activity(config: LiveGenerationConfig) -> bool:
    """Whether the server finds speech by itself, which excludes activity messages."""
    realtime = config.realtime_input_config
    detection = realtime.automatic_activity_detection if realtime else None
    return not (detection and detection.disabled)


def seeds_history(config: LiveGenerationConfig) -> bool:
    """Whether the contents up to the first `turn_complete` are history."""
    return bool(config.history_config and config.history_config.initial_history_in_client_content)


def check_history(config: LiveGenerationConfig, resumption: SessionResumptionConfig | None) -> None:
    """Raises where a history cannot be given."""
    if resumption and resumption.handle:
        raise ConfigurationError(
            "A session that is taken up again by its handle has its history already: give connect() the handle or "
            "the history, not both."
        )
    asked = config.history_config
    if asked and asked.initial_history_in_client_content is False:
        raise ConfigurationError(
            "connect(history=...) needs initial_history_in_client_content, which history_config sets to False: leave "
            "history_config out."
        )


def with_history(setup: LiveClientSetup, *, announced: bool) -> LiveClientSetup:
    """The setup that says, or does not say, that history follows."""
    history = HistoryConfig(initial_history_in_client_content=True) if announced else None
    config = attrs.evolve(setup.generation_config, history_config=history)
    return attrs.evolve(setup, generation_config=config)


def check_activity(config: LiveGenerationConfig, *, manual: bool, method: str) -> None:
    """Raises where a message belongs to the other way of detecting speech."""
    if manual == (not detects_activity(config)):
        return
    if manual:
        raise InvalidRequestError(
            f"{method}() needs automatic activity detection to be off: connect with realtime_input_config="
            "RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))."
        )
    raise InvalidRequestError(f"{method}() is for automatic activity detection, which is off: use send_activity_end().")
