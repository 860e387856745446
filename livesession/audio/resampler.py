"""Sound from one rate and number of channels to another, as a stream: no seam where one block ends and the next begins.

converter = Converter(48_000, 2, 16_000, 1)
speech = b"".join(map(converter.feed, blocks)) + converter.flush()
"""

from __future__ import annotations

import importlib

from livesession.audio.pcm import SAMPLE_BYTES, spread, to_mono
from livesession.errors import ConfigurationError, MissingExtraError

__all__ = ["Converter"]

LOUDEST = 32_767


class Converter:
    """Converts 16-bit signed little-endian PCM, channels interleaved, block by block.

    A stream that is fed and flushed comes out with as many frames as it lasts at the new rate, rounded, and in the
    same bytes however it was cut into blocks. Resampling is linear-phase and adds no delay to the stream, but holds
    the newest sound back until more comes: some 40 ms, at rates from 16,000 Hz. Peaks that are too loud saturate.
    Not for several threads at once.

    Args:
        rate_in: Samples a second in each channel of what comes in.
        channels_in: Its channels. Several become one by averaging, unless as many go out.
        rate_out: Samples a second in each channel of what goes out. The same rate needs no extra.
        channels_out: Its channels. All are the same, unless as many came in.
        is_quick: Whether at most 20 ms are held back, at the price of the highest frequencies; default False.

    Raises:
        ConfigurationError: A rate or a number of channels is no whole number over 0.
        MissingExtraError: The rates differ, and the extra `audio` is not installed.
    """

    def __init__(
        self, rate_in: int, channels_in: int, rate_out: int, channels_out: int, *, is_quick: bool = False
    ) -> None:
        if not all(isinstance(each, int) and each > 0 for each in (rate_in, channels_in, rate_out, channels_out)):
            raise ConfigurationError(
                "Rates and channels of sound are whole numbers over 0, not "
                f"{rate_in!r} Hz and {channels_in!r} to {rate_out!r} Hz and {channels_out!r}."
            )
        self._channels_in = channels_in
        self._channels_out = channels_out
        self._between = channels_in if channels_in == channels_out else 1
        self._rate_in = rate_in
        self._rate_out = rate_out
        self._resampler = None if rate_in == rate_out else _Resampler(rate_in, rate_out, self._between, is_quick)
        self._part = b""  # of a frame
        self._frames_in = 0
        self._frames_out = 0

    @property
    def rate_in(self) -> int:
        """Samples a second in each channel of what comes in."""
        return self._rate_in

    @property
    def held_ms(self) -> float:
        """Milliseconds of sound that came in and have not come out yet."""
        return max(0.0, 1000 * (self._frames_in / self._rate_in - self._frames_out / self._rate_out))

    def feed(self, pcm: bytes) -> bytes:
        """Takes a block of any length, and gives what is ready; part of a frame at its end waits for the next one."""
        frame_bytes = SAMPLE_BYTES * self._channels_in
        pcm = self._part + pcm
        whole = len(pcm) - len(pcm) % frame_bytes
        self._part = pcm[whole:]
        self._frames_in += whole // frame_bytes
        sound = pcm[:whole] if self._between == self._channels_in else to_mono(pcm[:whole], self._channels_in)
        return self._give(sound if self._resampler is None else self._resampler.feed(sound))

    def flush(self) -> bytes:
        """Ends the stream: gives what was held back, and is ready for another; part of a frame is left out."""
        tail = b"" if self._resampler is None else self._give(self._resampler.flush())
        self.reset()
        return tail

    def reset(self) -> None:
        """Forgets what was held back; the next block begins another stream."""
        self._part = b""
        self._frames_in = 0
        self._frames_out = 0
        if self._resampler is not None:
            self._resampler.reset()

    def _give(self, sound: bytes) -> bytes:
        self._frames_out += len(sound) // (SAMPLE_BYTES * self._between)
        return sound if self._between == self._channels_out else spread(sound, self._channels_out)


class _Resampler:
    """Resamples from one rate to another, by soxr; whole frames, 16-bit.

    soxr works on floating-point numbers, which are rounded here: by itself it adds noise when it rounds, and no two
    runs would give the same.
    """

    def __init__(self, rate_in: int, rate_out: int, channels: int, is_quick: bool) -> None:
        # By name, because soxr is not annotated, and numpy's annotations are not for all Pythons that are supported.
        try:
            self._numpy = importlib.import_module("numpy")
            soxr = importlib.import_module("soxr")
        except ImportError as error:
            raise MissingExtraError(f"Sound at {rate_in} Hz where {rate_out} Hz are due", "audio") from error
        self._channels = channels
        quality = "LQ" if is_quick else "HQ"
        self._stream = soxr.ResampleStream(rate_in, rate_out, channels, dtype="float32", quality=quality)

    def feed(self, pcm: bytes) -> bytes:
        return self._convert(pcm) if pcm else b""

    def flush(self) -> bytes:
        return self._convert(b"", is_last=True)

    def reset(self) -> None:
        self._stream.clear()

    def _convert(self, pcm: bytes, *, is_last: bool = False) -> bytes:
        frames = self._numpy.frombuffer(pcm, dtype="<i2").astype("float32").reshape(-1, self._channels)
        converted = self._numpy.rint(self._stream.resample_chunk(frames, is_last))
        return bytes(converted.clip(-LOUDEST - 1, LOUDEST).astype("<i2").tobytes())
