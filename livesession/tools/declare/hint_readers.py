"""Readers made of type hints: they convert the JSON that the model wrote to Python values.

cattrs reads objects: it finds members that are missing or unknown, and keeps each error with its place. Values are read
here, more strictly than by cattrs: `"3"` for a number is an error, and the model can be told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_args

import attrs
from cattrs import Converter, IterableValidationError
from cattrs.errors import IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from livesession.tools.declare.annotated_limits import check, limits_of
from livesession.tools.declare.members import Member, PydanticModel, has_members, is_pydantic_model, members_of
from livesession.tools.declare.scalar_types import SCALARS, BadValue, excerpt
from livesession.tools.declare.type_forms import (
    allows_null,
    alternatives,
    choices,
    container,
    is_array,
    is_choice,
    is_class,
    is_fixed_tuple,
    is_mapping,
    is_union,
    item_hint,
    unwrap,
    value_hint,
)

__all__ = ["MemberType", "members_reader", "reader_of"]

Instance = TypeVar("Instance")
Read = Callable[[object], object]


@attrs.frozen(eq=False)
class MemberType:
    """The type of a member in a class that cattrs reads; its hook calls `read`.

    Attributes:
        read: Converts the JSON to the member's value.
        name: The member's name in JSON: any text, as in a TypedDict, while an attribute's name is an identifier.
    """

    read: Read
    name: str


def reader_of(hint: object) -> Read:
    """Makes a reader of a hint; it raises `BadValue`, or a group of cattrs that holds such errors."""
    bare, marks = unwrap(hint)
    read, limits = bare_reader(bare), limits_of(marks)
    return (lambda value: check(read(value), limits)) if limits else read


def bare_reader(hint: object) -> Read:
    if is_class(hint) and hint in SCALARS:
        return SCALARS[hint].read
    for applies, make in KINDS:
        if applies(hint):
            return make(hint)
    return lambda value: value  # Any, object


def expect(kind: type[Instance], expected: str, value: object) -> Instance:
    if not isinstance(value, kind):
        raise BadValue(expected, value)
    return value


def choice_reader(hint: object) -> Read:
    known = choices(hint)
    expected = f"one of {', '.join(map(excerpt, known))}"

    def read(value: object) -> object:
        if value is None and allows_null(hint):
            return None
        name = value if isinstance(value, str) else excerpt(value)  # models write 3 as well as "3" for Literal[3]
        if name not in known:
            raise BadValue(expected, value)
        return known[name]

    return read


def union_reader(hint: object) -> Read:
    """Makes a reader that takes the first alternative that fits; a number is first tried as its own type."""
    readers = [(unwrap(each)[0], reader_of(each)) for each in alternatives(hint)]

    def read(value: object) -> object:
        if value is None and allows_null(hint):
            return None
        # 3 is an int and 3.0 a float whatever their order in the union, though either would take the other.
        is_number = type(value) in (int, float)
        failures: list[Exception] = []
        for _, read in sorted(readers, key=lambda pair: is_number and pair[0] is not type(value)):
            try:
                return read(value)
            except Exception as error:
                failures.append(error)
        raise combined_error(failures, value)

    return read


def combined_error(failures: list[Exception], value: object) -> Exception:
    """Makes one error of those of all alternatives: the first about the inside of the value, if there is any."""
    expected = [error.expected for error in failures if isinstance(error, BadValue)]
    inside = [error for error in failures if not isinstance(error, BadValue)]
    return inside[0] if inside else BadValue(" or ".join(expected), value)


def array_reader(hint: object) -> Read:
    read_item, make = reader_of(item_hint(hint)), container(hint)

    def read(value: object) -> object:
        items = expect(list, "an array", value)
        return make(read_each((at, read_item, item) for at, item in enumerate(items)))

    return read


def tuple_reader(hint: object) -> Read:
    readers = [reader_of(item) for item in get_args(hint)]
    expected = f"an array of {len(readers)}"

    def read(value: object) -> object:
        items = expect(list, expected, value)
        if len(items) != len(readers):
            raise BadValue(expected, value)
        return tuple(read_each(zip(range(len(items)), readers, items, strict=True)))

    return read


def mapping_reader(hint: object) -> Read:
    read_value = reader_of(value_hint(hint))

    def read(value: object) -> object:
        members = expect(dict, "an object", value)
        return dict(zip(members, read_each((key, read_value, each) for key, each in members.items()), strict=True))

    return read


def read_each(parts: Iterable[tuple[int | str, Read, object]]) -> list[object]:
    """Reads the parts of a value, and keeps each error with its place, as cattrs does."""
    made: list[object] = []
    failures: list[Exception] = []
    for place, read, value in parts:
        try:
            made.append(read(value))
        except Exception as error:
            # Not by add_note(), which Python 3.10 does not have; cattrs sets the same attribute.
            error.__notes__ = [IterableValidationNote("", place, None)]  # type: ignore[attr-defined]
            failures.append(error)
    if failures:
        raise IterableValidationError("", failures, list)
    return made


def class_reader(cls: type) -> Read:
    read_members = members_reader(members_of(cls))

    def read(value: object) -> object:
        given = read_members(value)
        try:
            return cls(**given)
        except Exception as error:  # such as that of a validator of the class
            raise ValueError(str(error)) from error

    return read


def members_reader(members: Iterable[Member]) -> Callable[[object], dict[str, object]]:
    """Makes a reader of the members of an object that are given.

    null for a member that may be left out counts as not given. cattrs reads into an attrs class that is made with the
    same members, so all kinds of classes are read alike.
    """
    members = list(members)
    nullable = {each.name for each in members if each.is_required or allows_null(each.hint)}
    # The name of a member may be no identifier, or one that attrs or cattrs uses; so attributes have numbers.
    attributes = {f"member_{number}": each for number, each in enumerate(members)}
    likeness = attrs.make_class(
        "Likeness", {key: likeness_field(each) for key, each in attributes.items()}, kw_only=True
    )
    names: Any = {key: override(rename=each.name) for key, each in attributes.items()}
    structure: Any = make_dict_structure_fn(likeness, converter, _cattrs_forbid_extra_keys=True, **names)

    def read(value: object) -> dict[str, object]:
        members = expect(dict, "an object", value)
        given = {name: each for name, each in members.items() if each is not None or name in nullable}
        made = structure(given, likeness)
        return {each.name: getattr(made, key) for key, each in attributes.items() if each.name in given}

    return read


def likeness_field(member: Member) -> object:
    default = attrs.NOTHING if member.is_required else None  # never read: members that are not given are left out
    reader: Any = MemberType(reader_of(member.hint), member.name)
    return attrs.field(type=reader, default=default)


def pydantic_reader(cls: type[PydanticModel]) -> Read:
    """Makes a reader of a pydantic model, by its own validation."""

    def read(value: object) -> object:
        try:
            return cls.model_validate(value)
        except ValueError as error:
            found: list[dict[str, Any]] = getattr(error, "errors", list)()
            messages = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found]
            raise ValueError(", ".join(messages)) from error

    return read


# The first kind that applies counts: a fixed tuple is an array too, and a pydantic model has members.
KINDS: list[tuple[Callable[[object], bool], Callable[[Any], Read]]] = [
    (is_union, union_reader),
    (is_choice, choice_reader),
    (is_fixed_tuple, tuple_reader),
    (is_array, array_reader),
    (is_mapping, mapping_reader),
    (is_pydantic_model, pydantic_reader),
    (has_members, class_reader),
]


def make_converter() -> Converter:
    """Makes cattrs' converter for the classes that `members_reader()` makes."""
    made = Converter()
    made.register_structure_hook_func(
        lambda target: isinstance(target, MemberType), lambda value, reader: reader.read(value)
    )
    return made


converter = make_converter()
