"""Base64, by whichever implementation is the fastest one here.

`pybase64` (in the extra `speed`) is some ten times as fast as `binascii`. It is looked for at the first use, because
`import livesession` imports no extra. What it refuses, Python's own decides, so that results and errors are the same.

JSON stays with `json`: `orjson` reads integers beyond 64 bits as floats, and the messages that dominate are read and
written without a JSON library anyway.
"""

from __future__ import annotations

import base64
import binascii
import functools
import sys
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Base64", "base64_in_use", "with_binascii", "with_pybase64"]


class Base64(NamedTuple):
    """An implementation.

    Attributes:
        name: The module that does it.
        decode: Bytes from standard base64 with its padding; anything else is a `ValueError`.
        encode: The same the other way.
    """

    name: str
    decode: Callable[[str | bytes], bytes]
    encode: Callable[[bytes | memoryview], bytes]


if sys.version_info >= (3, 11):
    strict_decode: Callable[[str | bytes], bytes] = functools.partial(binascii.a2b_base64, strict_mode=True)
else:
    strict_decode: Callable[[str | bytes], bytes] = functools.partial(base64.b64decode, validate=True)


def with_binascii() -> Base64:
    """Returns the functions of the standard library."""
    return Base64("binascii", strict_decode, functools.partial(binascii.b2a_base64, newline=False))


def with_pybase64() -> Base64:
    """Raises `ImportError` where it is not installed."""
    import pybase64

    quick_decode: Callable[[str | bytes], bytes] = functools.partial(pybase64.b64decode, validate=True)

    def decode(text: str | bytes) -> bytes:
        try:
            return quick_decode(text)
        except ValueError:
            return strict_decode(text)

    return Base64("pybase64", decode, pybase64.b64encode)


@functools.cache
def base64_in_use() -> Base64:
    """Returns the fastest functions that are installed."""
    try:
        return with_pybase64()
    except ImportError:
        return with_binascii()
