"""The user's side of an audio conversation: from an `AudioInput` to the model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from livesession.audio.devices import AudioInput
from livesession.audio.pcm import level_of
from livesession.audio.resampling import Converter
from livesession.connection.deadline import Deadline

__all__ = ["RATE", "SPEECH_LEVEL", "EchoCanceller", "Hearing"]

RATE = 16_000  # what the model hears
SPEECH_LEVEL = 0.02  # of full scale; what is louder counts as the user's speech, for the measurement of latency


class EchoCanceller(Protocol):
    """Takes what the loudspeaker plays out of what the microphone hears; both mono, 16-bit little-endian, 16,000 Hz."""

    def played(self, pcm: bytes) -> None:
        """This is about to be played; on the output's thread, must not wait."""

    def cleaned(self, pcm: bytes) -> bytes:
        """What was heard, without what was played; as much comes out over time as goes in."""


class Hearing:
    """Sends what an input hears, on the thread "livesession-audio-in".

    Args:
        input: The device.
        send: Sends a piece of 16,000 Hz mono PCM; raises when the session is over.
        is_gated: Whether the microphone counts as silent now, because it would hear the loudspeaker.
        canceller: Takes the echo out, if there is one.
        on_end: Called when there is no more, with the error if it ended by one.
    """

    def __init__(
        self,
        input: AudioInput,
        send: Callable[[bytes], None],
        is_gated: Callable[[], bool],
        canceller: EchoCanceller | None,
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        self._input = input
        self._send = send
        self._is_gated = is_gated
        self._canceller = canceller
        self._on_end = on_end
        self._converter = Converter(input.rate, input.channels, RATE, 1)
        self._thread = threading.Thread(target=self._run, name="livesession-audio-in", daemon=True)
        self.is_open = True  # whether what is heard is sent; set by the controller
        self.level = 0.0
        self.sent_ms = 0.0
        self.held_ms = 0.0  # replaced by silence, or not sent at all

    @property
    def dropped_ms(self) -> float:
        """What the device lost because the network was slow."""
        return self._input.dropped_ms

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Releases the device; any thread."""
        self._input.close()

    def join(self, deadline: Deadline) -> None:
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(deadline.left())

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            with closing(self._input):
                for block in self._input.blocks():
                    self._hear(self._converter.feed(block))
                self._hear(self._converter.flush())
        except BaseException as raised:
            error = raised
        self._on_end(error)

    def _hear(self, pcm: bytes) -> None:
        if self._canceller is not None:
            pcm = self._canceller.cleaned(pcm)
        if not pcm:
            return
        self.level = level_of(pcm)
        milliseconds = len(pcm) / (2 * RATE) * 1000
        is_gated = self._is_gated()
        if is_gated or not self.is_open:
            self.held_ms += milliseconds
        if self.is_open:
            # Silence, not nothing: a server that finds speech by itself waits for the sound to go on.
            self._send(bytes(len(pcm)) if is_gated else pcm)
            self.sent_ms += milliseconds
