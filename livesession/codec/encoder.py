"""One client message to the bytes of its frame."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Mapping

import attrs

from livesession.codec.base64_speedups import base64_in_use
from livesession.codec.converter import converter
from livesession.errors import InvalidRequestError
from livesession.messages.client import (
    LiveClientContent,
    LiveClientMessage,
    LiveClientRealtimeInput,
    LiveClientSetup,
    LiveClientToolResponse,
)
from livesession.messages.config import LiveGenerationConfig
from livesession.messages.fields import SENT_IN, wire_name

__all__ = ["encode"]

ENVELOPES: dict[type, str] = {
    LiveClientSetup: "setup",
    LiveClientContent: "clientContent",
    LiveClientRealtimeInput: "realtimeInput",
    LiveClientToolResponse: "toolResponse",
}

END_OF_MEDIUM = b'"}}}'
PIECE = 48 * 1024  # a multiple of 3; with the base64 of a whole image beside the message, most time goes to page faults

AT_TOP_OF_SETUP = [
    wire_name(field) for field in attrs.fields(LiveGenerationConfig) if field.metadata[SENT_IN] == "setup"
]


def encode(message: LiveClientMessage) -> bytes:
    """The JSON of a message: UTF-8, camelCase, without nulls.

    Raises `InvalidRequestError` for what JSON cannot hold: NaN, bytes or other objects in a function's answer, half
    of a surrogate pair in a text.
    """
    if isinstance(message, LiveClientRealtimeInput) and (data := encode_medium(message)):
        return data
    return write(message)


def write(message: LiveClientMessage) -> bytes:
    """The same for any message, the general path."""
    kind = ENVELOPES[type(message)]
    try:
        body = converter.unstructure(message)
        if isinstance(message, LiveClientSetup):
            body = place_configuration(body)
        return dumps({kind: body}).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"This {kind} cannot be written as JSON: {error}. It was not sent.") from error


def encode_medium(message: LiveClientRealtimeInput) -> bytes | None:
    """A message that holds a piece of audio or an image, and nothing else; None for any other."""
    blob = message.audio or message.video
    if blob is None or not holds_one_attribute(message) or blob.display_name is not None:
        return None
    mime_type, data = blob.mime_type, blob.data
    if type(mime_type) is not str or type(data) is not bytes or not mime_type or not data:
        return None
    head = medium_head("audio" if message.audio else "video", mime_type)
    return with_base64(head, data, END_OF_MEDIUM) if head else None


def holds_one_attribute(message: LiveClientRealtimeInput) -> bool:
    """Whether there is nothing beside the audio or the video."""
    return (
        (message.audio is None or message.video is None)
        and message.text is None
        and message.audio_stream_end is None
        and message.activity_start is None
        and message.activity_end is None
        and not message.media_chunks
        and message.media_resolution is None
    )


@functools.lru_cache(maxsize=32)
def medium_head(kind: str, mime_type: str) -> bytes | None:
    """Returns what stands before the base64; None where the media type cannot be written."""
    try:
        message = dumps({"realtimeInput": {kind: {"mimeType": mime_type, "data": ""}}}).encode("utf-8")
    except ValueError:
        return None
    return message.removesuffix(END_OF_MEDIUM)


def with_base64(head: bytes, data: bytes, tail: bytes) -> bytes:
    """The data in base64 between two texts."""
    to_base64 = base64_in_use().encode
    if len(data) <= PIECE:
        return b"".join((head, to_base64(data), tail))
    joined, view = io.BytesIO(), memoryview(data)
    joined.write(head)
    for at in range(0, len(view), PIECE):
        joined.write(to_base64(view[at : at + PIECE]))
    joined.write(tail)
    return joined.getvalue()


def plain(value: object) -> object:
    """A mapping of the user's that is no `dict`, as one."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain).encode


def place_configuration(setup: dict[str, object]) -> dict[str, object]:
    """Moves the fields of the configuration that belong at the top of `setup` there."""
    config = setup.pop("generationConfig", {})
    assert isinstance(config, dict)
    top = {name: config.pop(name) for name in AT_TOP_OF_SETUP if name in config}
    return {**setup, **top, **({"generationConfig": config} if config else {})}
