"""Analysis of type hints: wrappers, alternatives of a union, choices of a Literal or an Enum, items of an array.

Schemas (`hint_schemas`) and readers (`hint_readers`) are both made with these functions, so the model is told exactly
what is read afterwards.
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
    "choice_name",
    "choices",
    "container",
    "is_any",
    "is_array",
    "is_choice",
    "is_class",
    "is_fixed_tuple",
    "is_hashable",
    "is_mapping",
    "is_optional",
    "is_union",
    "item_hint",
    "name_of",
    "unwrap",
    "value_hint",
    "with_mark",
]

# Abstract kinds of arrays are read as the class that most functions expect.
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
    """Splits a hint into the bare type, without `Annotated`, `NewType`, `type X = ...` and `NotRequired`, and marks.

    Marks are the further arguments of `Annotated`, the innermost first.
    """
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
    """Wraps a hint in `Annotated` with a mark, unless that is None."""
    return hint if mark is None else Annotated[hint, mark]


class AliasType(Protocol):
    """A type alias made by `type X = ...`."""

    __value__: object


def is_alias(hint: object) -> TypeGuard[AliasType]:
    """Whether a hint is a `type X = ...`, of Python 3.12 or of typing_extensions."""
    return type(hint).__name__ == "TypeAliasType"  # two classes, and `typing` has none before Python 3.12


def name_of(hint: object) -> str:
    """A hint as it is written in code."""
    return hint.__name__ if is_class(hint) else str(hint).replace("typing.", "")


def is_class(hint: object) -> TypeGuard[type]:
    """Whether a hint is a class, or a subclass of one."""
    return isinstance(hint, type) and get_origin(hint) is None  # list[int] passes for a type in Python 3.10


def is_union(hint: object) -> bool:
    """Whether a hint is a union."""
    return get_origin(hint) in (Union, UnionType)  # Union[int, str], and int | str


def alternatives(hint: object) -> list[object]:
    """The members of a union, without None."""
    return [member for member in get_args(hint) if member is not NoneType]


def is_optional(hint: object) -> bool:
    """Whether a hint is a union or a Literal with None in it."""
    bare, _ = unwrap(hint)
    if is_union(bare):
        return any(allows_null(member) for member in get_args(bare))
    return get_origin(bare) is Literal and None in get_args(bare)


def allows_null(hint: object) -> bool:
    """Whether None is one of the alternatives of a hint."""
    bare, _ = unwrap(hint)
    return bare is NoneType or is_any(bare) or is_optional(bare)


def is_any(hint: object) -> bool:
    """Whether a hint allows any value."""
    return hint in (Any, object)


def is_choice(hint: object) -> bool:
    """Whether a hint is a Literal or an Enum."""
    return get_origin(hint) is Literal or (is_class(hint) and issubclass(hint, enum.Enum))


def choices(hint: object) -> dict[str, object]:
    """The strings that the model may write for a Literal or an Enum, each with the value that it stands for.

    The service takes strings alone: a number or boolean of a Literal is written as in JSON, and the members of an Enum
    by their values if all of these are strings, else by their names.
    """
    if get_origin(hint) is Literal:
        return {choice_name(value): value for value in get_args(hint) if value is not None}
    assert is_class(hint)
    assert issubclass(hint, enum.Enum)
    return {choice_name(member): member for member in hint}


def choice_name(value: object) -> str:
    """The string that the model writes for a value of a Literal or an Enum."""
    if isinstance(value, enum.Enum):
        # Of all members, so that each is written in the same way.
        by_value = all(isinstance(member.value, str) for member in type(value))
        return str(value.value) if by_value else value.name
    return value if isinstance(value, str) else json.dumps(value)


def is_array(hint: object) -> bool:
    """Whether a hint is a list, a tuple, a set or the like."""
    return (get_origin(hint) or hint) in CONTAINERS


def is_fixed_tuple(hint: object) -> bool:
    """Whether a hint is a tuple of fixed length, such as `tuple[str, int]`, not `tuple[str, ...]`."""
    return get_origin(hint) is tuple and get_args(hint)[-1:] not in ((), (...,))


def container(hint: object) -> Callable[[Iterable[object]], object]:
    """The class that an array's items are put into."""
    return CONTAINERS[get_origin(hint) or hint]


def item_hint(hint: object) -> object:
    """The hint of an array's items. Raises `TypeError` where there is none: the service requires it."""
    arguments = get_args(hint)
    if not arguments:
        raise TypeError(f"{name_of(hint)} does not say what it holds, as list[str] does")
    return arguments[0]


def is_hashable(hint: object) -> bool:
    """Whether values of the type can be in a set."""
    bare, _ = unwrap(hint)
    if is_union(bare) or is_fixed_tuple(bare):
        return all(map(is_hashable, get_args(bare)))
    if is_array(bare):
        return container(bare) in (tuple, frozenset) and is_hashable(item_hint(bare))
    return not is_mapping(bare) and (not is_class(bare) or bare.__hash__ is not None)


def is_mapping(hint: object) -> bool:
    """Whether a hint is a mapping."""
    return (get_origin(hint) or hint) in MAPPINGS


def value_hint(hint: object) -> object:
    """The hint of a mapping's values. Raises `TypeError` for keys other than str, which JSON does not have."""
    key, value = get_args(hint) or (str, object)
    if unwrap(key)[0] is not str:
        raise TypeError("the keys of a JSON object are strings")
    return value
