"""The fields of the protocol's classes: wire names, units, containers.

The classes of this package declare *what* they hold; this module holds the few converters and marks that they
share, and that `livesession.codec` reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated

from attrs import Attribute, Factory, fields

__all__ = [
    "Compact",
    "JSONObject",
    "Seconds",
    "SecondsOrZero",
    "check_objects",
    "metadata",
    "other_names",
    "strings",
    "wire_name",
]

JSONObject = Mapping[str, object]
"""A JSON object that belongs to the user: its keys and values pass through unchanged."""


class Duration:
    """Marks a number of seconds that the wire writes as a Duration string (`"1.5s"`)."""


class DurationOrZero:
    """The same, where a missing or unreadable value counts as 0."""


Seconds = Annotated[float, Duration]
SecondsOrZero = Annotated[float, DurationOrZero]

WIRE_NAME = "livesession.wire_name"
OTHER_WIRE_NAME = "livesession.other_wire_name"
SENT_IN = "livesession.sent_in"
NULL_MEANS = "livesession.null_means"


def metadata(
    *, wire: str | None = None, also: str | None = None, sent_in: str | None = None, null: str | None = None
) -> dict[str, str]:
    """Field metadata.

    `wire` is the name on the wire where it is not the camelCase of Python's, `also` another name that some server
    uses, `sent_in` the place of a configuration field, `null` what JSON null is read as where it does not stand for
    absence.
    """
    given = {WIRE_NAME: wire, OTHER_WIRE_NAME: also, SENT_IN: sent_in, NULL_MEANS: null}
    return {key: value for key, value in given.items() if value is not None}


def camel_case(name: str) -> str:
    """`time_left` as `timeLeft`."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def snake_case(name: str) -> str:
    """`timeLeft` as `time_left`."""
    return re.sub("[A-Z]", lambda capital: "_" + capital[0].lower(), name)


def wire_name(attribute: Attribute[object]) -> str:
    """The JSON name of a field: lowerCamelCase of the Python name unless its metadata says otherwise."""
    explicit = attribute.metadata.get(WIRE_NAME)
    return explicit if isinstance(explicit, str) else camel_case(attribute.name)


def other_names(attribute: Attribute[object]) -> list[str]:
    """Further names under which a field may arrive: snake_case, and what single servers call it."""
    also = attribute.metadata.get(OTHER_WIRE_NAME)
    names = [attribute.name, camel_case(attribute.name)]
    if isinstance(also, str):
        names += [also, snake_case(also)]
    return [name for name in names if name != wire_name(attribute)]


def check_objects(owner: object, classes: Mapping[str, type]) -> None:
    """Raises `TypeError` for a field that holds anything but None or an object of its class."""
    for name, cls in classes.items():
        value = getattr(owner, name)
        if value is not None and not isinstance(value, cls):
            article = "an" if cls.__name__.startswith(("A", "E", "I", "O", "U")) else "a"
            raise TypeError(f"{name} is {article} {cls.__name__}(...), not {value!r:.80}.")


class Compact:
    """Base of the protocol's classes: a `repr` without what is not set, and of bytes only their number."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = [
            f"{field.name}={show(field, value)}"
            for field in fields(type(self))  # type: ignore[arg-type]  # every subclass is an attrs class
            if field.repr and (value := getattr(self, field.name)) != default_of(field)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def show(field: Attribute[object], value: object) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return field.repr(value) if callable(field.repr) else repr(value)


def default_of(field: Attribute[object]) -> object:
    """Returns the value of a field that is not set; None where that depends on more than the class."""
    default = field.default
    if not isinstance(default, Factory):  # type: ignore[arg-type]
        return default
    return default.factory() if isinstance(default.factory, type) else None  # type: ignore[attr-defined]


def strings(values: Iterable[str] | str) -> tuple[str, ...]:
    """Strings as a tuple; a lone one is one item, not a sequence of letters."""
    return (values,) if isinstance(values, str) else tuple(values)
