"""The model's speech on its way to a device: it comes in bursts, faster than it is played, and must not be torn."""

from __future__ import annotations

import threading
from collections import deque

from livesession.audio.pcm import SAMPLE_BYTES, level_of
from livesession.audio.resampler import Converter
from livesession.errors import AudioDeviceError
from livesession.messages.pcm_audio import MODEL_RATE

__all__ = ["Playback"]

LIMIT_MS = 10 * 60_000
PAUSE_MS = 500


class Playback:
    """A jitter buffer: `put()` takes the model's speech as it arrives, and a device's thread plays it by `render()`.

    After silence it plays only when `latency_ms` of speech are there, or the turn is over, or nothing more has come for
    half a second: the model pauses, for a function perhaps. What is rendered over a turn is exactly the speech,
    resampled, however it was cut on either side. It holds up to ten minutes, several times what a model says in a turn,
    and loses nothing but by `interrupt()`.

    `put()` and `end_turn()` are called by any thread, but by one at a time; everything else by any, at any time.

    Args:
        rate: Samples a second in each channel, of the device.
        channels: Samples in a frame, of the device; each is 16-bit signed little-endian.
        latency_ms: Milliseconds of speech that are collected before it is played; default 60. Resampling holds back
            up to 40 more.

    Raises:
        ConfigurationError: `rate` or `channels` is no whole number over 0.
        MissingExtraError: The device does not play 24,000 Hz, and the extra `audio` is not installed.
    """

    def __init__(self, rate: int, channels: int, *, latency_ms: float = 60) -> None:
        self._frame_bytes = SAMPLE_BYTES * channels
        self._bytes_a_ms = rate * self._frame_bytes / 1000
        self._latency = round(latency_ms * rate / 1000) * self._frame_bytes
        self._pause = round(max(PAUSE_MS, latency_ms) * rate / 1000) * self._frame_bytes
        self._target = (rate, channels)
        self._converter = Converter(MODEL_RATE, 1, *self._target)
        self._converter_era = 0
        # Guards all fields below, for a few steps at a time: the device waits for it. A signal handler on top that
        # stops the conversation may take it again.
        self._lock = threading.RLock()
        self._waiting = _Pieces()
        self._held_ms = 0.0  # in the converter
        self._era = 0  # one more with each interrupt(): what is being converted meanwhile is dropped
        self._is_over = True  # the turn; more may wait to be played
        self._is_running = False
        self._silence = 0  # rendered since something came
        self._has_run_dry = False  # in the middle of a turn, as far as is known
        self._last = b""
        self._played = 0
        self._dropped_ms = 0.0
        self._underruns = 0

    @property
    def is_playing(self) -> bool:
        """Whether speech waits to be played, or the last block held some. False in a gap of more than a block."""
        return bool(self._waiting.size or self._last)

    @property
    def played_ms(self) -> float:
        """Milliseconds of speech that the device really took, over all turns."""
        return self._played / self._bytes_a_ms

    @property
    def dropped_ms(self) -> float:
        """Milliseconds of speech that were never played, because of `interrupt()`."""
        return self._dropped_ms

    @property
    def buffered_ms(self) -> float:
        """Milliseconds of speech that wait to be played."""
        return self._waiting.size / self._bytes_a_ms

    @property
    def underruns(self) -> int:
        """The number of times that speech went on after it had been torn: the next part of the turn came too late."""
        return self._underruns

    @property
    def level(self) -> float:
        """The loudness of the last block: the root mean square, from 0.0 (silence) to 1.0 (full scale)."""
        return level_of(self._last)

    def put(self, pcm: bytes, rate: int = MODEL_RATE) -> None:
        """Appends speech of the current turn, or begins one.

        Args:
            pcm: Mono, 16-bit signed little-endian, of any length.
            rate: Samples a second; may change in the middle of a turn.

        Raises:
            AudioDeviceError: Ten minutes of speech wait already: the device plays nothing. Nothing of it is taken.
            ConfigurationError: `rate` is no whole number over 0.
            MissingExtraError: It must be resampled, and the extra `audio` is not installed.
        """
        if not pcm:
            return
        if self.buffered_ms >= LIMIT_MS:
            raise AudioDeviceError("Ten minutes of speech wait to be played: the device does not play.")
        era = self._era
        sound = self._convert(pcm, rate, era)  # without the lock: the device must not wait for this
        with self._lock:
            if era != self._era:
                self._dropped_ms += 1000 * len(pcm) / (SAMPLE_BYTES * rate)
                return
            self._append(sound)
            self._silence = 0
            self._is_over = False
            self._underruns += self._has_run_dry
            self._has_run_dry = False

    def end_turn(self) -> None:
        """Nothing more comes for now: what waits is played to its end, however little it is."""
        era = self._era
        tail = self._converter_in(era).flush()
        with self._lock:
            if era != self._era:
                return
            self._append(tail)
            self._is_over = True
            self._is_running = self._waiting.size > 0
            self._has_run_dry = False

    def interrupt(self) -> float:
        """Drops what was not played: the next `render()` gives silence. Returns how many milliseconds it was."""
        with self._lock:
            dropped = self.buffered_ms + self._held_ms
            self._dropped_ms += dropped
            self._held_ms = 0.0
            self._era += 1
            forgotten, self._waiting = self._waiting, _Pieces()
            self._is_over = True
            self._is_running = self._has_run_dry = False
            self._last = b""
        del forgotten  # without the lock: freeing minutes of it takes a while
        return dropped

    def render(self, frames: int) -> bytes:
        """The next speech for the device, at most so many frames; less, or nothing, where there is none. Never waits.

        16-bit signed little-endian, in the device's rate and channels.
        """
        wanted = frames * self._frame_bytes
        with self._lock:
            # A device with blocks longer than the latency would be given half of one, and then wait.
            if self._waiting.size >= max(self._latency, wanted) or self._silence >= self._pause:
                self._is_running = self._waiting.size > 0
            sound = self._waiting.take(wanted) if self._is_running else b""
            if self._is_running and len(sound) < wanted:
                self._is_running = False
                self._has_run_dry = not self._is_over
            self._silence += wanted - len(sound)
            self._played += len(sound)
            self._last = sound
        return sound

    def _convert(self, pcm: bytes, rate: int, era: int) -> bytes:
        converter = self._converter_in(era)
        if rate == converter.rate_in:
            return converter.feed(pcm)
        self._converter = Converter(rate, 1, *self._target)
        return converter.flush() + self._converter.feed(pcm)

    def _converter_in(self, era: int) -> Converter:
        """The converter, which holds nothing of an earlier era."""
        if self._converter_era != era:
            self._converter.reset()
            self._converter_era = era
        return self._converter

    def _append(self, sound: bytes) -> None:
        self._waiting.append(sound)
        self._held_ms = self._converter.held_ms


class _Pieces:
    """Bytes that are taken out in other pieces than they came in, without copying what stays.

    Attributes:
        size: How many there are.
    """

    def __init__(self) -> None:
        self._pieces: deque[memoryview] = deque()
        self.size = 0

    def append(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(memoryview(piece))
            self.size += len(piece)

    def take(self, size: int) -> bytes:
        """The next so many; fewer where there are not so many."""
        taken = []
        left = size
        while left and self._pieces:
            piece = self._pieces.popleft()
            if len(piece) > left:
                self._pieces.appendleft(piece[left:])
            taken.append(piece[:left])
            left -= len(taken[-1])
        self.size -= size - left
        return b"".join(taken)
