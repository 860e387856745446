"""Arithmetic on sound, 16-bit signed little-endian PCM: other channels, and how loud it is; pure Python."""

from __future__ import annotations

import math
from array import array
from operator import mul

from livesession.audio.wav import SAMPLE_BYTES, to_mono

__all__ = ["SAMPLE_BYTES", "level_of", "spread", "to_mono"]

FULL_SCALE = 32_768


def spread(pcm: bytes, channels: int) -> bytes:
    """Mono, whole samples, the same in each of so many interleaved channels."""
    if channels == 1:
        return pcm
    samples = array("h", pcm)
    spread = array("h", bytes(len(pcm) * channels))
    for channel in range(channels):
        spread[channel::channels] = samples
    return spread.tobytes()


def level_of(pcm: bytes) -> float:
    """Returns the loudness: the root mean square of the samples, from 0.0 (silence, or nothing) to 1.0 (full scale)."""
    samples = array("h", pcm[: len(pcm) - len(pcm) % SAMPLE_BYTES])
    if not samples:
        return 0.0
    return math.sqrt(sum(map(mul, samples, samples)) / len(samples)) / FULL_SCALE
