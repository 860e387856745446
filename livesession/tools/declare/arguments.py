"""The arguments of a call, read into the types of the hints; errors are worded for the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from cattrs import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
from cattrs.errors import AttributeValidationNote, IterableValidationNote

from livesession.tools.declare.hint_readers import MemberType, members_reader
from livesession.tools.declare.members import Member
from livesession.tools.declare.scalar_types import BadValue, excerpt

__all__ = ["BadArguments", "arguments_reader"]


class BadArguments(ValueError):
    """The model called a function that does not exist, or with arguments that it does not take.

    The message names every argument that is wrong, in words that are fit for the model.
    """


def arguments_reader(members: Iterable[Member]) -> Callable[[Mapping[str, object]], dict[str, object]]:
    """Makes a function that reads the arguments of a call, defaults included; it raises `BadArguments`."""
    members = list(members)
    defaults = {member.name: member.default for member in members if not member.is_required}
    read_members = members_reader(members)

    def read(args: Mapping[str, object]) -> dict[str, object]:
        try:
            # Defaults of parameters are values, not factories, and the function's own: they are not read.
            return defaults | read_members(dict(args))
        except ClassValidationError as error:
            raise BadArguments("; ".join(problems(error))) from error

    return read


def problems(error: BaseException, place: str = "") -> Iterator[str]:
    """Yields each error with its place, such as `stops[1].city must be a string, not 3`."""
    if isinstance(error, (ClassValidationError, IterableValidationError)):
        noted, others = error.group_exceptions()
        for inner, note in noted:
            yield from problems(inner, f"{place}{path_step(note)}".removeprefix("."))
        for inner in others:
            yield from problems(inner, place)
    elif isinstance(error, ForbiddenExtraKeysError):
        yield f"{place or 'the function'} has no {', '.join(map(excerpt, sorted(error.extra_fields)))}"
    elif isinstance(error, KeyError):  # raised by cattrs for a member without a default
        yield f"{place} is missing"
    else:
        yield f"{place} {error}" if isinstance(error, BadValue) else f"{place}: {error}"


def path_step(note: AttributeValidationNote | IterableValidationNote) -> str:
    """The part of a path that cattrs noted for one level: a member, an index or a key."""
    if isinstance(note, AttributeValidationNote):
        assert isinstance(note.type, MemberType)
        return f".{note.type.name}"
    return f"[{note.index}]" if isinstance(note.index, int) else f".{note.index}"
