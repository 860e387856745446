"""Audio conversations in the tests' hands: what goes into them, what comes out of them, and what the server hears."""

from __future__ import annotations

import base64
import queue
from array import array
from typing import ClassVar

from livesession import AutomaticActivityDetection, LiveGenerationConfig, RealtimeInputConfig
from livesession.audio import CallbackOutput, PcmInput
from tests.kit.waiting import PATIENCE

BLOCK = 640  # bytes of 20 ms at 16,000 Hz
LOUD = array("h", [8000, -8000] * 160).tobytes()
MANUAL = LiveGenerationConfig(
    realtime_input_config=RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))
)


class Line:
    """A telephone line: an input that hears what the test puts in, until the test hangs up."""

    open: ClassVar[list[Line]] = []

    def __init__(self) -> None:
        self._blocks: queue.Queue[bytes | None] = queue.Queue()
        self.open.append(self)

    def speak(self, pcm: bytes = LOUD) -> None:
        self._blocks.put(pcm)

    def hang_up(self) -> None:
        self._blocks.put(None)

    def __iter__(self):
        return iter(lambda: self._blocks.get(timeout=PATIENCE), None)


class Ear(CallbackOutput):
    """An output that remembers what was heard, without the silence."""

    def __init__(self) -> None:
        self.heard = bytearray()
        super().__init__(self._hear)

    def _hear(self, pcm: bytes) -> None:
        if any(pcm):
            self.heard += pcm


class Room(Ear):
    """The same as a loudspeaker in the room of the microphone."""

    is_loudspeaker = True


class RoomInput(PcmInput):
    is_microphone = True


def speech(milliseconds: int) -> dict:
    data = base64.b64encode(array("h", [3000] * (24 * milliseconds)).tobytes()).decode()
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}
    return {"serverContent": {"modelTurn": {"parts": [part]}}}


def audio_sent(model) -> bytes:
    """The next piece of audio that the client sends."""
    while "audio" not in (message := model.hears()).get("realtimeInput", {}):
        pass
    return base64.b64decode(message["realtimeInput"]["audio"]["data"])


def hears_key(model, key: str) -> None:
    while key not in model.hears().get("realtimeInput", {}):
        pass
