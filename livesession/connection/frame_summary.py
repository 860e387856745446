"""Summarises a frame for the log: its kind and fields in a few words, and nothing that was said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from livesession.messages.pcm_audio import MODEL_RATE, USER_RATE

__all__ = ["summarise"]

NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,40}")
RATE = re.compile(r"rate=([1-9]\d{3,5})", re.ASCII)
RATES = {"realtimeInput": USER_RATE}
MOST_NAMES = 6


def summarise(data: bytes) -> str:
    """The kind of message and the names of its fields; of sound, how long it is.

    For example `serverContent (modelTurn, turnComplete; audio 40 ms)`.
    """
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return "no JSON"
    if not isinstance(message, dict):
        return "no object"
    return " + ".join(part(name, value) for name, value in message.items()) or "an empty object"


def part(name: str, value: object) -> str:
    """One member of a message."""
    if not isinstance(value, dict) or name == "usageMetadata":
        return known(name)
    fields = [field(key, content) for key, content in value.items()]
    more = ["..."] if len(fields) > MOST_NAMES else []
    said = ", ".join(fields[:MOST_NAMES] + more)
    sounds = "; ".join(filter(None, [said, sound(value, RATES.get(name, MODEL_RATE))]))
    return f"{known(name)} ({sounds})" if sounds else known(name)


def field(name: str, value: object) -> str:
    many = f" x{len(value)}" if isinstance(value, list) and len(value) != 1 else ""
    return known(name) + many


def known(name: str) -> str:
    """A name of the protocol; what cannot be one is not shown."""
    return name if NAME.fullmatch(name) else "?"


def sound(value: object, rate: int) -> str:
    """Describes the media in a message: the length of its sound, and the size of other data."""
    milliseconds, others = 0.0, 0
    for kind, size in blobs(value):
        if kind.startswith("audio/"):
            said = RATE.search(kind)
            milliseconds += 500 * size / (int(said[1]) if said else rate)
        else:
            others += size
    audio = f"audio {milliseconds:,.0f} ms" if milliseconds else ""
    return ", ".join(filter(None, [audio, f"{others:,} bytes of data" if others else ""]))


def blobs(value: object) -> Iterator[tuple[str, int]]:
    """Media type and size of each piece of data."""
    if isinstance(value, list):
        for item in value:
            yield from blobs(item)
    elif isinstance(value, dict):
        kind, data = value.get("mimeType"), value.get("data")
        if isinstance(kind, str) and isinstance(data, str):
            yield kind, len(data) * 3 // 4 - data[-2:].count("=")
        else:
            for item in value.values():
                yield from blobs(item)
