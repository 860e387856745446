"""What a type hint is made of: what it is wrapped in, its alternatives, its words, its items.

The declaration (`hints`) and the reading of arguments (`reading`) both go by these, so that the model is told what
is then understood.
"""

from __future__ import annotations

import collections.abc as abc
import enum
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NewType, Protocol, TypeGuard, Union, get_args, get_origin

if sys.version_info >= (3, 11):
    from typing import NotRequired, Required
else:
    from typing_extensions import NotRequired, Required  # which cattrs brings

__all__ = [
    "allows_null",
    "alternatives",
    "container",
    "has_words",
    "is_anything",
    "is_array",
    "is_class",
    "is_fixed",
    "is_hashable",
    "is_mapping",
    "is_optional",
    "is_union",
    "item_of",
    "name_of",
    "unwrap",
    "value_of",
    "with_mark",
    "word",
    "words",
]

CONTAINERS: Mapping[object, Callable[[Iterable[object]], object]] = {
    list: list,
    abc.MutableSequence: list,
    abc.Sequence: list,
    abc.Collection: list,
    abc.Iterable: list,
    tuple: tuple,
    set: set,
    abc.MutableSet: set,
    abc.Set: set,
    frozenset: frozenset,
}
MAPPINGS = (dict, abc.MutableMapping, abc.Mapping)


def unwrap(hint: object) -> tuple[object, tuple[object, ...]]:
    """A hint without `Annotated`, `NewType`, `type X = ...` and `NotRequired`; and the marks of `Annotated`."""
    if get_origin(hint) is Annotated:
        within, *marks = get_args(hint)
        hint, inner_marks = unwrap(within)
        return hint, (*inner_marks, *marks)
    if isinstance(hint, NewType):
        return unwrap(hint.__supertype__)
    if get_origin(hint) in (Required, NotRequired):
        return unwrap(get_args(hint)[0])
    return unwrap(hint.__value__) if is_alias(hint) else (hint, ())


def with_mark(hint: object, mark: object) -> object:
    """A hint, `Annotated` with a mark unless that is None."""
    return hint if mark is None else Annotated[hint, mark]


class Alias(Protocol):
    __value__: object


def is_alias(hint: object) -> TypeGuard[Alias]:
    """`type X = ...`, of Python 3.12 and of typing_extensions."""
    return type(hint).__name__ == "TypeAliasType"


def name_of(hint: object) -> str:
    """A hint as people write it."""
    return hint.__name__ if is_class(hint) else str(hint).replace("typing.", "")


def is_class(hint: object) -> TypeGuard[type]:
    return isinstance(hint, type) and get_origin(hint) is None  # list[int] passes for a type in Python 3.10


def is_union(hint: object) -> bool:
    return get_origin(hint) in (Union, UnionType)


def alternatives(hint: object) -> list[object]:
    """The members of a union, null aside."""
    return [member for member in get_args(hint) if member is not NoneType]


def is_optional(hint: object) -> bool:
    """Whether None is named among other things."""
    bare, _ = unwrap(hint)
    if is_union(bare):
        return any(allows_null(member) for member in get_args(bare))
    return get_origin(bare) is Literal and None in get_args(bare)


def allows_null(hint: object) -> bool:
    bare, _ = unwrap(hint)
    return bare is NoneType or is_anything(bare) or is_optional(bare)


def is_anything(hint: object) -> bool:
    return hint in (Any, object)


def has_words(hint: object) -> bool:
    """A Literal or an Enum."""
    return get_origin(hint) is Literal or (is_class(hint) and issubclass(hint, enum.Enum))


def words(hint: object) -> dict[str, object]:
    """What the model may write for a Literal or an Enum, and what it stands for.

    The service knows words alone: a number or truth value of a Literal is written as in JSON, and an Enum by its
    values if all are strings, else by its names.
    """
    if get_origin(hint) is Literal:
        return {word(value): value for value in get_args(hint) if value is not None}
    assert is_class(hint)
    assert issubclass(hint, enum.Enum)
    return {word(member): member for member in hint}


def word(value: object) -> str:
    """What the model writes for a value of a Literal or an Enum."""
    if isinstance(value, enum.Enum):
        by_value = all(isinstance(member.value, str) for member in type(value))
        return str(value.value) if by_value else value.name
    return value if isinstance(value, str) else json.dumps(value)


def is_array(hint: object) -> bool:
    return (get_origin(hint) or hint) in CONTAINERS


def is_fixed(hint: object) -> bool:
    """`tuple[str, int]`, not `tuple[str, ...]`."""
    return get_origin(hint) is tuple and get_args(hint)[-1:] not in ((), (...,))


def container(hint: object) -> Callable[[Iterable[object]], object]:
    """What makes the Python value of an array's items."""
    return CONTAINERS[get_origin(hint) or hint]


def item_of(hint: object) -> object:
    """The hint of an array's items; `TypeError` where it has none, for the service asks for it."""
    arguments = get_args(hint)
    if not arguments:
        raise TypeError(f"{name_of(hint)} does not say what it holds, as list[str] does")
    return arguments[0]


def is_hashable(hint: object) -> bool:
    """Whether a set can hold what is read."""
    bare, _ = unwrap(hint)
    if is_union(bare) or is_fixed(bare):
        return all(map(is_hashable, get_args(bare)))
    if is_array(bare):
        return container(bare) in (tuple, frozenset) and is_hashable(item_of(bare))
    return not is_mapping(bare) and (not is_class(bare) or bare.__hash__ is not None)


def is_mapping(hint: object) -> bool:
    return (get_origin(hint) or hint) in MAPPINGS


def value_of(hint: object) -> object:
    """The hint of a mapping's values; `TypeError` for keys that JSON does not have."""
    key, value = get_args(hint) or (str, object)
    if unwrap(key)[0] is not str:
        raise TypeError("the keys of a JSON object are strings")
    return value
