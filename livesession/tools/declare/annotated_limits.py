"""The marks of an `Annotated` hint: a description, bounds, and parts of a Schema.

Bounds are those of annotated-types, of `pydantic.Field` and of `msgspec.Meta`. They are recognised by their attributes,
since none of these packages is required.
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

__all__ = ["check", "each_alternative", "limits_of", "with_marks"]

# For each bound the comparison of a value with it, and the words for the model when that fails.
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
# The bounds that a Schema among the marks sets, by the names of its fields.
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
# A Schema has inclusive bounds alone. An exclusive one is converted for integers, and told inexactly for numbers.
NUMBER = {"ge": "minimum", "gt": "minimum", "le": "maximum", "lt": "maximum"}
SCHEMA_FIELDS: Mapping[object, Mapping[str, str]] = {
    SchemaType.INTEGER: NUMBER,
    SchemaType.NUMBER: NUMBER,
    SchemaType.STRING: {"min_length": "min_length", "max_length": "max_length", "pattern": "pattern", "enum": "enum"},
    SchemaType.ARRAY: {"min_length": "min_items", "max_length": "max_items"},
    SchemaType.OBJECT: {"min_length": "min_properties", "max_length": "max_properties"},
}
"""The field of a Schema for each bound, by the schema's type."""


def limits_of(marks: Iterable[object]) -> dict[str, object]:
    """Finds the bounds among some marks; by name, as in CHECKS."""
    found: dict[str, object] = {}
    for mark in each_mark(marks):
        names = IN_SCHEMA if isinstance(mark, Schema) else {name: name for name in CHECKS}
        bounds = [(limit, getattr(mark, name, None)) for name, limit in names.items()]
        # The enum of a Schema that has none is an empty tuple.
        found.update({limit: value for limit, value in bounds if value is not None and value != ()})
    return found


def each_mark(marks: Iterable[object]) -> Iterator[object]:
    """Yields the marks, and those that a `pydantic.Field` among them holds."""
    for mark in marks:
        yield mark
        # pydantic keeps the bounds of Field(ge=0) as objects of annotated-types in a list.
        inner = getattr(mark, "metadata", None)
        yield from inner if isinstance(inner, list) else ()


def description_of(marks: Iterable[object]) -> str | None:
    """Finds the first mark that is a text or has a `description`."""
    texts = (mark if isinstance(mark, str) else getattr(mark, "description", None) for mark in marks)
    return next((text for text in texts if isinstance(text, str)), None)


def check(value: object, limits: Mapping[str, object]) -> object:
    """Returns the value; raises `BadValue` where it is out of bounds. None is within all bounds."""
    for name, limit in limits.items():
        is_within, expected = CHECKS[name]
        if value is not None and not is_within(value, limit):
            raise BadValue(expected.format(limit), value)
    return value


def each_alternative(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Changes a schema, or each of its alternatives: Vertex AI allows nothing beside `any_of`."""
    if not schema.any_of:
        return change(schema)
    return attrs.evolve(schema, any_of=[change(alternative) for alternative in schema.any_of])


def with_marks(schema: Schema, marks: tuple[object, ...]) -> Schema:
    """Adds the marks to a schema. Raises `TypeError` for a bound that does not fit its type."""

    def add(schema: Schema) -> Schema:
        for mark in marks:
            schema = with_set_fields(schema, mark) if isinstance(mark, Schema) else schema
        return with_description(with_bounds(schema, limits_of(marks)), description_of(marks))

    return each_alternative(schema, add)


def with_set_fields(schema: Schema, other: Schema) -> Schema:
    """Copies the fields that are set in another schema."""
    fields = {field.name: (getattr(other, field.name), field.default) for field in attrs.fields(Schema)}
    return attrs.evolve(schema, **{name: value for name, (value, default) in fields.items() if value != default})


def with_bounds(schema: Schema, limits: Mapping[str, object]) -> Schema:
    fields = SCHEMA_FIELDS.get(schema.type, {})
    set_fields: dict[str, Any] = {}
    for limit, value in limits.items():
        if limit not in fields:
            raise TypeError(f"the bound {limit!r} does not fit the type {schema.type}")
        set_fields[fields[limit]] = schema_bound(schema, limit, value)
    return attrs.evolve(schema, **set_fields)


def schema_bound(schema: Schema, limit: str, value: object) -> object:
    """Converts a bound to one that a Schema has: it has no "more than" and no "less than"."""
    if isinstance(value, (int, float)) and schema.type == SchemaType.INTEGER and limit in ("gt", "lt"):
        return math.floor(value) + 1 if limit == "gt" else math.ceil(value) - 1
    return value


def with_description(schema: Schema, text: str | None) -> Schema:
    """Puts a text before the description that the type brings along."""
    if text is None or text == schema.description:
        return schema
    return attrs.evolve(schema, description=f"{text} {schema.description}" if schema.description else text)
