"""One client message to the bytes of its frame."""

from __future__ import annotations

import json
from collections.abc import Mapping

import attrs

from livesession.errors import InvalidRequestError
from livesession.types.client import (
    LiveClientContent,
    LiveClientMessage,
    LiveClientRealtimeInput,
    LiveClientSetup,
    LiveClientToolResponse,
)
from livesession.types.config import LiveGenerationConfig
from livesession.types.fields import SENT_IN, wire_name
from livesession.wire.converter import converter

__all__ = ["encode"]

ENVELOPES: dict[type, str] = {
    LiveClientSetup: "setup",
    LiveClientContent: "clientContent",
    LiveClientRealtimeInput: "realtimeInput",
    LiveClientToolResponse: "toolResponse",
}

AT_TOP_OF_SETUP = [
    wire_name(field) for field in attrs.fields(LiveGenerationConfig) if field.metadata[SENT_IN] == "setup"
]


def encode(message: LiveClientMessage) -> bytes:
    """The JSON of a message: UTF-8, camelCase, without nulls.

    Raises `InvalidRequestError` for what JSON cannot hold: NaN, bytes or other objects in a function's answer, half
    of a surrogate pair in a text.
    """
    body = converter.unstructure(message)
    if isinstance(message, LiveClientSetup):
        body = place_configuration(body)
    kind = ENVELOPES[type(message)]
    try:
        return dumps({kind: body}).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"This {kind} cannot be written as JSON: {error}. It was not sent.") from error


def dumps(body: object) -> str:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain)


def plain(value: object) -> object:
    """A mapping of the user's that is no `dict`, as one."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def place_configuration(setup: dict[str, object]) -> dict[str, object]:
    """Moves the fields of the configuration that belong at the top of `setup` there."""
    config = setup.pop("generationConfig", {})
    assert isinstance(config, dict)
    top = {name: config.pop(name) for name in AT_TOP_OF_SETUP if name in config}
    return {**setup, **top, **({"generationConfig": config} if config else {})}
