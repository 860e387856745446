"""attrs validators for options."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from attrs import Attribute

from livesession.errors import ConfigurationError

__all__ = ["one_of", "positive", "positive_int", "positive_or_none", "zero_or_more"]

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


def zero_or_more(options: object, attribute: Attribute[Number], value: Number) -> None:
    """A finite number, 0 or over."""
    if value != 0 or isinstance(value, bool):
        positive(options, attribute, value)


def one_of(*allowed: str) -> Callable[[object, Attribute[str], str], None]:
    """One of some words."""

    def check(options: object, attribute: Attribute[str], value: str) -> None:
        if value not in allowed:
            raise ConfigurationError(f"{attribute.name} must be {' or '.join(map(repr, allowed))}, not {value!r}.")

    return check
