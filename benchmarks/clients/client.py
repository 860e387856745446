"""What every client can do in a benchmark."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from benchmarks.loopback import Where
from benchmarks.server.jobs import Job
from benchmarks.server.messages import STAMP

__all__ = ["JPEG", "PCM", "PING", "Arrivals", "Client", "Session", "clear_proxies", "client_turn", "order_text"]

PCM = "audio/pcm;rate=16000"
JPEG = "image/jpeg"
PING = "ping"


def order_text(count: int) -> str:
    """What makes the load server do its job that many times."""
    return f"go-{count}"


def client_turn(text: str) -> dict[str, object]:
    """A complete turn, for those who write their messages by hand."""
    turn = {"role": "user", "parts": [{"text": text}]}
    return {"clientContent": {"turns": [turn], "turnComplete": True}}


class Session(ABC):
    """An open session with the load server; what it can do depends on the job it was made for."""

    @abstractmethod
    def order(self, count: int) -> None:
        """Asks the server to do its job that many times."""

    @abstractmethod
    def consume(self, count: int) -> int:
        """Receives that many audio messages and the end of the turn; how many bytes of PCM they had."""

    @abstractmethod
    def send_audio(self, pcm: bytes, count: int) -> None:
        """Sends the same piece of speech that many times."""

    @abstractmethod
    def send_image(self, jpeg: bytes, count: int) -> None:
        """Sends the same picture that many times."""

    def confirm(self) -> None:
        """Waits until the server has read everything."""
        self.consume(0)

    @abstractmethod
    def echo(self, count: int) -> list[int]:
        """Sends a small message and waits for the answer, that many times; how long each took, in nanoseconds."""

    @abstractmethod
    def close(self) -> None:
        """Ends the session with a closing handshake."""


S = TypeVar("S", bound=Session)


class Client(ABC, Generic[S]):
    """One of the contenders."""

    def __init__(self, where: Where) -> None:
        self.where = where

    @abstractmethod
    def connect(self, job: Job) -> S:
        """Opens a session; returns when its setup is complete."""

    @abstractmethod
    def watch(self, sessions: Sequence[S], arrivals: Arrivals) -> None:
        """Receives from all sessions at a time until the arrivals are over."""


class Arrivals:
    """Paced messages as they come: how old each was when the consumer had its audio.

    Args:
        expected: How many there will be if all come.
        deadline: In `time.monotonic()`; what comes later does not count.
    """

    def __init__(self, expected: int, deadline: float) -> None:
        self._expected = expected
        self._deadline = deadline
        self._last = int(deadline * 1e9)
        self.latencies: list[int] = []  # nanoseconds

    def add(self, pcm: bytes) -> None:
        """One has come; callable from any thread."""
        now = time.monotonic_ns()
        if now <= self._last:
            self.latencies.append(now - STAMP.unpack_from(pcm)[0])

    @property
    def remaining(self) -> float:
        """Seconds until it is over; 0 once it is."""
        if len(self.latencies) >= self._expected:
            return 0.0
        return max(0.0, self._deadline - time.monotonic())


def clear_proxies() -> None:
    """The load server is on this machine: no client is to look for a way there."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            del os.environ[name]
