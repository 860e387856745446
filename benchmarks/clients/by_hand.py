"""What users of a plain WebSocket library write themselves: json and base64 round its send and receive."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Sequence

from benchmarks.clients.client import JPEG, PCM, PING, Arrivals, Session, client_turn, order_text
from benchmarks.server.jobs import Job

__all__ = ["HandMadeSession", "watch_in_threads"]


class HandMadeSession(Session):
    """All of a session but the WebSocket.

    Args:
        send: Sends a text frame.
        receive: Returns the next message.
    """

    def __init__(self, send: Callable[[str], object], receive: Callable[[], str | bytes]) -> None:
        self._send = send
        self._receive = receive

    def set_up(self, job: Job) -> None:
        self._send(json.dumps({"setup": {"model": f"models/{job.model}"}}))
        self._receive()

    def order(self, count: int) -> None:
        self._send(json.dumps(client_turn(order_text(count))))

    def consume(self, count: int) -> int:
        total = sum(len(audio_of(self._receive())) for _ in range(count))
        json.loads(self._receive())
        return total

    def send_audio(self, pcm: bytes, count: int) -> None:
        for _ in range(count):
            data = base64.b64encode(pcm).decode()
            self._send(json.dumps({"realtimeInput": {"audio": {"mimeType": PCM, "data": data}}}))

    def send_image(self, jpeg: bytes, count: int) -> None:
        for _ in range(count):
            data = base64.b64encode(jpeg).decode()
            self._send(json.dumps({"realtimeInput": {"video": {"mimeType": JPEG, "data": data}}}))

    def echo(self, count: int) -> list[int]:
        times = []
        for _ in range(count):
            begun = time.perf_counter_ns()
            self._send(json.dumps({"realtimeInput": {"text": PING}}))
            json.loads(self._receive())
            times.append(time.perf_counter_ns() - begun)
        return times

    def receive_paced(self, arrivals: Arrivals) -> None:
        """Receives until the session ends, or time is over."""
        with contextlib.suppress(Exception):  # each library has its own for a session that is closed meanwhile
            while arrivals.remaining:
                arrivals.add(audio_of(self._receive()))


def audio_of(message: str | bytes) -> bytes:
    return base64.b64decode(json.loads(message)["serverContent"]["modelTurn"]["parts"][0]["inlineData"]["data"])


def watch_in_threads(sessions: Sequence[HandMadeSession], arrivals: Arrivals) -> None:
    """A consumer thread a session: these libraries have no other way."""
    for session in sessions:
        threading.Thread(target=session.receive_paced, args=(arrivals,), daemon=True).start()
    while arrivals.remaining:
        time.sleep(0.02)
