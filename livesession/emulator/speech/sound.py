"""Sound in plain bytes: resampling, a soft tone, cutting into chunks. Everything is mono, 16-bit, little-endian."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator

from livesession.emulator.extra_imports import ResampleStream, new_resampler, pcm_array
from livesession.emulator.protocol.refusal import invalid

INPUT_RATE = 16_000
"""Hz: what the engine works in, whatever the client declares."""

OUTPUT_RATE = 24_000
"""Hz: what the service speaks in."""

_TONE_HERTZ = 240
_TONE_PERIOD = OUTPUT_RATE // _TONE_HERTZ
_TONE_LOUDNESS = 2_000
_MIME = re.compile(r"audio/(pcm|l16)", re.IGNORECASE)
_RATE = re.compile(r"rate\s*=\s*([0-9]{1,6})", re.IGNORECASE)
_RATES = range(4_000, 192_001)


def declared_rate(mime: str) -> int:
    """Return the sample rate in Hz of an audio MIME type; bare `audio/pcm` is 16 kHz.

    Raises:
        Refusal: 1007, when it is not raw PCM or the rate is absurd.
    """
    kind, _, parameters = mime.partition(";")
    if not _MIME.fullmatch(kind.strip()):
        raise invalid(f"Unsupported audio MIME type: {mime}.")
    rate = _RATE.search(parameters)
    hertz = int(rate[1]) if rate else INPUT_RATE
    if hertz not in _RATES:
        raise invalid(f"Unsupported sample rate: {hertz}.")
    return hertz


class InputStream:
    """Chunks at any declared rates in, whole samples at 16 kHz out, without a seam between chunks."""

    def __init__(self) -> None:
        self._rate = INPUT_RATE
        self._resampler: ResampleStream | None = None
        self._odd = b""

    def feed(self, pcm: bytes, rate: int) -> bytes:
        """Take one chunk at `rate` Hz; half a sample at its end waits for the next one."""
        head = b""
        if rate != self._rate:
            head = self.flush()
            self._rate = rate
            self._resampler = None if rate == INPUT_RATE else new_resampler(rate, INPUT_RATE)
        pcm = self._odd + pcm
        whole = len(pcm) & ~1
        self._odd = pcm[whole:]
        return head + self._convert(pcm[:whole], last=False)

    def flush(self) -> bytes:
        """End the stream: give out what the resampler still holds, and be ready for a new one."""
        tail = self._convert(b"", last=True)
        self._odd = b""
        if self._resampler is not None:
            self._resampler = new_resampler(self._rate, INPUT_RATE)
        return tail

    def _convert(self, pcm: bytes, *, last: bool) -> bytes:
        if self._resampler is None:
            return pcm
        return bytes(memoryview(self._resampler.resample_chunk(pcm_array(pcm), last)).cast("B"))  # type: ignore[arg-type]  # soxr gives a numpy array, which has a buffer


def to_output_rate(pcm: bytes) -> bytes:
    """Resample 16 kHz to 24 kHz."""
    converted = new_resampler(INPUT_RATE, OUTPUT_RATE).resample_chunk(pcm_array(pcm[: len(pcm) & ~1]), True)
    return bytes(memoryview(converted).cast("B"))  # type: ignore[arg-type]  # soxr gives a numpy array, which has a buffer


def tone(text: str) -> bytes:
    """Return a soft tone at 24 kHz that stands for speaking `text`: 60 ms a character, 0.3 to 10 s."""
    seconds = min(10.0, max(0.3, 0.06 * len(text)))
    period = array("h", (_sine(index) for index in range(_TONE_PERIOD)))
    return period.tobytes() * round(seconds * _TONE_HERTZ)


def chunks(pcm: bytes, milliseconds: int) -> Iterator[bytes]:
    """Cut 24 kHz audio into pieces of `milliseconds`; the last one may be shorter."""
    size = OUTPUT_RATE * milliseconds // 1000 * 2
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]


def seconds(pcm: bytes, rate: int) -> float:
    """Return how long `pcm` at `rate` Hz plays."""
    return len(pcm) / (2 * rate)


def _sine(index: int) -> int:
    return round(_TONE_LOUDNESS * math.sin(2 * math.pi * index / _TONE_PERIOD))
