"""Faults on purpose: pieces of an answer that harm its connection. Plain data, which says nothing of how."""

from __future__ import annotations

from attrs import Attribute, field, frozen, validators

from livesession.emulator.protocol.refusal import REASON_LIMIT

_UNSENDABLE = (1004, 1005, 1006, 1015)


def _check_code(instance: object, attribute: Attribute[int], code: int) -> None:
    if not 1000 <= code < 5000 or code in _UNSENDABLE:
        raise ValueError(f"A close frame cannot have the code {code}: one has 1000 to 4999, and none of {_UNSENDABLE}.")


def _check_reason(instance: object, attribute: Attribute[str], reason: str) -> None:
    size = len(reason.encode())
    if size > REASON_LIMIT:
        raise ValueError(f"A close frame's reason has at most {REASON_LIMIT} bytes of UTF-8, not {size}.")


_NOT_NEGATIVE = validators.ge(0)


@frozen
class Delay:
    """Nothing happens for so long; an interruption ends it."""

    seconds: float = field(validator=_NOT_NEGATIVE)


@frozen
class Drop:
    """The TCP connection is cut, without a close frame; what went before still goes out."""


@frozen
class Close:
    """The connection is closed with this code and reason (at most 123 bytes of UTF-8)."""

    code: int = field(default=1011, validator=_check_code)
    reason: str = field(default="", validator=_check_reason)


@frozen
class GoAway:
    """`goAway` is sent, and the connection closed with 1011 when its time is up; the answer goes on meanwhile."""

    time_left: float = field(validator=_NOT_NEGATIVE)
    """In seconds."""


Fault = Delay | Drop | Close | GoAway
"""A piece of an answer that is no answer."""
