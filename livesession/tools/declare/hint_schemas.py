"""Type hints as schemas: what the model is told of a parameter.

The service reads a subset of OpenAPI. A type must stand everywhere, arrays must say what they hold, and beside
`any_of` nothing may stand; so what a hint says is put into each alternative.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterable
from typing import get_args

import attrs

from livesession.messages.declarations import Schema
from livesession.messages.enums import SchemaType
from livesession.tools.declare.annotated_limits import each_alternative, marked
from livesession.tools.declare.members import Member, has_members, members_of
from livesession.tools.declare.scalar_types import SCALARS
from livesession.tools.declare.type_forms import (
    alternatives,
    container,
    has_words,
    is_anything,
    is_array,
    is_class,
    is_fixed,
    is_hashable,
    is_mapping,
    is_optional,
    is_union,
    item_of,
    name_of,
    unwrap,
    value_of,
    word,
    words,
)

__all__ = ["object_schema", "schema_of"]

Within = tuple[object, ...]
"""The hints that a hint stands in: none of them may come again."""


def schema_of(hint: object, within: Within = ()) -> Schema:
    """What the model is told of a value of this type; raises `TypeError` where there is no way to say it."""
    bare, marks = unwrap(hint)
    if bare in within:
        raise TypeError(f"{name_of(bare)} holds itself, which a Schema cannot say")
    schema = marked(bare_schema(bare, (*within, bare)), marks)
    if schema.type is None and not schema.any_of:
        raise TypeError(f"{name_of(bare)} says nothing; a Schema can, in Annotated[{name_of(bare)}, Schema(...)]")
    return schema


def bare_schema(hint: object, within: Within) -> Schema:
    """A schema; one without a type for what may be anything, to which the marks may yet give one."""
    if is_class(hint) and hint in SCALARS:
        return SCALARS[hint].schema
    for applies, make in KINDS:
        if applies(hint):
            return make(hint, within)
    if not is_anything(hint):
        raise TypeError(f"{name_of(hint)} has no counterpart in JSON")
    return Schema()


def union_schema(hint: object, within: Within) -> Schema:
    schemas = [schema_of(each, within) for each in alternatives(hint)]
    flat = [part for schema in schemas for part in (schema.any_of or (schema,))]
    schema = flat[0] if len(flat) == 1 else Schema(any_of=flat)
    return each_alternative(schema, nullable) if is_optional(hint) else schema


def nullable(schema: Schema) -> Schema:
    return attrs.evolve(schema, nullable=True)


def words_schema(hint: object, within: Within) -> Schema:
    title = name_of(hint) if is_class(hint) else None
    schema = Schema(type=SchemaType.STRING, enum=tuple(words(hint)), title=title)
    return nullable(schema) if is_optional(hint) else schema


def array_schema(hint: object, within: Within) -> Schema:
    item = item_of(hint)
    if container(hint) in (set, frozenset) and not is_hashable(item):
        raise TypeError(f"a set cannot hold {name_of(item)}, which is not hashable; a list can")
    return Schema(type=SchemaType.ARRAY, items=schema_of(item, within))


def tuple_schema(hint: object, within: Within) -> Schema:
    """An array of a certain length; which item has which type is told in words."""
    items = [schema_of(item, within) for item in get_args(hint)]
    kinds = [item for at, item in enumerate(items) if item not in items[:at]]
    any_of = [part for kind in kinds for part in (kind.any_of or (kind,))]
    order = f"In this order: {', '.join(name_of(item) for item in get_args(hint))}."
    return Schema(
        type=SchemaType.ARRAY,
        description=order if len(kinds) > 1 else None,
        items=Schema(any_of=any_of) if len(kinds) > 1 else kinds[0],
        min_items=len(items),
        max_items=len(items),
    )


def mapping_schema(hint: object, within: Within) -> Schema:
    """An object without properties: a Schema cannot say what its values are, but that they can be read is checked."""
    value = value_of(hint)
    if not is_anything(value):
        schema_of(value, within)
    return Schema(type=SchemaType.OBJECT)


def class_schema(hint: object, within: Within) -> Schema:
    assert is_class(hint)
    return object_schema(members_of(hint), within)


def object_schema(members: Iterable[Member], within: Within = ()) -> Schema:
    """What the model is told of an object; `TypeError`, which names the member, where there is no way to say it."""
    members = list(members)
    properties = {member.name: member_schema(member, within) for member in members}
    required = [member.name for member in members if member.is_required]
    return Schema(type=SchemaType.OBJECT, properties=properties or None, required=required)


def member_schema(member: Member, within: Within) -> Schema:
    try:
        schema = schema_of(member.hint, within)
    except TypeError as error:
        raise TypeError(f"{member.name}: {error}") from error
    if member.default is None:
        return each_alternative(schema, nullable)
    if member.is_required or schema.any_of:
        return schema
    return attrs.evolve(schema, default=as_json(member.default))


def as_json(default: object) -> object:
    """A default as the model would write it; None where JSON has no way to."""
    if isinstance(default, enum.Enum):
        return word(default)
    try:
        json.dumps(default, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return default


KINDS: list[tuple[Callable[[object], bool], Callable[[object, Within], Schema]]] = [
    (is_union, union_schema),
    (has_words, words_schema),
    (is_fixed, tuple_schema),
    (is_array, array_schema),
    (is_mapping, mapping_schema),
    (has_members, class_schema),
]
