"""The marks of an `Annotated` hint: a description, bounds, and parts of a Schema.

Bounds are those of annotated-types, of `pydantic.Field` and of `msgspec.Meta`, known by their attributes, for none of
these packages is needed.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from livesession.messages.declarations import Schema
from livesession.messages.enums import SchemaType
from livesession.tools.declare.scalar_types import BadValue

__all__ = ["check", "each_alternative", "limits_of", "marked"]

CHECKS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "ge": (operator.ge, "{} or more"),
    "gt": (operator.gt, "more than {}"),
    "le": (operator.le, "{} or less"),
    "lt": (operator.lt, "less than {}"),
    "min_length": (lambda value, limit: len(value) >= limit, "of length {} or more"),
    "max_length": (lambda value, limit: len(value) <= limit, "of length {} or less"),
    "pattern": (lambda value, limit: re.search(limit, value) is not None, "text that matches {}"),
    "enum": (lambda value, limit: value in limit, "one of {}"),
}
IN_SCHEMA = {
    "minimum": "ge",
    "maximum": "le",
    "min_length": "min_length",
    "max_length": "max_length",
    "min_items": "min_length",
    "max_items": "max_length",
    "min_properties": "min_length",
    "max_properties": "max_length",
    "pattern": "pattern",
    "enum": "enum",
}
NUMBER = {"ge": "minimum", "gt": "minimum", "le": "maximum", "lt": "maximum"}
FIELDS: Mapping[object, Mapping[str, str]] = {
    SchemaType.INTEGER: NUMBER,
    SchemaType.NUMBER: NUMBER,
    SchemaType.STRING: {"min_length": "min_length", "max_length": "max_length", "pattern": "pattern", "enum": "enum"},
    SchemaType.ARRAY: {"min_length": "min_items", "max_length": "max_items"},
    SchemaType.OBJECT: {"min_length": "min_properties", "max_length": "max_properties"},
}
"""The field of a Schema that says a bound, by type."""


def limits_of(marks: Iterable[object]) -> dict[str, object]:
    """The bounds among some marks, by their name in CHECKS."""
    found: dict[str, object] = {}
    for mark in spread(marks):
        names = IN_SCHEMA if isinstance(mark, Schema) else {name: name for name in CHECKS}
        bounds = [(limit, getattr(mark, name, None)) for name, limit in names.items()]
        found.update({limit: value for limit, value in bounds if value is not None and value != ()})
    return found


def spread(marks: Iterable[object]) -> Iterator[object]:
    """Marks, and those that `pydantic.Field` holds."""
    for mark in marks:
        yield mark
        inner = getattr(mark, "metadata", None)
        yield from inner if isinstance(inner, list) else ()


def description_of(marks: Iterable[object]) -> str | None:
    """The first text among some marks, or the first `description` of one."""
    texts = (mark if isinstance(mark, str) else getattr(mark, "description", None) for mark in marks)
    return next((text for text in texts if isinstance(text, str)), None)


def check(value: object, limits: Mapping[str, object]) -> object:
    """The value; raises `BadValue` where it is out of bounds. None is in all bounds."""
    for name, limit in limits.items():
        is_within, expected = CHECKS[name]
        if value is not None and not is_within(value, limit):
            raise BadValue(expected.format(limit), value)
    return value


def each_alternative(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Changes a schema, or each alternative: Vertex AI allows nothing beside `any_of`."""
    if not schema.any_of:
        return change(schema)
    return attrs.evolve(schema, any_of=[change(alternative) for alternative in schema.any_of])


def marked(schema: Schema, marks: tuple[object, ...]) -> Schema:
    """A schema with what the marks add; `TypeError` for a bound that its type does not have."""

    def add(schema: Schema) -> Schema:
        for mark in marks:
            schema = with_set_fields(schema, mark) if isinstance(mark, Schema) else schema
        return described(bounded(schema, limits_of(marks)), description_of(marks))

    return each_alternative(schema, add)


def with_set_fields(schema: Schema, other: Schema) -> Schema:
    fields = {field.name: (getattr(other, field.name), field.default) for field in attrs.fields(Schema)}
    return attrs.evolve(schema, **{name: value for name, (value, default) in fields.items() if value != default})


def bounded(schema: Schema, limits: Mapping[str, object]) -> Schema:
    fields = FIELDS.get(schema.type, {})
    told: dict[str, Any] = {}
    for limit, value in limits.items():
        if limit not in fields:
            raise TypeError(f"the bound {limit!r} does not fit the type {schema.type}")
        told[fields[limit]] = closest(schema, limit, value)
    return attrs.evolve(schema, **told)


def closest(schema: Schema, limit: str, value: object) -> object:
    """The bound that a Schema can say: it knows no "more than" and "less than"."""
    if isinstance(value, (int, float)) and schema.type == SchemaType.INTEGER and limit in ("gt", "lt"):
        return math.floor(value) + 1 if limit == "gt" else math.ceil(value) - 1
    return value


def described(schema: Schema, text: str | None) -> Schema:
    """With the text before what the type says of itself."""
    if text is None or text == schema.description:
        return schema
    return attrs.evolve(schema, description=f"{text} {schema.description}" if schema.description else text)
