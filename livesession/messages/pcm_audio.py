"""`PcmAudio`: bytes of sound that know their sample rate, and that a notebook plays."""

from __future__ import annotations

from typing import final

from livesession.data_errors import ConfigurationError
from livesession.messages.display import Displayed

__all__ = ["MODEL_RATE", "USER_RATE", "PcmAudio"]

MODEL_RATE = 24_000  # samples a second of what the model speaks, unless the server says otherwise
USER_RATE = 16_000  # and of what it hears, unless the message says otherwise
SAMPLE_BYTES = 2


@final
class PcmAudio(bytes, Displayed):
    """Mono PCM, 16-bit signed little-endian, with its sample rate: what `Turn.audio` holds.

    It is bytes in every way; only its `repr` is short, and a notebook shows it as a player. What is made from it, such
    as a slice or a sum, is plain bytes again: `PcmAudio(audio[:48_000], audio.rate)` is its first second.

    Args:
        pcm: The samples; default none.
        rate: Samples a second; default 24,000, what the model speaks in.

    Attributes:
        rate: Samples a second.

    Raises:
        ConfigurationError: `rate` is not over 0.
        TypeError: `pcm` is not bytes.
    """

    rate: int

    def __new__(cls, pcm: bytes = b"", rate: int = MODEL_RATE) -> PcmAudio:
        if not isinstance(pcm, (bytes, bytearray, memoryview)):
            raise TypeError(f"PcmAudio(pcm, rate): pcm is bytes, not {type(pcm).__name__}.")
        if not rate > 0:
            raise ConfigurationError(f"rate is a number of samples a second, over 0, not {rate!r}.")
        audio = super().__new__(cls, pcm)
        audio.rate = rate
        return audio

    def __repr__(self) -> str:
        return f"<PcmAudio, {self.seconds:.1f} s, {self.rate} Hz>"

    __str__ = __repr__

    @property
    def seconds(self) -> float:
        """The seconds that the sound plays."""
        return len(self) / (SAMPLE_BYTES * self.rate)
