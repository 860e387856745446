"""One frame from the server to its messages.

A frame may hold several kinds of message; all are delivered, in one fixed order. What cannot be read becomes a
`ProtocolError` in the place of the message, so that one bad kind does not hide the others.
"""

from __future__ import annotations

import json
from typing import TypeVar

import attrs
from cattrs import transform_error

from livesession.codec.converter import converter
from livesession.codec.templates import Templates
from livesession.data_errors import excerpt
from livesession.errors import ProtocolError, UnsupportedMessageError
from livesession.messages import server
from livesession.messages.fields import snake_case
from livesession.messages.usage import UsageMetadata

__all__ = ["Inbound", "decode"]

Found = TypeVar("Found")

Inbound = server.LiveServerMessage | ProtocolError

KINDS: dict[str, type[server.LiveServerMessage]] = {
    "setupComplete": server.LiveServerSetupComplete,
    "sessionResumptionUpdate": server.LiveSessionResumptionUpdate,
    "voiceActivity": server.LiveServerVoiceActivity,
    "voiceActivityDetectionSignal": server.LiveServerVoiceActivityDetectionSignal,
    "serverContent": server.LiveServerContent,
    "toolCall": server.LiveServerToolCall,
    "toolCallCancellation": server.LiveServerToolCallCancellation,
    "error": server.LiveServerError,
    "goAway": server.LiveServerGoingAwayNotice,
}
"""The kinds by their wire name, in the order in which those of one frame are delivered."""

USAGE = "usageMetadata"

KNOWN = {*KINDS, USAGE}

SNAKE_CASE = {snake_case(name): name for name in KNOWN}


def decode(data: bytes) -> list[Inbound]:
    """The messages of one frame; none for the keep-alive `{}`, nor where the known keys hold null.

    Never raises: a frame that is not a JSON object gives one `ProtocolError`, one whose keys are all unknown gives
    one `UnsupportedMessageError`.
    """
    message = templates.apply(data)
    return read(data) if message is None else [message]


def read(data: bytes) -> list[Inbound]:
    """The same for any frame, the general path."""
    try:
        frame = parse(data)
    except (ValueError, RecursionError) as error:
        problem = ProtocolError(
            f"The server sent a frame that is not a JSON object: {error}; {excerpt(data)}", data=data
        )
        problem.__cause__ = error
        return [problem]
    found: list[Inbound] = [
        structure(frame[kind], cls, kind, data) for kind, cls in KINDS.items() if frame.get(kind) is not None
    ]
    if frame.get(USAGE) is not None:
        add_usage(found, structure(frame[USAGE], UsageMetadata, USAGE, data))
    if frame and frame.keys().isdisjoint(KNOWN):
        found = [unsupported(frame, data)]
    return found


templates = Templates(read)


def parse(data: bytes) -> dict[str, object]:
    """The JSON object in a frame, its top-level keys in camelCase."""
    parsed = json.loads(data.decode("utf-8"))
    if not isinstance(parsed, dict):
        raise ValueError(f"expected an object, got {type(parsed).__name__}")
    frame: dict[str, object] = parsed
    if not SNAKE_CASE.keys().isdisjoint(frame):
        return {SNAKE_CASE.get(key, key): value for key, value in frame.items()}
    return frame


def structure(value: object, cls: type[Found], kind: str, data: bytes) -> Found | ProtocolError:
    try:
        return converter.structure(value, cls)
    except Exception as error:
        details = "; ".join(transform_error(error, path=kind, format_exception=lambda each, _: str(each)))
        return caused(ProtocolError(f"The server sent a {kind} that cannot be read: {details}", data=data), error)


def caused(problem: ProtocolError, error: Exception) -> ProtocolError:
    problem.__cause__ = error
    return problem


def add_usage(found: list[Inbound], usage: UsageMetadata | ProtocolError) -> None:
    """Puts the counts on the last message of the frame, or into a message of their own."""
    if isinstance(usage, ProtocolError):
        found.append(usage)
    elif found and isinstance(found[-1], server.LiveServerMessage):
        found[-1] = attrs.evolve(found[-1], usage_metadata=usage)
    else:
        found.append(server.LiveServerUsageMetadata(usage_metadata=usage))


def unsupported(frame: dict[str, object], data: bytes) -> UnsupportedMessageError:
    keys = ", ".join(map(repr, list(frame)[:10]))
    return UnsupportedMessageError(
        f"The server sent a message of a kind that this version does not know (keys: {keys}). The session goes on; "
        "update livesession, or ignore such messages with SessionOptions(on_unsupported='warn').",
        data=data,
        frame=frame,
    )
