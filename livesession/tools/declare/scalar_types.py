"""Types that are one JSON string, number, boolean or null: their schemas and their readers."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from attrs import frozen

from livesession.codec.json_scalars import read_base64
from livesession.messages.declarations import Schema
from livesession.messages.enums import SchemaType

__all__ = ["SCALARS", "BadValue", "Scalar", "excerpt"]

EXCERPT = 80  # characters


def excerpt(value: object) -> str:
    """The beginning of a value as JSON, for messages."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 3]}..."


class BadValue(ValueError):
    """A value that a hint does not allow.

    Attributes:
        expected: The values that it allows, in words.
    """

    def __init__(self, expected: str, value: object) -> None:
        super().__init__(f"must be {expected}, not {excerpt(value)}")
        self.expected = expected


def read_null(value: object) -> None:
    if value is not None:
        raise BadValue("null", value)


def read_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadValue("true or false", value)
    return value


def read_int(value: object) -> int:
    """Reads a number without decimals: models write `3.0` for 3."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):  # in Python True is an int
        raise BadValue("an integer", value)
    return value


def read_float(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise BadValue("a number", value)
    return float(value)


def read_decimal(value: object) -> Decimal:
    read_float(value)
    return Decimal(str(value))  # 0.1 as it was written, where Decimal(0.1) has 55 digits


def read_text(value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("a string", value)
    return value


def parser(parse: Callable[[str], object], expected: str) -> Callable[[object], object]:
    """Makes a reader of strings of some form; `expected` describes that in errors."""

    def read(value: object) -> object:
        try:
            return parse(read_text(value))
        except ValueError:
            raise BadValue(expected, value) from None

    return read


def parse_datetime(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not know the Z


@frozen
class Scalar:
    """The JSON form of a type.

    Attributes:
        schema: Its schema for the model.
        read: Converts JSON to a value of the type, or raises `BadValue`.
    """

    schema: Schema
    read: Callable[[object], object]


def text_scalar(parse: Callable[[str], object], expected: str, format: str | None = None) -> Scalar:
    """A type that is written as a string. Its description tells the form: the service knows no format but date-time."""
    description = None if format else f"As {expected}."
    return Scalar(Schema(type=SchemaType.STRING, description=description, format=format), parser(parse, expected))


SCALARS: Mapping[type, Scalar] = {
    str: Scalar(Schema(type=SchemaType.STRING), read_text),
    int: Scalar(Schema(type=SchemaType.INTEGER), read_int),
    float: Scalar(Schema(type=SchemaType.NUMBER), read_float),
    bool: Scalar(Schema(type=SchemaType.BOOLEAN), read_bool),
    types.NoneType: Scalar(Schema(type=SchemaType.NULL), read_null),
    Decimal: Scalar(Schema(type=SchemaType.NUMBER), read_decimal),
    bytes: text_scalar(read_base64, "base64"),
    datetime: text_scalar(parse_datetime, "a date and time such as 2030-01-31T09:30:00Z", format="date-time"),
    date: text_scalar(date.fromisoformat, "a date such as 2030-01-31"),
    time: text_scalar(time.fromisoformat, "a time such as 09:30:00"),
    UUID: text_scalar(UUID, "a UUID"),
    Path: Scalar(Schema(type=SchemaType.STRING), lambda value: Path(read_text(value))),
}
