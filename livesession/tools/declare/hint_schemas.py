"""Schemas made of type hints, which tell the model what a parameter takes.

The service reads a subset of OpenAPI: each schema needs a type, an array needs the schema of its items, and nothing may
stand beside `any_of`; so descriptions and bounds are put into each alternative.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterable
from typing import get_args

import attrs

from livesession.messages.declarations import Schema
from livesession.messages.enums import SchemaType
from livesession.tools.declare.annotated_limits import each_alternative, with_marks
from livesession.tools.declare.members import Member, has_members, members_of
from livesession.tools.declare.scalar_types import SCALARS
from livesession.tools.declare.type_forms import (
    alternatives,
    choice_name,
    choices,
    container,
    is_any,
    is_array,
    is_choice,
    is_class,
    is_fixed_tuple,
    is_hashable,
    is_mapping,
    is_optional,
    is_union,
    item_hint,
    name_of,
    unwrap,
    value_hint,
)

__all__ = ["object_schema", "schema_of"]

Within = tuple[object, ...]
"""The hints that a hint is nested in. None of them may come again: a Schema cannot refer to itself."""


def schema_of(hint: object, within: Within = ()) -> Schema:
    """Makes the schema of a hint. Raises `TypeError` for a type that a Schema cannot express."""
    bare, marks = unwrap(hint)
    if bare in within:
        raise TypeError(f"{name_of(bare)} holds itself, which a Schema cannot say")
    schema = with_marks(bare_schema(bare, (*within, bare)), marks)
    if schema.type is None and not schema.any_of:
        raise TypeError(f"{name_of(bare)} says nothing; a Schema can, in Annotated[{name_of(bare)}, Schema(...)]")
    return schema


def bare_schema(hint: object, within: Within) -> Schema:
    """Makes the schema without marks. That of Any has no type, which a mark may add."""
    if is_class(hint) and hint in SCALARS:
        return SCALARS[hint].schema
    for applies, make in KINDS:
        if applies(hint):
            return make(hint, within)
    if not is_any(hint):
        raise TypeError(f"{name_of(hint)} has no counterpart in JSON")
    return Schema()


def union_schema(hint: object, within: Within) -> Schema:
    schemas = [schema_of(each, within) for each in alternatives(hint)]
    # A union within a union makes one `any_of`.
    flat = [part for schema in schemas for part in (schema.any_of or (schema,))]
    schema = flat[0] if len(flat) == 1 else Schema(any_of=flat)
    return each_alternative(schema, nullable) if is_optional(hint) else schema


def nullable(schema: Schema) -> Schema:
    return attrs.evolve(schema, nullable=True)


def choice_schema(hint: object, within: Within) -> Schema:
    # The name of an Enum often says what its values have in common.
    title = name_of(hint) if is_class(hint) else None
    schema = Schema(type=SchemaType.STRING, enum=tuple(choices(hint)), title=title)
    return nullable(schema) if is_optional(hint) else schema


def array_schema(hint: object, within: Within) -> Schema:
    item = item_hint(hint)
    if container(hint) in (set, frozenset) and not is_hashable(item):
        raise TypeError(f"a set cannot hold {name_of(item)}, which is not hashable; a list can")
    return Schema(type=SchemaType.ARRAY, items=schema_of(item, within))


def tuple_schema(hint: object, within: Within) -> Schema:
    """Makes the schema of an array of fixed length; its description tells the order of the types."""
    items = [schema_of(item, within) for item in get_args(hint)]
    # Each schema once; not by a set, as schemas with properties have no hash.
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
    """Makes the schema of an object without properties: a Schema cannot express the type of its values."""
    value = value_hint(hint)
    if not is_any(value):
        schema_of(value, within)  # raises what reading such a value would raise in the first call
    return Schema(type=SchemaType.OBJECT)


def class_schema(hint: object, within: Within) -> Schema:
    assert is_class(hint)
    return object_schema(members_of(hint), within)


def object_schema(members: Iterable[Member], within: Within = ()) -> Schema:
    """Makes the schema of an object. Raises `TypeError`, which names the member, for one that cannot be expressed."""
    members = list(members)
    properties = {member.name: member_schema(member, within) for member in members}
    required = [member.name for member in members if member.is_required]
    return Schema(type=SchemaType.OBJECT, properties=properties or None, required=required)


def member_schema(member: Member, within: Within) -> Schema:
    try:
        schema = schema_of(member.hint, within)
    except TypeError as error:
        raise TypeError(f"{member.name}: {error}") from error
    if member.default is None:  # null then means the same as leaving the member out
        return each_alternative(schema, nullable)
    if member.is_required or schema.any_of:  # beside which no default may stand
        return schema
    return attrs.evolve(schema, default=as_json(member.default))


def as_json(default: object) -> object:
    """Converts a default to JSON; None where that cannot be done, which leaves the default out."""
    if isinstance(default, enum.Enum):
        return choice_name(default)
    try:
        json.dumps(default, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return default


# The first kind that applies counts: a fixed tuple is an array too.
KINDS: list[tuple[Callable[[object], bool], Callable[[object, Within], Schema]]] = [
    (is_union, union_schema),
    (is_choice, choice_schema),
    (is_fixed_tuple, tuple_schema),
    (is_array, array_schema),
    (is_mapping, mapping_schema),
    (has_members, class_schema),
]
