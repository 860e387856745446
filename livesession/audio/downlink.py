"""The model's side of an audio conversation: from its messages to an `AudioOutput`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from livesession.audio.playback import Playback
from livesession.audio.resampler import Converter
from livesession.logs import logger
from livesession.messages.pcm_audio import MODEL_RATE, USER_RATE

if TYPE_CHECKING:
    from livesession.audio.device_protocols import AudioOutput
    from livesession.audio.uplink import EchoCanceller
    from livesession.messages.server import LiveServerContent

__all__ = ["Downlink"]

TAIL = 0.3  # seconds for which a room still sounds


class Downlink:
    """Plays what the model says, and knows whether it is to be heard now.

    Args:
        output: The device.
        latency_ms: How much is collected before it is played.
        canceller: Is told what is played.
    """

    def __init__(self, output: AudioOutput, latency_ms: int, canceller: EchoCanceller | None) -> None:
        self._output = output
        self._canceller = canceller
        # Quick, because a canceller must have it before the microphone hears it, whose sound may need no resampling.
        self._to_canceller = Converter(output.rate, output.channels, USER_RATE, 1, is_quick=True) if canceller else None
        self._played_at = -TAIL
        self._renders_on = 0  # the thread of the device
        self.playback = Playback(output.rate, output.channels, latency_ms=latency_ms)
        self.heard_at: float | None = None  # when the user was heard last; set by the controller
        self.response_ms: float | None = None  # from then until the model was heard
        self.interruptions = 0

    def start(self, on_failure: Callable[[Exception], None]) -> None:
        """Opens the device. Raises `AudioDeviceError`."""
        self._output.start(self._render, on_failure)

    def close(self) -> None:
        """Releases the device. What the device raises is logged: the others are to be released, too."""
        try:
            self._output.close()
        except Exception as error:
            logger.warning("the output of an audio conversation could not be closed", exc_info=error)

    def play(self, content: LiveServerContent) -> None:
        """Plays what a message means for the loudspeaker: its audio, silence, or the end of what is said."""
        if content.interrupted:
            self.interruptions += 1
            self.playback.interrupt()
        if audio := content.audio:
            self.playback.put(audio, content.audio_rate or MODEL_RATE)
        if content.generation_complete or content.ends_turn:
            self.end_turn()

    def end_turn(self) -> None:
        """Nothing more comes for now: what is there is played to its end."""
        self.playback.end_turn()

    @property
    def is_current_thread(self) -> bool:
        """Whether this is called by the output, or by the canceller."""
        return self._renders_on == threading.get_ident()

    @property
    def is_heard(self) -> bool:
        """Whether a microphone in the room would hear it, or its echo."""
        return self.playback.is_playing or time.monotonic() - self._played_at < TAIL

    def _render(self, frames: int) -> bytes:
        self._renders_on = threading.get_ident()
        pcm = self.playback.render(frames)
        if pcm:
            self._played_at = time.monotonic()
            if self.heard_at is not None:
                self.response_ms, self.heard_at = (self._played_at - self.heard_at) * 1000, None
        if self._canceller is not None and self._to_canceller is not None:
            frame_bytes = 2 * self._output.channels
            self._canceller.played(self._to_canceller.feed(pcm + bytes(frames * frame_bytes - len(pcm))))
        return pcm
