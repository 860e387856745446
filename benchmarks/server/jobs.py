"""What the load server does for a client: the model's name says which job, and each text `go-N` has it done N times."""

from __future__ import annotations

import re

from attrs import frozen

from benchmarks.server.messages import PONG, SETUP_COMPLETE, TURN_COMPLETE, audio_frame, calls
from benchmarks.server.pacing import Pacer
from benchmarks.server.peer import Peer

__all__ = ["Job", "serve"]

WRITE_SIZE = 1 << 18


@frozen
class Job:
    """A kind of work with its one number, as in the model's name `bench-push-2560`.

    `push`: N audio messages of that many base64 characters, as fast as they go, and the end of the turn.
    `sink`: swallows N messages, then the end of the turn confirms them.
    `echo`: answers each of N messages with a small one.
    `call`: makes that many calls of the function `work`, in one message, and then does the same.
    `pace`: N audio messages in real time, when so many sessions have asked for them.
    """

    kind: str
    number: int = 0

    @property
    def model(self) -> str:
        return f"bench-{self.kind}-{self.number}"

    @classmethod
    def of(cls, setup: bytes) -> Job:
        """The job that a setup message names."""
        found = re.search(rb"bench-([a-z]+)-(\d+)", setup)
        if found is None:
            raise ConnectionError("no job in the setup")
        return cls(found[1].decode(), int(found[2]))


def serve(peer: Peer, pacer: Pacer) -> None:
    """One connection from its upgrade to its end."""
    peer.upgrade()
    setup = peer.message()
    if setup is None:
        return
    job = Job.of(setup)
    peer.sock.sendall(SETUP_COMPLETE)
    while (order := peer.message()) is not None:
        found = re.search(rb"go-(\d+)", order)
        if found is None:
            raise ConnectionError("not an order")
        perform(job, int(found[1]), peer, pacer)


def perform(job: Job, count: int, peer: Peer, pacer: Pacer) -> None:
    if job.kind == "push":
        push(peer, audio_frame(job.number), count)
    elif job.kind == "sink":
        peer.skip(count)
        peer.sock.sendall(TURN_COMPLETE)
    elif job.kind == "echo":
        echo(peer, count)
    elif job.kind == "call":
        peer.sock.sendall(calls(job.number))
        echo(peer, count)
    elif job.kind == "pace":
        pacer.join(peer, job.number, count)


def echo(peer: Peer, count: int) -> None:
    for _ in range(count):
        if peer.message() is None:
            raise ConnectionError("closed in the middle of a job")
        peer.sock.sendall(PONG)


def push(peer: Peer, audio: bytes, count: int) -> None:
    at_once = max(1, min(count, WRITE_SIZE // len(audio)))
    block = audio * at_once
    for _ in range(count // at_once):
        peer.sock.sendall(block)
    peer.sock.sendall(audio * (count % at_once) + TURN_COMPLETE)
