"""From what a client wrote to what the service understands: one walk over the tables of `schema`.

It takes camelCase and snake_case for the protocol's own keys, numbers in strings, both base64 alphabets; it gives
camelCase and standard padded base64, and leaves the user's own data as it came. What does not fit is refused with
the close the service uses. No I/O.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final

from attrs import frozen

from livesession.emulator.protocol.enum_values import CASE_FREE_ENUMS, ENUMS
from livesession.emulator.protocol.message_schema import MESSAGES, ONE_OF
from livesession.emulator.protocol.refusal import CloseRefusal

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_URL_SAFE = str.maketrans("-_", "+/")
_SHOWN = 40


@frozen
class _Kind:
    """A field of the tables, taken apart: `shape` is "one", "list" or "map", `only` is "", "G" or "V"."""

    name: str
    shape: str
    only: str
    nullable: bool


def parse_message(data: str | bytes) -> dict[str, object]:
    """Return the JSON object in one WebSocket message.

    Raises:
        Refusal: 1007, when it is not UTF-8, not JSON, not an object, nested too deeply, or holds NaN or half a
            surrogate pair.
    """
    try:
        text = data if isinstance(data, str) else data.decode()
        message = json.loads(text, parse_constant=_refuse_constant)
        if _SURROGATE.search(text):
            json.dumps(message, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise CloseRefusal(1007, f"Invalid JSON payload received. {error or 'Nested too deeply.'}") from error
    if not isinstance(message, dict):
        raise CloseRefusal(1007, "Invalid JSON payload received. The message is not an object.")
    return message


def normalise_message(message: dict[str, object], *, vertex: bool) -> tuple[str, dict[str, object]]:
    """Return the envelope's name and the normalised payload of one client message.

    Raises:
        Refusal: 1007 for an unknown field at any depth, a wrong type, or not exactly one payload.
    """
    walked = _Walk("V" if vertex else "G").message(message, "ClientMessage", "")
    ((name, payload),) = walked.items()
    if not isinstance(payload, dict):
        raise CloseRefusal(1007, f"Invalid value at '{_snake(name)}'.")
    return name, payload


def decode_bytes(text: object) -> bytes:
    """Return the bytes of a normalised base64 field ("" and anything absent give no bytes)."""
    return base64.b64decode(text) if isinstance(text, str) else b""


class _Walk:
    """The walk for one back end: `side` is "G" or "V"."""

    def __init__(self, side: str) -> None:
        self._side = side

    def message(self, value: object, name: str, path: str) -> dict[str, object]:
        if not isinstance(value, dict):
            raise _wrong(path, name, value)
        fields = MESSAGES[name]
        result: dict[str, object] = {}
        for key, item in value.items():
            field = self._field(key, fields, path)
            kind = _kind(fields[field])
            if item is None and kind.nullable:
                continue
            if field in result:
                raise CloseRefusal(1007, f"Invalid JSON payload received. Duplicate field '{key}'{_at(path)}.")
            self._check_group(name, field, result, path)
            result[field] = self._value(item, kind, f"{path}.{_snake(field)}".lstrip("."))
        if name in ONE_OF and not result.keys() & ONE_OF[name][1]:
            raise CloseRefusal(
                1007, f"Required oneof field '{ONE_OF[name][0]}' must have one initialized field{_at(path)}."
            )
        return result

    def _field(self, key: str, fields: dict[str, str], path: str) -> str:
        field = key if key in fields else _camel(key)
        if field not in fields or (key != field and key != _snake(field)) or not self._known(fields[field]):
            raise CloseRefusal(
                1007, f'Invalid JSON payload received. Unknown name "{key}"{_at(path)}: Cannot find field.'
            )
        return field

    def _known(self, notation: str) -> bool:
        return _kind(notation).only in ("", self._side)

    def _check_group(self, name: str, field: str, result: dict[str, object], path: str) -> None:
        group, members = ONE_OF.get(name, ("", frozenset[str]()))
        if field in members and result.keys() & members:
            where = f"{path}.{_snake(field)}".lstrip(".")
            reason = f"oneof field '{group}' is already set. Cannot set '{field}'"
            raise CloseRefusal(1007, f"Invalid value at '{where}' (oneof), {reason}")

    def _value(self, value: object, kind: _Kind, path: str) -> object:
        if kind.shape == "list":
            if not isinstance(value, list):
                raise _wrong(path, f"list of {kind.name}", value)
            return [self._one(item, kind.name, f"{path}[{index}]") for index, item in enumerate(value)]
        if kind.shape == "map":
            if not isinstance(value, dict):
                raise _wrong(path, f"map of {kind.name}", value)
            return {key: self._one(item, kind.name, f"{path}.{key}") for key, item in value.items()}
        return self._one(value, kind.name, path)

    def _one(self, value: object, name: str, path: str) -> object:
        if name in MESSAGES:
            return self.message(value, name, path)
        if name in ENUMS:
            return _enum(value, name, path)
        return _SCALARS[name](value, path)


def _string(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "TYPE_STRING", value)
    return value


def _bool(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(path, "TYPE_BOOL", value)
    return value


def _int(value: object, path: str) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(path, "TYPE_INT64", value)
    return value


def _number(value: object, path: str) -> float:
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise _wrong(path, "TYPE_FLOAT", value)
    return number


def _bytes(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "TYPE_BYTES", value)
    text = value.translate(_URL_SAFE).rstrip("=")
    text += "=" * (-len(text) % 4)
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        shown = f'Base64 decoding failed for "{value[:_SHOWN]}"'
        raise CloseRefusal(1007, f"Invalid value at '{path}' (TYPE_BYTES), {shown}") from error
    return text


def _struct(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _wrong(path, "google.protobuf.Struct", value)
    return value


def _any(value: object, path: str) -> object:
    return value


_SCALARS: Final[dict[str, Callable[[object, str], object]]] = {
    "string": _string,
    "bool": _bool,
    "int": _int,
    "number": _number,
    "bytes": _bytes,
    "struct": _struct,
    "any": _any,
}


def _enum(value: object, name: str, path: str) -> str:
    names = ENUMS[name]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
        return names[value]
    known = value.upper() if isinstance(value, str) and name in CASE_FREE_ENUMS else value
    if not isinstance(known, str) or known not in names:
        raise _wrong(path, f"type.googleapis.com/{name}", value)
    return known


@cache
def _kind(notation: str) -> _Kind:
    name, _, only = notation.rstrip("!").partition("@")
    shape = {"[": "list", "{": "map"}.get(name[0], "one")
    return _Kind(name.strip("[]{}"), shape, only, nullable=not notation.endswith("!"))


@lru_cache(maxsize=4096)
def _camel(key: str) -> str:
    head, *tail = key.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


@lru_cache(maxsize=4096)
def _snake(key: str) -> str:
    return re.sub("[A-Z]", lambda letter: "_" + letter.group().lower(), key)


def _at(path: str) -> str:
    return f" at '{path}'" if path else ""


def _wrong(path: str, expected: str, value: object) -> CloseRefusal:
    shown = repr(value)[:_SHOWN] if not isinstance(value, str) else f'"{value[:_SHOWN]}"'
    return CloseRefusal(1007, f"Invalid value at '{path}' ({expected}), {shown}")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON.")
