"""An echo canceller: the user can cut in beside a loudspeaker, and the model does not hear itself."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import final

from livesession.audio.alignment import Alignment
from livesession.audio.webrtc import AudioProcessing
from livesession.errors import AudioDeviceError, ConfigurationError

__all__ = ["WebRtcEchoCanceller"]

LONGEST_DELAY_MS = 2000
FOUND_MS = 250  # in the middle of what WebRTC finds by itself, 10 to 500


@final
class WebRtcEchoCanceller:
    """WebRTC's echo canceller (AEC3, extra `echo`): an `EchoCanceller`, for one conversation at a time.

        with WebRtcEchoCanceller() as canceller, start_audio_conversation(session, echo_canceller=canceller):
            ...

    It learns the way from the loudspeaker to the microphone while the model speaks: the echo is quiet within the first
    tenths of a second, and gone within a few seconds. What the user says meanwhile stays, at times more quietly. Both
    devices may be ones that buffer: how late the microphone hears what is played is found, up to 500 ms.

    Any thread may use it. It starts no thread of Python's; livekit's library keeps some native ones, and cannot be
    used in a process forked from one in which it was.

    Args:
        delay_ms: About how late the microphone hears what is played, in milliseconds from 0 to 2,000. Needed only
            where that is more than 500, as with some Bluetooth loudspeakers; 200 too many or too few do no harm.
            Default None: it is found.
        noise_suppression: Whether steady noise is taken out too; default False, as speech recognition commonly
            copes better with noise than with what suppression does to speech.
        gain_control: Whether quiet speech is made louder; default False. It makes what is left of echoes louder too.

    Raises:
        MissingExtraError: The extra `echo` is not installed.
        AudioDeviceError: Its native library does not start.
        ConfigurationError: `delay_ms` is no whole number from 0 to 2,000.
    """

    def __init__(
        self, *, delay_ms: int | None = None, noise_suppression: bool = False, gain_control: bool = False
    ) -> None:
        if delay_ms is not None and (not isinstance(delay_ms, int) or not 0 <= delay_ms <= LONGEST_DELAY_MS):
            raise ConfigurationError(
                f"delay_ms must be a whole number from 0 to {LONGEST_DELAY_MS}, or None, not {delay_ms!r}."
            )
        told = None if delay_ms is None else min(delay_ms, FOUND_MS)
        self._alignment = Alignment(max(0, (delay_ms or 0) - FOUND_MS) / 1000)
        # Guards what is heard and the processing; no other is taken inside, and played() does not take it.
        self._lock = threading.Lock()
        self._processing: AudioProcessing | None = AudioProcessing(
            told, noise_suppression=noise_suppression, gain_control=gain_control
        )

    def __repr__(self) -> str:
        return f"<WebRtcEchoCanceller, {'closed' if self._processing is None else 'open'}>"

    def __enter__(self) -> WebRtcEchoCanceller:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def played(self, pcm: bytes) -> None:
        """Takes what is about to be played: 16-bit signed little-endian, mono, 16,000 Hz, any length; never waits.

        Silence too: without it, what comes after would be out of its place. Ignored after `close()`.
        """
        self._alignment.played(pcm, time.monotonic())

    def cleaned(self, pcm: bytes) -> bytes:
        """Takes what was heard and gives it without what was played, in the same form.

        As much comes out over time as goes in: whole frames of 10 ms, what is left over waits for the next call.

        Raises:
            AudioDeviceError: This was closed, or the native library failed.
        """
        with self._lock:
            if self._processing is None:
                raise AudioDeviceError("This echo canceller is closed: make a new one.")
            pairs = self._alignment.heard(pcm, time.monotonic())
            return b"".join([self._processing.clean(played, heard) for played, heard in pairs])

    def close(self) -> None:
        """Gives the memory of the native library back; any thread, any number of times. So does forgetting this."""
        with self._lock:
            self._processing = None
