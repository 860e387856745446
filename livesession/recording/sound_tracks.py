"""Sound tracks beside a recording: base64 audio of the frames is moved to WAV files, and its place is noted."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from livesession.recording.private_file import close_private, open_private, unwritable, write_all

__all__ = ["Cut", "Track", "cut"]

SAMPLE_BYTES = 2
HEADER_BYTES = 44
LONGEST = 2**32 - 1 - HEADER_BYTES  # bytes; the length in the header of a WAV file has 32 bits
PCM = re.compile(r"audio/pcm(?:\s*;\s*rate\s*=\s*(\d{4,6}))?\s*", re.IGNORECASE)


@frozen
class Cut:
    """A payload that was cut out of a text.

    Attributes:
        position: Its place: an index into the text that is left.
        first: The index of its first sample in the track.
        samples: The number of its samples.
    """

    position: int
    first: int
    samples: int


class Track:
    """A WAV file with the sound of one side, all payloads one after the other: mono PCM, 16-bit signed little-endian.

    Until it is closed the header states the greatest length, which programs take for "to the end of the file".

    Args:
        path: The WAV file; replaced where it exists.
        rate: Samples a second, where the first payload does not state it.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self.path = path
        self._rate = rate
        self._bytes = 0
        self._file = open_private(path)
        try:
            write_all(self._file, header(rate, LONGEST))
        except OSError as error:
            close_private(self._file)
            raise unwritable(path, error) from error

    def add(self, pcm: bytes, rate: int | None) -> int | None:
        """Appends a payload; returns the index of its first sample.

        Returns None, and appends nothing, for another rate than before, half a sample, and a file that is full.
        """
        if not self._bytes and rate is not None:
            self._rate = rate
        if (rate or self._rate) != self._rate or len(pcm) % SAMPLE_BYTES or self._bytes + len(pcm) > LONGEST:
            return None
        write_all(self._file, pcm)
        self._bytes += len(pcm)
        return (self._bytes - len(pcm)) // SAMPLE_BYTES

    def close(self) -> None:
        """Writes the length into the header and closes the file. Raises `OSError`; the old header stays then."""
        try:
            os.lseek(self._file, 0, os.SEEK_SET)
            write_all(self._file, header(self._rate, self._bytes))
        finally:
            close_private(self._file)


def cut(text: str, track: Track) -> tuple[str, list[Cut]]:
    """Moves the sound in a frame to the track; a payload that could not be put back exactly stays in the text."""
    if "audio/pcm" not in text:
        return text, []
    rest, left, cuts = text, "", list[Cut]()
    for rate, data in payloads(text):
        pcm = decoded(data)
        # Not found where the text escapes a character of it, such as "\/": that payload stays in the text.
        before, quoted, after = rest.partition(f'"{data}"')
        first = track.add(pcm, rate) if quoted and pcm else None
        if first is not None:
            left += before + '"'
            cuts.append(Cut(len(left), first, len(pcm) // SAMPLE_BYTES))
            rest = '"' + after
    return left + rest, cuts


def payloads(text: str) -> Iterator[tuple[int | None, str]]:
    """Yields rate and base64 of each PCM payload in a frame, in the order of the text."""
    # A hook for each object sees the pairs in the order of the text, wherever in a message an object stands.
    found: list[tuple[int | None, str]] = []

    def look(pairs: list[tuple[str, object]]) -> None:
        members = dict(pairs)
        kind, data = members.get("mimeType"), members.get("data")
        if isinstance(kind, str) and isinstance(data, str) and (pcm := PCM.fullmatch(kind)):
            found.append((int(pcm[1]) if pcm[1] else None, data))

    try:
        json.loads(text, object_pairs_hook=look)
    except (ValueError, RecursionError):  # not JSON, or nested too deeply: everything stays in the text
        return iter(())
    return iter(found)


def decoded(data: str) -> bytes:
    """Decodes standard base64; empty where encoding the bytes again would give another text."""
    try:
        pcm = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return pcm if base64.b64encode(pcm).decode() == data else b""


def header(rate: int, size: int) -> bytes:
    """The header of a WAV file with `size` bytes of mono PCM."""
    # Chunk "fmt ": its size, format 1 (PCM), 1 channel, samples and bytes a second, bytes and bits a sample.
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    return b"RIFF" + struct.pack("<I", size + HEADER_BYTES - 8) + b"WAVE" + form + b"data" + struct.pack("<I", size)
