"""What an object is made of: the parameters of a function, or the fields of a class."""

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

__all__ = ["Member", "Model", "has_members", "is_model", "members_of"]

LEFT_OUT = Factory(type(None))
"""The default of what may be left out without anything in its place."""


@frozen
class Member:
    """A parameter, or a field.

    Attributes:
        name: Its name.
        hint: Its type.
        default: What counts where it is not given; NOTHING where it must be.
    """

    name: str
    hint: object
    default: object = NOTHING

    @property
    def is_required(self) -> bool:
        return self.default is NOTHING


class NamedTupleType(Protocol):
    """What every NamedTuple has."""

    _fields: tuple[str, ...]
    _field_defaults: Mapping[str, object]


class ModelField(Protocol):
    """The part of `pydantic.fields.FieldInfo` that is used; the package itself is not needed."""

    annotation: object
    alias: str | None
    default: object

    def is_required(self) -> bool: ...


class Model(Protocol):
    """The same of `pydantic.BaseModel`."""

    model_fields: Mapping[str, ModelField]

    @classmethod
    def model_validate(cls, obj: object) -> object: ...


def is_attrs_class(hint: object) -> bool:
    return is_class(hint) and attrs.has(hint)


def is_dataclass(hint: object) -> bool:
    return is_class(hint) and dataclasses.is_dataclass(hint)


def is_named_tuple(hint: object) -> bool:
    return is_class(hint) and issubclass(hint, tuple) and hasattr(hint, "_field_defaults")


def is_model(hint: object) -> bool:
    """A model of pydantic."""
    return is_class(hint) and hasattr(hint, "model_fields") and hasattr(hint, "model_validate")


def of_attrs_class(cls: type) -> list[Member]:
    fields: Iterable[attrs.Attribute[object]] = attrs.fields(attrs.resolve_types(cls))
    return [Member(field.alias or field.name, field.type or object, field.default) for field in fields if field.init]


def of_dataclass(cls: type) -> list[Member]:
    hints = get_type_hints(cls, include_extras=True)
    for name, hint in hints.items():
        is_init_var = isinstance(hint, dataclasses.InitVar) or hint is dataclasses.InitVar
        if is_init_var and not hasattr(cls, name):  # one with a default is in the class
            raise TypeError(f"{name} is an InitVar without a default, of which the model is not told; a field is")
    return [Member(field.name, hints[field.name], default_of(field)) for field in dataclasses.fields(cls) if field.init]


def default_of(field: dataclasses.Field[object]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return Factory(field.default_factory)
    return NOTHING if field.default is dataclasses.MISSING else field.default


def of_typed_dict(cls: type) -> list[Member]:
    required: frozenset[str] = getattr(cls, "__required_keys__", frozenset())

    def is_required(name: str, hint: object) -> bool:
        # The class itself sees no qualifier that is text, as all are under `from __future__ import annotations`.
        qualifier = get_origin(hint)
        return qualifier is Required or (qualifier is not NotRequired and name in required)

    hints = get_type_hints(cls, include_extras=True)
    return [Member(name, hint, NOTHING if is_required(name, hint) else LEFT_OUT) for name, hint in hints.items()]


def of_named_tuple(cls: type[NamedTupleType]) -> list[Member]:
    hints = get_type_hints(cls, include_extras=True)
    return [Member(name, hints.get(name, object), cls._field_defaults.get(name, NOTHING)) for name in cls._fields]


def of_model(cls: type[Model]) -> list[Member]:
    return [
        Member(
            field.alias or name,
            with_mark(field.annotation, field),  # which has the description, and the bounds
            NOTHING if field.is_required() else field.default,
        )
        for name, field in cls.model_fields.items()
    ]


KINDS: list[tuple[Callable[[object], bool], Callable[[Any], list[Member]]]] = [
    (is_attrs_class, of_attrs_class),
    (is_dataclass, of_dataclass),
    (is_typeddict, of_typed_dict),
    (is_named_tuple, of_named_tuple),
    (is_model, of_model),
]


def has_members(hint: object) -> bool:
    """An attrs class, a dataclass, a TypedDict, a NamedTuple or a model of pydantic."""
    return any(applies(hint) for applies, _ in KINDS)


def members_of(cls: type) -> list[Member]:
    """The fields of such a class."""
    read = next(read for applies, read in KINDS if applies(cls))
    return read(cls)
