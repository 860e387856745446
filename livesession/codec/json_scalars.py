"""Single values between JSON and Python: base64, durations, 64-bit integers, truth values, text.

Every reader raises `ValueError` or `TypeError` for a value that cannot be meant.
"""

from __future__ import annotations

import math

from livesession.codec.base64_speedups import base64_in_use

__all__ = [
    "format_base64",
    "format_duration",
    "read_base64",
    "read_bool",
    "read_duration",
    "read_duration_or_zero",
    "read_float",
    "read_int",
    "read_str",
]

URL_SAFE = str.maketrans("-_", "+/", " \t\r\n")


def read_base64(value: object) -> bytes:
    """Bytes from base64 in either alphabet, with or without padding."""
    if not isinstance(value, str):
        raise TypeError(f"expected base64 text, got {type(value).__name__}")
    try:
        return base64_in_use().decode(value)
    except ValueError:
        standard = value.translate(URL_SAFE).rstrip("=")
        return base64_in_use().decode(standard + "=" * (-len(standard) % 4))


def format_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64_in_use().encode(data).decode("ascii")


def read_duration(value: object) -> float:
    """Seconds from a Duration string such as `"1.500s"`."""
    if isinstance(value, str) and value.endswith("s") and math.isfinite(seconds := float(value[:-1])):
        return seconds
    raise ValueError(f'expected a duration such as "1.5s", got {value!r:.80}')


def read_duration_or_zero(value: object) -> float:
    """Seconds from a Duration string; 0 where it cannot be read."""
    try:
        return read_duration(value)
    except ValueError:
        return 0.0


def format_duration(seconds: float) -> str:
    """A Duration string with as many of nine decimals as are needed."""
    if not math.isfinite(seconds):
        raise ValueError(f"a duration is a finite number of seconds, not {seconds}")
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def read_int(value: object) -> int:
    """An integer; int64 arrives as a string."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"expected an integer, got {type(value).__name__}")
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(f"expected an integer, got {value!r}")
    return int(value)


def read_float(value: object) -> float:
    """A number; `"NaN"` and `"Infinity"` arrive as strings."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    return float(value)


def read_bool(value: object) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {type(value).__name__}")
    return value


def read_str(value: object) -> str:
    """Text."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value
