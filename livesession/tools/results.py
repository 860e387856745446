"""Results of functions as the model is told of them: the value that was returned, or the error that was raised."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from uuid import UUID

import attrs

from livesession.codec.json_scalars import format_base64
from livesession.errors import ToolCancelled, ToolError
from livesession.tools.declare.arguments import BadArguments

__all__ = ["BadAnswer", "as_error", "as_response"]

LONGEST_ERROR = 500  # characters

# Secrets that errors often hold: passwords in addresses, values of parameters, headers and dicts, bearer tokens.
SECRETS = [
    (re.compile(r"(\w://)[^\s/]+@"), r"\1<secret>@"),
    (
        re.compile(r"(?i)((?:key|token|password|passwd|secret|signature)(?:=['\"]?|['\"]: ?['\"]))[^\s&,;'\"]+"),
        r"\1<secret>",
    ),
    (re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]+"), r"\1<secret>"),
]


class BadAnswer(TypeError):
    """A function returned a value that JSON cannot hold."""


def as_response(value: object) -> dict[str, object]:
    """Makes the answer of a returned value: `{"output": ...}`, with None and other falsy values as they are.

    attrs classes, dataclasses, pydantic models, enums, dates, sets and tuples become the JSON that is like them, bytes
    base64. Raises `BadAnswer` for a value that JSON cannot hold, such as NaN and infinities.
    """
    try:
        text = json.dumps(value, default=plain, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")  # raises for half a surrogate pair, which JSON text can hold and a frame cannot
    except (TypeError, ValueError, RecursionError) as error:
        raise BadAnswer(f"The returned {type(value).__name__} cannot be written as JSON: {error}") from error
    return {"output": json.loads(text)}


@functools.singledispatch
def plain(value: object) -> object:
    """Converts a value that JSON does not know to one that is written in its place. Raises `TypeError`."""
    if attrs.has(type(value)):
        return attrs.asdict(value, recurse=False)  # type: ignore[arg-type]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):  # a pydantic model
        return value.model_dump(mode="json")
    raise TypeError(f"there is no JSON for {type(value).__name__}")


@plain.register
def plain_enum(value: Enum) -> object:
    return value.value


@plain.register(bytes)
@plain.register(bytearray)
def plain_bytes(value: bytes | bytearray) -> str:
    return format_base64(bytes(value))


@plain.register(date)
@plain.register(time)
def plain_time(value: date | time) -> str:
    return value.isoformat()


@plain.register(Decimal)
@plain.register(PurePath)
@plain.register(UUID)
def plain_text(value: object) -> str:
    return str(value)


@plain.register(Mapping)
def plain_object(value: Mapping[object, object]) -> object:
    return dict(value)


@plain.register(Sequence)
@plain.register(Set)
def plain_array(value: Collection[object]) -> object:
    if hasattr(value, "keys"):  # a row of sqlite3 passes for a sequence
        return {key: value[key] for key in value.keys()}  # type: ignore[index]  # noqa: SIM118
    return list(value)


def as_error(error: BaseException, redact: Callable[[str], str]) -> dict[str, object]:
    """Makes the answer of an exception: `{"error": "ValueError: unknown city"}`, one line of at most 500 characters.

    The message of a `ToolError`, and of this library's own errors for the model, stands without the name of the class.
    Passwords in addresses, and values after `key=`, `token=`, `password=` or `Bearer`, are left out.

    Args:
        error: The error that the function raised; its traceback and its cause are not told.
        redact: Removes further secrets from a text.
    """
    is_for_model = isinstance(error, (BadArguments, ToolCancelled, ToolError))
    message = message_of(error)
    text = redact(message if is_for_model else f"{type(error).__name__}: {message}")
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    line = " ".join(text.split()).removesuffix(":")  # which stands at the end of an error without a message
    return {"error": line if len(line) <= LONGEST_ERROR else f"{line[: LONGEST_ERROR - 3]}..."}


def message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # __str__ is the user's code too
        return ""
