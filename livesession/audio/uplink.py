"""The user's side of an audio conversation: from an `AudioInput` to the model."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Protocol

from livesession.audio.pcm import level_of
from livesession.audio.resampler import Converter
from livesession.logs import logger
from livesession.messages.pcm_audio import USER_RATE
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

if TYPE_CHECKING:
    from livesession.audio.device_protocols import AudioInput

__all__ = ["SPEECH_LEVEL", "EchoCanceller", "Uplink"]

SPEECH_LEVEL = 0.02  # of full scale; what is louder counts as the user's speech, for the measurement of latency
SHUTS_WITHIN = 1.0  # seconds for a block that is being sent


class EchoCanceller(Protocol):
    """Takes what the loudspeaker plays out of what the microphone hears; both mono, 16-bit little-endian, 16,000 Hz."""

    def played(self, pcm: bytes) -> None:
        """Takes what is about to be played; on the output's thread, must not wait."""

    def cleaned(self, pcm: bytes) -> bytes:
        """Returns what was heard, without what was played; as much comes out over time as goes in."""


class Uplink:
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
        self._converter = Converter(input.rate, input.channels, USER_RATE, 1)
        self._thread = threading.Thread(target=self._run, name="livesession-audio-in", daemon=True)
        self._is_closed = False
        self._is_sending = False
        self._notifier = Notifier()  # opened when a block has been sent
        self._later: deque[Callable[[], None]] = deque()  # what waits for that
        self.is_open = False  # whether what is heard is sent
        self.level = 0.0
        self.sent_ms = 0.0
        self.held_ms = 0.0  # replaced by silence, or not sent at all

    @property
    def dropped_ms(self) -> float:
        """The milliseconds that the device lost because the network was slow."""
        return self._input.dropped_ms

    @property
    def is_current_thread(self) -> bool:
        """Whether this is called by the input, or by the canceller."""
        return self._thread is threading.current_thread()

    def start(self) -> None:
        self._thread.start()

    def shut(self) -> None:
        """Nothing that is heard is sent any more when it returns, or after a second, where the network hangs."""
        self.is_open = False
        if not self.is_current_thread:
            self._notifier.wait_until(lambda: not self._is_sending, Deadline(SHUTS_WITHIN))

    def say_next(self, say: Callable[[], None]) -> None:
        """Calls it before the next block is sent: now, or on the thread of this, where a block is stuck."""
        self._later.append(say)
        if not self._is_sending or self.is_current_thread:
            self._say()

    def _say(self) -> None:
        with suppress(IndexError):  # the other thread has taken it
            while self._later:
                self._later.popleft()()

    def close(self) -> None:
        """Releases the device; any thread. What the device raises is logged: the others are to be released, too."""
        self._is_closed = True
        try:
            self._input.close()
        except Exception as error:
            logger.warning("the input of an audio conversation could not be closed", exc_info=error)

    def join(self, deadline: Deadline) -> None:
        if self._thread.is_alive() and not self.is_current_thread:
            self._thread.join(deadline.remaining())

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            if not self._is_closed:
                self._listen()
        except BaseException as raised:
            error = raised
        self.level = 0.0
        self._on_end(error)

    def _listen(self) -> None:
        with closing(self._input):
            for block in self._input.blocks():
                self._hear(self._converter.feed(block))
            self._hear(self._converter.flush())

    def _hear(self, pcm: bytes) -> None:
        if self._canceller is not None:
            pcm = self._canceller.cleaned(pcm)
        if not pcm:
            return
        self.level = level_of(pcm)
        self._is_sending = True  # before it is looked whether it may be: shut() waits for it
        try:
            self._pass_on(pcm)
        finally:
            self._is_sending = False
            self._notifier.notify()
            self._say()

    def _pass_on(self, pcm: bytes) -> None:
        milliseconds = len(pcm) / (2 * USER_RATE) * 1000
        is_gated, is_open = self._is_gated(), self.is_open
        if is_gated or not is_open:
            self.held_ms += milliseconds
        if is_open:
            # Silence, not nothing: a server that finds speech by itself waits for the sound to go on.
            self._send(bytes(len(pcm)) if is_gated else pcm)
            self.sent_ms += milliseconds
