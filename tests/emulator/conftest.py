"""A raw client over websockets' blocking API, so that the emulator is tested without any code of the project."""

from __future__ import annotations

import base64
import json
import math
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from livesession.emulator import LiveEmulator

PATHS = {
    "google": "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    "vertex": "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent",
    "firebase": "/ws/google.firebase.vertexai.v1beta.GenerativeService/BidiGenerateContent",
    "firebase-vertex": "/ws/google.firebase.vertexai.v1beta.LlmBidiService/BidiGenerateContent/locations/us-central1",
}
MODELS = {
    "google": "models/m",
    "vertex": "projects/p/locations/us-central1/publishers/google/models/m",
    "firebase": "projects/p/models/m",
    "firebase-vertex": "projects/p/locations/us-central1/publishers/google/models/m",
}
TEXT = {"generationConfig": {"responseModalities": ["TEXT"]}}


class Client:
    """One WebSocket to an emulator, with a deadline on every wait."""

    def __init__(self, socket: ClientConnection, kind: str) -> None:
        self.socket = socket
        self.kind = kind

    def send(self, message: Mapping[str, object] | str | bytes) -> None:
        self.socket.send(json.dumps(message) if isinstance(message, Mapping) else message)

    def say(self, text: str, *, complete: bool = True) -> None:
        turn = {"role": "user", "parts": [{"text": text}]}
        self.send({"clientContent": {"turns": [turn], "turnComplete": complete}})

    def speak(self, pcm: bytes, rate: int = 16_000, size: int = 3_200) -> None:
        for start in range(0, len(pcm), size):
            data = base64.b64encode(pcm[start : start + size]).decode()
            self.send({"realtimeInput": {"audio": {"mimeType": f"audio/pcm;rate={rate}", "data": data}}})

    def raw(self, timeout: float = 5) -> str | bytes:
        return self.socket.recv(timeout=timeout)

    def receive(self) -> dict[str, Any]:
        message = json.loads(self.raw())
        assert isinstance(message, dict)
        return message

    def until(self, key: str, field: str | None = None) -> list[dict[str, Any]]:
        """Every message up to the first that has `key` (and `field` in it)."""
        messages = [self.receive()]
        while key not in messages[-1] or (field and field not in messages[-1][key]):
            messages.append(self.receive())
        return messages

    def turn(self) -> list[dict[str, Any]]:
        return self.until("serverContent", "turnComplete")

    def drain(self) -> None:
        while True:
            self.raw()

    def close_frame(self) -> tuple[int, str]:
        """The code and reason of the server's close, after whatever else it still sends."""
        with pytest.raises(ConnectionClosed) as end:
            self.drain()
        assert end.value.rcvd is not None, "the connection was cut"
        return end.value.rcvd.code, end.value.rcvd.reason


Dial = Callable[..., Client]


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Connects: `dial(emulator, kind, **setup)`; with `setup=False` nothing is sent."""
    with ExitStack() as stack:

        def connect_to(
            emulator: LiveEmulator,
            kind: str = "google",
            *,
            setup: bool = True,
            wait: bool = True,
            open_timeout: float = 10,
            **fields: Any,
        ) -> Client:
            url = f"{emulator.url}{PATHS[kind]}?key=k"
            # Frames that a test leaves unread would keep this client from seeing the answer to its close.
            options: dict[str, Any] = {
                "proxy": None,
                "max_size": None,
                "close_timeout": 0.3,
                "open_timeout": open_timeout,
            }
            if kind == "vertex":
                options["additional_headers"] = {"Authorization": "Bearer t"}
            client = Client(stack.enter_context(connect(url, **options)), kind)
            if setup:
                client.send({"setup": {"model": MODELS[kind], **TEXT, **fields}})
            if setup and wait:
                assert "setupComplete" in client.receive()
            return client

        yield connect_to


@pytest.fixture
def emulator() -> Iterator[LiveEmulator]:
    with LiveEmulator() as running:
        yield running


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """About two seconds of speech, 16 kHz mono PCM16: espeak-ng's, or else a buzz with the formants of a vowel."""
    if shutil.which("espeak-ng") and shutil.which("sox"):
        folder = tmp_path_factory.mktemp("speech")
        subprocess.run(
            ["espeak-ng", "-w", "a.wav", "Hello there, how are you today my friend?"], cwd=folder, check=True
        )
        subprocess.run(
            ["sox", "a.wav", "-r", "16000", "-c", "1", "-b", "16", "-e", "signed", "-t", "raw", "a.raw"],
            cwd=folder,
            check=True,
        )
        return Path(folder, "a.raw").read_bytes()
    return b"".join(struct.pack("<h", _vowel(index / 16_000)) for index in range(32_000))


def _vowel(time: float) -> int:
    loudness = 0.6 + 0.4 * math.sin(2 * math.pi * 4 * time)
    harmonics = range(1, 28)
    wave = sum(_formants(120 * n) * math.sin(2 * math.pi * 120 * n * time) for n in harmonics)
    return max(-32_000, min(32_000, int(6_000 * loudness * wave)))


def _formants(hertz: float) -> float:
    return sum(math.exp(-(((hertz - peak) / 150) ** 2)) for peak in (700, 1_220, 2_600))


def silence(seconds: float) -> bytes:
    return bytes(int(seconds * 16_000) * 2)


@pytest.fixture(name="silence")
def _drain_wakeups() -> Callable[[float], bytes]:
    return silence


def texts(messages: list[dict[str, Any]]) -> str:
    turns = [message.get("serverContent", {}).get("modelTurn", {}) for message in messages]
    return "".join(part.get("text", "") for turn in turns for part in turn.get("parts", []))


def audio(messages: list[dict[str, Any]]) -> bytes:
    turns = [message.get("serverContent", {}).get("modelTurn", {}) for message in messages]
    blobs = [part["inlineData"]["data"] for turn in turns for part in turn.get("parts", []) if "inlineData" in part]
    return b"".join(map(base64.b64decode, blobs))


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    """The one interesting key of each message: the field of `serverContent`, else the envelope's."""
    return [next(iter(message.get("serverContent") or message)) for message in messages]


class Reading:
    """What one reads out of messages."""

    texts = staticmethod(texts)
    audio = staticmethod(audio)
    kinds = staticmethod(kinds)


@pytest.fixture
def read() -> type[Reading]:
    return Reading
