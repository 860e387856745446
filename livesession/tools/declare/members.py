"""Members of JSON objects: the parameters of a function, or the fields of a class."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, get_origin, get_type_hints

import attrs
from attrs import NOTHING, Factory, frozen

from livesession.tools.declare.type_forms import is_class, with_mark

if sys.version_info >= (3, 11):
    from typing import NotRequired, Required, is_typeddict
else:
    from typing_extensions import NotRequired, Required, is_typeddict  # which cattrs brings

__all__ = ["Member", "PydanticModel", "has_members", "is_pydantic_model", "members_of"]

LEFT_OUT = Factory(type(None))
"""The default of a TypedDict's key that may be left out: no value takes its place."""


@frozen
class Member:
    """A parameter, or a field.

    Attributes:
        name: Its name in JSON.
        hint: Its type hint.
        default: The value where none is given, or an attrs `Factory` that makes it; NOTHING where one is required.
    """

    name: str
    hint: object
    default: object = NOTHING

    @property
    def is_required(self) -> bool:
        return self.default is NOTHING


class NamedTupleType(Protocol):
    """A class made by `typing.NamedTuple`."""

    _fields: tuple[str, ...]
    _field_defaults: Mapping[str, object]


class PydanticField(Protocol):
    """The part of `pydantic.fields.FieldInfo` that is used here; the package itself is not required."""

    annotation: object
    alias: str | None
    default: object

    def is_required(self) -> bool: ...


class PydanticModel(Protocol):
    """The part of `pydantic.BaseModel` that is used here."""

    model_fields: Mapping[str, PydanticField]

    @classmethod
    def model_validate(cls, obj: object) -> object: ...


def is_attrs_class(hint: object) -> bool:
    return is_class(hint) and attrs.has(hint)


def is_dataclass(hint: object) -> bool:
    return is_class(hint) and dataclasses.is_dataclass(hint)


def is_named_tuple(hint: object) -> bool:
    return is_class(hint) and issubclass(hint, tuple) and hasattr(hint, "_field_defaults")


def is_pydantic_model(hint: object) -> bool:
    """Whether a hint is a pydantic model."""
    return is_class(hint) and hasattr(hint, "model_fields") and hasattr(hint, "model_validate")


def attrs_members(cls: type) -> list[Member]:
    # Types may be text. The alias is the name in the constructor: `number` for a field `_number`.
    fields: Iterable[attrs.Attribute[object]] = attrs.fields(attrs.resolve_types(cls))
    return [Member(field.alias or field.name, field.type or object, field.default) for field in fields if field.init]


def dataclass_members(cls: type) -> list[Member]:
    hints = get_type_hints(cls, include_extras=True)
    for name, hint in hints.items():
        is_init_var = isinstance(hint, dataclasses.InitVar) or hint is dataclasses.InitVar
        if is_init_var and not hasattr(cls, name):  # the default of an InitVar is an attribute of the class
            raise TypeError(f"{name} is an InitVar without a default, of which the model is not told; a field is")
    return [Member(field.name, hints[field.name], default_of(field)) for field in dataclasses.fields(cls) if field.init]


def default_of(field: dataclasses.Field[object]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return Factory(field.default_factory)
    return NOTHING if field.default is dataclasses.MISSING else field.default


def typed_dict_members(cls: type) -> list[Member]:
    required: frozenset[str] = getattr(cls, "__required_keys__", frozenset())

    def is_required(name: str, hint: object) -> bool:
        # Under `from __future__ import annotations` qualifiers are text, which __required_keys__ does not regard.
        qualifier = get_origin(hint)
        return qualifier is Required or (qualifier is not NotRequired and name in required)

    hints = get_type_hints(cls, include_extras=True)
    return [Member(name, hint, NOTHING if is_required(name, hint) else LEFT_OUT) for name, hint in hints.items()]


def named_tuple_members(cls: type[NamedTupleType]) -> list[Member]:
    hints = get_type_hints(cls, include_extras=True)
    return [Member(name, hints.get(name, object), cls._field_defaults.get(name, NOTHING)) for name in cls._fields]


def pydantic_members(cls: type[PydanticModel]) -> list[Member]:
    return [
        Member(
            field.alias or name,
            with_mark(field.annotation, field),  # the FieldInfo holds the description and the bounds
            NOTHING if field.is_required() else field.default,
        )
        for name, field in cls.model_fields.items()
    ]


# The first kind that applies counts.
KINDS: list[tuple[Callable[[object], bool], Callable[[Any], list[Member]]]] = [
    (is_attrs_class, attrs_members),
    (is_dataclass, dataclass_members),
    (is_typeddict, typed_dict_members),
    (is_named_tuple, named_tuple_members),
    (is_pydantic_model, pydantic_members),
]


def has_members(hint: object) -> bool:
    """Whether a hint is an attrs class, a dataclass, a TypedDict, a NamedTuple or a pydantic model."""
    return any(applies(hint) for applies, _ in KINDS)


def members_of(cls: type) -> list[Member]:
    """Lists the fields of such a class. Raises `TypeError` for a dataclass with an InitVar that has no default."""
    read = next(read for applies, read in KINDS if applies(cls))
    return read(cls)
