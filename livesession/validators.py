"""attrs validators for options."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from attrs import Attribute

from livesession.data_errors import ConfigurationError

__all__ = [
    "boolean",
    "callable_only",
    "one_of",
    "positive",
    "positive_int",
    "positive_or_endless",
    "positive_or_none",
    "share",
    "zero_or_more",
]

Callback = TypeVar("Callback", bound=Callable[..., object])
Number = TypeVar("Number", int, float)


def positive(options: object, attribute: Attribute[Number], value: Number) -> None:
    """A finite number over 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ConfigurationError(f"{attribute.name} must be a finite number over 0, not {value!r}.")


def positive_or_none(options: object, attribute: Attribute[float], value: float | None) -> None:
    """The same, or None."""
    if value is not None:
        positive(options, attribute, value)


def positive_int(options: object, attribute: Attribute[int], value: int) -> None:
    """A whole number over 0."""
    positive(options, attribute, value)
    if not isinstance(value, int):
        raise ConfigurationError(f"{attribute.name} must be a whole number, not {value!r}.")


def share(options: object, attribute: Attribute[float], value: float) -> None:
    """A number from 0 to 1."""
    zero_or_more(options, attribute, value)
    if value > 1:
        raise ConfigurationError(f"{attribute.name} must be from 0 to 1, not {value!r}.")


def callable_only(options: object, attribute: Attribute[Callback], value: Callback) -> None:
    """A function."""
    if not callable(value):
        raise ConfigurationError(f"{attribute.name} must be callable, not {value!r}.")


def zero_or_more(options: object, attribute: Attribute[Number], value: Number) -> None:
    """A finite number, 0 or over."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ConfigurationError(f"{attribute.name} must be a finite number, 0 or over, not {value!r}.")


def positive_or_endless(options: object, attribute: Attribute[float], value: float | None) -> None:
    """The same, or infinity, which is no limit."""
    if value != math.inf:
        positive_or_none(options, attribute, value)


def boolean(options: object, attribute: Attribute[bool], value: bool) -> None:
    """True or False."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{attribute.name} must be True or False, not {value!r}.")


def one_of(*allowed: str) -> Callable[[object, Attribute[str], str], None]:
    """One of some words."""

    def check(options: object, attribute: Attribute[str], value: str) -> None:
        if value not in allowed:
            raise ConfigurationError(f"{attribute.name} must be {' or '.join(map(repr, allowed))}, not {value!r}.")

    return check
