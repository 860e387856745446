"""Sound to be compared: is this speech in that recording?"""

from __future__ import annotations

import wave
from functools import cached_property
from pathlib import Path

import numpy as np
import soxr
from attrs import field, frozen

COMMON_RATE = 16_000
QUIET = 0.01  # of full scale


@frozen(slots=False)
class Sound:
    """Mono sound: samples from -1 to 1, and how many of them make a second."""

    samples: np.ndarray = field(repr=False)
    rate: int

    @classmethod
    def of_pcm(cls, pcm, rate, channels=1):
        """From 16-bit little-endian PCM; of several channels, the average."""
        whole = pcm[: len(pcm) - len(pcm) % (2 * channels)]
        return cls(np.frombuffer(whole, "<i2").reshape(-1, channels).mean(axis=1) / 32_768, rate)

    @classmethod
    def of_wav(cls, path: Path | str):
        with wave.open(str(path), "rb") as file:
            return cls.of_pcm(file.readframes(file.getnframes()), file.getframerate(), file.getnchannels())

    @property
    def seconds(self):
        return len(self.samples) / self.rate

    @cached_property
    def common(self):
        """The samples at a rate that can be compared."""
        return soxr.resample(self.samples, self.rate, COMMON_RATE)

    def pcm(self, rate, channels=1):
        """As 16-bit little-endian PCM, the same in each channel."""
        samples = np.clip(soxr.resample(self.samples, self.rate, rate) * 32_768, -32_768, 32_767).astype("<i2")
        return np.repeat(samples, channels).tobytes()

    def between(self, start, end):
        """The part between two points, in seconds."""
        return Sound(self.samples[max(0, round(start * self.rate)) : round(end * self.rate)], self.rate)

    @property
    def first_sound(self):
        """Seconds until something is to be heard; None when nothing is."""
        loud = np.flatnonzero(np.abs(self.samples) > QUIET)
        return loud[0] / self.rate if len(loud) else None

    @property
    def last_sound(self):
        """Seconds until nothing is to be heard any more; None when nothing is at all."""
        loud = np.flatnonzero(np.abs(self.samples) > QUIET)
        return (loud[-1] + 1) / self.rate if len(loud) else None


def level(sound: Sound) -> float:
    """How loud it is on average, in decibels of full scale; -120 for silence."""
    return float(10 * np.log10(np.mean(sound.samples**2) + 1e-12))


def correlation(recorded: Sound, original: Sound) -> float:
    """How much of the original is in one place of the recording: 1 is all of it, at any volume, 0 nothing.

    The maximum of the normalised cross-correlation. A gap or a repetition in the recording moves what comes after it
    out of its place, and counts as missing.
    """
    theirs, ours = recorded.common, original.common
    if len(theirs) < len(ours):
        theirs = np.pad(theirs, (0, len(ours) - len(theirs)))
    size = 1 << (len(theirs) + len(ours)).bit_length()
    product = np.fft.irfft(np.fft.rfft(theirs, size) * np.conj(np.fft.rfft(ours, size)), size)
    places = len(theirs) - len(ours) + 1
    energy = np.concatenate([[0.0], np.cumsum(theirs**2)])
    there = energy[len(ours) :] - energy[:places]
    return float(np.max(product[:places] / np.sqrt(np.maximum(there, 1e-6) * np.sum(ours**2))))
