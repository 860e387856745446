"""Type hints as readers: what a function makes of the JSON that the model wrote.

cattrs reads objects, says what is missing or too much, and keeps what is wrong with its place. The rest is stricter
here than there: `"3"` for a number is a mistake, and the model can be told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_args

import attrs
from cattrs import Converter, IterableValidationError
from cattrs.errors import IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from livesession.tools.declare.annotated_limits import check, limits_of
from livesession.tools.declare.members import Member, Model, has_members, is_model, members_of
from livesession.tools.declare.scalar_types import SCALARS, BadValue, shown
from livesession.tools.declare.type_forms import (
    allows_null,
    alternatives,
    container,
    has_words,
    is_array,
    is_class,
    is_fixed,
    is_mapping,
    is_union,
    item_of,
    unwrap,
    value_of,
    words,
)

__all__ = ["Reader", "members_reader", "reader_of"]

Kind = TypeVar("Kind")
Read = Callable[[object], object]


@attrs.frozen(eq=False)
class Reader:
    """Stands for a type, in a class that cattrs reads.

    Attributes:
        read: Makes the value.
        name: What the model calls the member: any text, as in a TypedDict, where an attribute's is an identifier.
    """

    read: Read
    name: str


def reader_of(hint: object) -> Read:
    """Makes a value of this type of what the model wrote; raises `BadValue`, or a group of cattrs' with such."""
    bare, marks = unwrap(hint)
    read, limits = bare_reader(bare), limits_of(marks)
    return (lambda value: check(read(value), limits)) if limits else read


def bare_reader(hint: object) -> Read:
    if is_class(hint) and hint in SCALARS:
        return SCALARS[hint].read
    for applies, make in KINDS:
        if applies(hint):
            return make(hint)
    return lambda value: value  # anything


def expect(kind: type[Kind], expected: str, value: object) -> Kind:
    if not isinstance(value, kind):
        raise BadValue(expected, value)
    return value


def words_reader(hint: object) -> Read:
    known = words(hint)
    expected = f"one of {', '.join(map(shown, known))}"

    def read(value: object) -> object:
        if value is None and allows_null(hint):
            return None
        word = value if isinstance(value, str) else shown(value)
        if word not in known:
            raise BadValue(expected, value)
        return known[word]

    return read


def union_reader(hint: object) -> Read:
    """Takes the first alternative that can be read; a number first as what it is."""
    readers = [(unwrap(each)[0], reader_of(each)) for each in alternatives(hint)]

    def read(value: object) -> object:
        if value is None and allows_null(hint):
            return None
        is_number = type(value) in (int, float)
        failures: list[Exception] = []
        for _, read in sorted(readers, key=lambda pair: is_number and pair[0] is not type(value)):
            try:
                return read(value)
            except Exception as error:
                failures.append(error)
        raise summed_up(failures, value)

    return read


def summed_up(failures: list[Exception], value: object) -> Exception:
    """One error for those of all alternatives: the first that is about the inside of the value, if any is."""
    expected = [error.expected for error in failures if isinstance(error, BadValue)]
    inside = [error for error in failures if not isinstance(error, BadValue)]
    return inside[0] if inside else BadValue(" or ".join(expected), value)


def array_reader(hint: object) -> Read:
    read_item, make = reader_of(item_of(hint)), container(hint)

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
    read_value = reader_of(value_of(hint))

    def read(value: object) -> object:
        members = expect(dict, "an object", value)
        return dict(zip(members, read_each((key, read_value, each) for key, each in members.items()), strict=True))

    return read


def read_each(parts: Iterable[tuple[int | str, Read, object]]) -> list[object]:
    """Reads the parts of a value, and keeps what is wrong with its place, as cattrs does."""
    made: list[object] = []
    failures: list[Exception] = []
    for place, read, value in parts:
        try:
            made.append(read(value))
        except Exception as error:
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
        except Exception as error:  # of a validator, say
            raise ValueError(str(error)) from error

    return read


def members_reader(members: Iterable[Member]) -> Callable[[object], dict[str, object]]:
    """Reads those members of an object that are given; null in the place of what may be left out counts as not given.

    An attrs class of the same members is what cattrs reads, so that all kinds of classes are read alike.
    """
    members = list(members)
    nullable = {each.name for each in members if each.is_required or allows_null(each.hint)}
    attributes = {f"member_{number}": each for number, each in enumerate(members)}
    likeness = attrs.make_class("Likeness", {key: field_like(each) for key, each in attributes.items()}, kw_only=True)
    names: Any = {key: override(rename=each.name) for key, each in attributes.items()}
    structure: Any = make_dict_structure_fn(likeness, converter, _cattrs_forbid_extra_keys=True, **names)

    def read(value: object) -> dict[str, object]:
        members = expect(dict, "an object", value)
        given = {name: each for name, each in members.items() if each is not None or name in nullable}
        made = structure(given, likeness)
        return {each.name: getattr(made, key) for key, each in attributes.items() if each.name in given}

    return read


def field_like(member: Member) -> object:
    default = attrs.NOTHING if member.is_required else None
    reader: Any = Reader(reader_of(member.hint), member.name)
    return attrs.field(type=reader, default=default)


def model_reader(cls: type[Model]) -> Read:
    """A model of pydantic, which reads itself."""

    def read(value: object) -> object:
        try:
            return cls.model_validate(value)
        except ValueError as error:
            found: list[dict[str, Any]] = getattr(error, "errors", list)()
            said = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found]
            raise ValueError(", ".join(said)) from error

    return read


KINDS: list[tuple[Callable[[object], bool], Callable[[Any], Read]]] = [
    (is_union, union_reader),
    (has_words, words_reader),
    (is_fixed, tuple_reader),
    (is_array, array_reader),
    (is_mapping, mapping_reader),
    (is_model, model_reader),
    (has_members, class_reader),
]


def make_converter() -> Converter:
    made = Converter()
    made.register_structure_hook_func(
        lambda target: isinstance(target, Reader), lambda value, reader: reader.read(value)
    )
    return made


converter = make_converter()
