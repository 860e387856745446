"""Who listens to a microphone in the tests, and who gives a loudspeaker something to play."""

from __future__ import annotations

import time

from tests.audio.sound import Sound
from tests.kit.waiting import InThread, wait_until


class Listener:
    """Takes what a microphone hears, in a thread, until the microphone is closed."""

    def __init__(self, microphone):
        self.microphone = microphone
        self.blocks = []
        self._thread = InThread(self._listen)

    def _listen(self):
        for block in self.microphone.blocks():
            self.blocks.append(block)

    def wait_for_more(self, blocks=1):
        enough = len(self.blocks) + blocks
        wait_until(lambda: len(self.blocks) >= enough)

    def result(self):
        """Waits for the end, and raises what ended it."""
        self._thread.result()

    @property
    def sound(self):
        return Sound.of_pcm(b"".join(self.blocks), self.microphone.rate, self.microphone.channels)


class Player:
    """Renders PCM, then nothing."""

    def __init__(self, pcm=b"", channels=1):
        self.pcm = pcm
        self.asked_at = 0.0
        self._frame_bytes = 2 * channels

    def __call__(self, frames):
        self.asked_at = time.monotonic()
        size = frames * self._frame_bytes
        block, self.pcm = self.pcm[:size], self.pcm[size:]
        return block


def never(error):
    raise AssertionError(f"failed: {error!r}")
