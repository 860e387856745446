"""The cattrs converter of the Live protocol: which JSON belongs to which class.

One converter serves both directions. It knows four rules beside the scalars: names are camelCase, with the other
spellings that servers use read as well; null and default values are left out; an enum value that is not known stays
the string it is; and a JSON object that belongs to the user passes through as it is.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Annotated, Union, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from livesession.codec import json_scalars as scalars
from livesession.messages.declarations import Schema
from livesession.messages.enums import WireEnum
from livesession.messages.fields import NULL_MEANS, Duration, DurationOrZero, JSONObject, other_names, wire_name

__all__ = ["converter"]

Structure = Callable[[object, object], object]


def is_union(target: object) -> bool:
    return get_origin(target) in (Union, types.UnionType)


def members(target: object) -> list[object]:
    """The alternatives of a union, null aside."""
    return [member for member in get_args(target) if member is not type(None)] if is_union(target) else []


def is_open_enum(target: object) -> bool:
    """`Modality | str`, and the same or None."""
    return str in members(target) and any(isinstance(m, type) and issubclass(m, WireEnum) for m in members(target))


def is_tuple(target: object) -> bool:
    origin: object = get_origin(target)
    return origin is tuple


def is_duration(target: object) -> bool:
    return get_origin(target) is Annotated and Duration in get_args(target)


def is_duration_or_zero(target: object) -> bool:
    return get_origin(target) is Annotated and DurationOrZero in get_args(target)


def is_user_data(target: object) -> bool:
    """Whether a type is the user's own: a JSON object, or any value; also in a union."""
    return any(member in (JSONObject, object) for member in members(target) or [target])


def open_enum_reader(target: object) -> Structure:
    [enum] = [m for m in members(target) if isinstance(m, type) and issubclass(m, WireEnum)]
    known = {member.value: member for member in enum}

    def read(value: object, _: object) -> object:
        if isinstance(value, (dict, list)):
            raise TypeError(f"expected a name, got {type(value).__name__}")
        return known.get(text := str(value), text)

    return read


def read_user_data(value: object, target: object) -> object:
    if object not in (members(target) or [target]) and not isinstance(value, dict):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return value


def write_user_data(value: object) -> object:
    return converter.unstructure(value) if isinstance(value, Schema) else value


def tuple_reader(target: object) -> Structure:
    item = get_args(target)[0]
    read_item = converter.get_structure_hook(item)

    def read(value: object, _: object) -> object:
        if not isinstance(value, list):
            raise TypeError(f"expected a list, got {type(value).__name__}")
        return tuple([read_item(element, item) for element in value])

    return read


def class_reader(cls: type[attrs.AttrsInstance]) -> Structure:
    """Reads an object: nulls count as absent, other spellings as the canonical one, unknown members are ignored."""
    fields = attrs.fields(attrs.resolve_types(cls))
    aliases = {name: wire_name(field) for field in fields for name in other_names(field)}
    nulls = {wire_name(field): field.metadata[NULL_MEANS] for field in fields if NULL_MEANS in field.metadata}
    renamed = {field.name: override(rename=wire_name(field)) for field in fields}
    structure = make_dict_structure_fn(cls, converter, **renamed)  # type: ignore[arg-type]  # names are no options

    def read(value: object, _: object) -> object:
        if not isinstance(value, dict):
            raise TypeError(f"expected an object, got {type(value).__name__}")
        if not aliases.keys().isdisjoint(value) or None in value.values():
            value = canonical(value, aliases, nulls)
        return structure(value, cls)

    return read


def canonical(value: dict[str, object], aliases: Mapping[str, str], nulls: Mapping[str, object]) -> dict[str, object]:
    meant = {name: nulls.get(aliases.get(name, name)) if member is None else member for name, member in value.items()}
    present = {name: member for name, member in meant.items() if member is not None}
    other = {aliases[name]: present.pop(name) for name in list(present) if name in aliases}
    return other | present


def class_writer(cls: type[attrs.AttrsInstance]) -> Callable[[object], object]:
    """Writes an object without its empty members; a default that says something is written."""
    renamed = {
        field.name: override(rename=wire_name(field), omit_if_default=is_empty_by_default(field))
        for field in attrs.fields(attrs.resolve_types(cls))
    }
    return make_dict_unstructure_fn(cls, converter, **renamed)  # type: ignore[arg-type]  # names are no options


def is_empty_by_default(field: attrs.Attribute[object]) -> bool:
    return isinstance(field.default, attrs.Factory) or not field.default  # type: ignore[arg-type]


def make_converter() -> Converter:
    made = Converter(forbid_extra_keys=False)
    made.register_structure_hook(bytes, lambda value, _: scalars.read_base64(value))
    made.register_structure_hook(bool, lambda value, _: scalars.read_bool(value))
    made.register_structure_hook(int, lambda value, _: scalars.read_int(value))
    made.register_structure_hook(float, lambda value, _: scalars.read_float(value))
    made.register_structure_hook(str, lambda value, _: scalars.read_str(value))
    made.register_unstructure_hook(bytes, scalars.format_base64)
    made.register_structure_hook_factory(attrs.has, class_reader)
    made.register_unstructure_hook_factory(attrs.has, class_writer)
    made.register_structure_hook_factory(is_tuple, tuple_reader)
    made.register_structure_hook_factory(is_open_enum, open_enum_reader)
    made.register_structure_hook_func(is_duration, lambda value, _: scalars.read_duration(value))
    made.register_structure_hook_func(is_duration_or_zero, lambda value, _: scalars.read_duration_or_zero(value))
    made.register_unstructure_hook_func(is_duration, scalars.format_duration)
    made.register_unstructure_hook_func(is_duration_or_zero, scalars.format_duration)
    made.register_structure_hook_func(is_user_data, read_user_data)
    made.register_unstructure_hook_func(is_user_data, write_user_data)
    return made


converter = make_converter()
