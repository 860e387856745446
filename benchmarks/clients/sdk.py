"""livesession, as its users use it."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Sequence

from benchmarks.clients.client import JPEG, PING, Arrivals, Client, Session, order_text
from benchmarks.loopback import Where
from benchmarks.server.jobs import Job
from livesession import (
    GenerativeContentBlob,
    GoogleAI,
    LiveGenerativeModel,
    LiveServerMessage,
    LiveSession,
    ReceiveTimeout,
    receive_any,
)

__all__ = ["SdkClient"]


class SdkSession(Session):
    """A `LiveSession` and the one iterator over its messages."""

    def __init__(self, live: LiveSession) -> None:
        self.live = live
        self._messages = live.receive()

    def order(self, count: int) -> None:
        self.live.send(order_text(count), turn_complete=True)

    def consume(self, count: int) -> int:
        total = 0
        for message in itertools.islice(self._messages, count):
            total += len(message.audio)
        next(self._messages)
        return total

    def send_audio(self, pcm: bytes, count: int) -> None:
        for _ in range(count):
            self.live.send_audio_realtime(pcm)

    def send_image(self, jpeg: bytes, count: int) -> None:
        for _ in range(count):
            self.live.send_video_realtime(GenerativeContentBlob(mime_type=JPEG, data=jpeg))

    def echo(self, count: int) -> list[int]:
        times = []
        for _ in range(count):
            begun = time.perf_counter_ns()
            self.live.send_text_realtime(PING)
            next(self._messages)
            times.append(time.perf_counter_ns() - begun)
        return times

    def close(self) -> None:
        self.live.close()


class SdkClient(Client[SdkSession]):
    """The Developer API's back end, aimed at the load server."""

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        self._backend = GoogleAI(api_key="benchmark", base_url=where.url, ssl_context=where.tls)

    def connect(self, job: Job) -> SdkSession:
        return SdkSession(LiveGenerativeModel(job.model, backend=self._backend).connect())

    def watch(self, sessions: Sequence[SdkSession], arrivals: Arrivals) -> None:
        with contextlib.suppress(ReceiveTimeout):
            for _, message in receive_any([session.live for session in sessions], timeout=arrivals.remaining):
                if isinstance(message, LiveServerMessage):  # and not an end, or an error
                    arrivals.add(message.audio)
                if not arrivals.remaining:
                    return
