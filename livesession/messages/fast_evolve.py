"""Objects that differ from another one in a single field, made fast.

The protocol's classes are frozen, and the constructor of a frozen class with many fields takes longer than decoding
the audio that it is to hold: it parses keyword arguments, converts, and sets each field by its name. Here the fields
of an object that a constructor has made are put into a new one, through the descriptors of its slots.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs

__all__ = ["fast_evolver"]

Made = TypeVar("Made", bound=attrs.AttrsInstance)


def fast_evolver(original: Made, name: str) -> Callable[[object], Made]:
    """A function from values of the field `name` to objects that are otherwise equal to `original`.

    No converter or validator runs: the values must be what the field holds in the end. The other values are shared.
    """
    cls = type(original)
    create, assign = object.__new__, getattr(cls, name).__set__
    shared = [
        (getattr(cls, field.name).__set__, getattr(original, field.name))
        for field in attrs.fields(cls)
        if field.name != name
    ]

    def make(value: object) -> Made:
        made = create(cls)
        for assign_shared, shared_value in shared:
            assign_shared(made, shared_value)
        assign(made, value)
        return made

    return make
