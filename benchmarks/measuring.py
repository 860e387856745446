"""The measurements themselves: each does one kind of work with a client and says what it cost."""

from __future__ import annotations

import gc
import os
import random
import time
from types import TracebackType

from benchmarks.clients.client import Arrivals, Client, Session
from benchmarks.server.jobs import Job
from benchmarks.server.pacing import INTERVAL, LEAD

__all__ = ["Measures", "connect", "echo", "memory", "receive", "send_audio", "send_image", "sessions"]

Measures = dict[str, float]

BURST = 2000  # messages that are pushed at a time: a long answer, not more than fits into any inbox
BURSTS = 8
WARM_UP = 500
PACED_SECONDS = 4.0
GRACE = 1.0  # seconds after the last paced message was due, for those that are late
CYCLES = 150
SESSIONS_FOR_MEMORY = 200


class Meter:
    """CPU time of all threads of this process, and wall time, while the context lasts."""

    def __enter__(self) -> Meter:
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cpu = time.process_time() - self._cpu
        self.wall = time.perf_counter() - self._wall

    def per_message(self, count: int) -> Measures:
        return {"cpu_us": self.cpu / count * 1e6, "per_second": count / self.wall}


def receive(client: Client[Session], characters: int) -> Measures:
    """Audio messages as fast as they come, each decoded."""
    session = client.connect(Job("push", characters))
    session.order(WARM_UP)
    session.consume(WARM_UP)
    total = 0
    with Meter() as meter:
        for _ in range(BURSTS):
            session.order(BURST)
            total += session.consume(BURST)
    session.close()
    if total != BURSTS * BURST * characters * 3 // 4:
        raise RuntimeError(f"{total} bytes of audio came")
    return meter.per_message(BURSTS * BURST)


def send_audio(client: Client[Session], size: int) -> Measures:
    """Pieces of speech as fast as they go, until the server has them all."""
    pcm, count = random.Random(size).randbytes(size), 10_000
    session = client.connect(Job("sink"))
    session.order(WARM_UP)
    session.send_audio(pcm, WARM_UP)
    session.confirm()
    with Meter() as meter:
        session.order(count)
        session.send_audio(pcm, count)
        session.confirm()
    session.close()
    return meter.per_message(count)


def send_image(client: Client[Session], size: int) -> Measures:
    """Pictures as fast as they go, until the server has them all."""
    jpeg, count = random.Random(size).randbytes(size), 60
    session = client.connect(Job("sink"))
    session.order(5)
    session.send_image(jpeg, 5)
    session.confirm()
    with Meter() as meter:
        session.order(count)
        session.send_image(jpeg, count)
        session.confirm()
    session.close()
    return meter.per_message(count)


def echo(client: Client[Session]) -> Measures:
    """Round trips of small messages."""
    count = 2000
    session = client.connect(Job("echo"))
    session.order(WARM_UP + count)
    session.echo(WARM_UP)
    with Meter() as meter:
        times = sorted(session.echo(count))
    session.close()
    return {**meter.per_message(count), "p50_us": times[count // 2] / 1e3, "p99_us": times[count * 99 // 100] / 1e3}


def sessions(client: Client[Session], number: int) -> Measures:
    """Many sessions in real time, 25 messages a second each: what arrives, how late, and at what cost."""
    each = round(PACED_SECONDS / INTERVAL)
    opened = [client.connect(Job("pace", number)) for _ in range(number)]
    gc.collect()
    for session in opened:
        session.order(each)
    arrivals = Arrivals(each * number, time.monotonic() + LEAD + PACED_SECONDS + GRACE)
    with Meter() as meter:
        client.watch(opened, arrivals)
    late = sorted(arrivals.latencies)  # the sessions end with the process: peers take minutes to close a thousand
    count = len(late)
    if not count:
        return {"delivered": 0.0}
    return {
        "cpu_us": meter.cpu / count * 1e6,
        "delivered": count / (each * number),
        "p50_ms": late[count // 2] / 1e6,
        "p99_ms": late[count * 99 // 100] / 1e6,
    }


def connect(client: Client[Session]) -> Measures:
    """Sessions opened and closed, one after the other."""
    for _ in range(10):
        client.connect(Job("echo")).close()
    with Meter() as meter:
        for _ in range(CYCLES):
            client.connect(Job("echo")).close()
    return meter.per_message(CYCLES)


def memory(client: Client[Session]) -> Measures:
    """What an open session that has been used holds."""
    warm = [used_session(client) for _ in range(20)]
    before = resident_kilobytes()
    opened = [used_session(client) for _ in range(SESSIONS_FOR_MEMORY)]
    after = resident_kilobytes()
    for session in warm + opened:
        session.close()
    return {"kilobytes": (after - before) / SESSIONS_FOR_MEMORY}


def used_session(client: Client[Session]) -> Session:
    session = client.connect(Job("echo"))
    session.order(2)
    session.echo(2)
    return session


def resident_kilobytes() -> float:
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024
