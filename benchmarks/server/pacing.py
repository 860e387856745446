"""Many sessions that each get 25 messages a second, from one thread."""

from __future__ import annotations

import base64
import random
import socket
import ssl
import threading
import time

from benchmarks.server.messages import STAMP, audio_frame, stamp_offset
from benchmarks.server.peer import Peer

__all__ = ["INTERVAL", "LEAD", "Pacer"]

INTERVAL = 0.04  # seconds: 25 messages a second
LEAD = 0.5  # seconds from when the last session has joined to the first message
CHARACTERS = 2560
NANO = 1_000_000_000
WORTH_SLEEPING = 50_000  # nanoseconds; a shorter wait would end too late


class Pacer:
    """Sends to all sessions at their own phase of the interval, and keeps how late each message was sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the list of peers
        self._peers: list[Peer] = []
        self._over = threading.Event()
        self.lateness: list[int] = []  # nanoseconds
        self.stalled = 0

    def join(self, peer: Peer, sessions: int, count: int) -> None:
        """Takes a session in; returns when all have had their messages. The last one to join sends them."""
        with self._lock:
            self._peers.append(peer)
            complete = len(self._peers) == sessions
        if complete:
            self._run(count)
            self._over.set()
        self._over.wait()

    def _run(self, count: int) -> None:
        message = bytearray(audio_frame(CHARACTERS))
        first = stamp_offset(bytes(message))
        stamp = slice(first, first + 12)
        interval = int(INTERVAL * NANO)
        begin = time.monotonic_ns() + int(LEAD * NANO)
        chance = random.Random(len(self._peers))
        waiting = sorted(((chance.randrange(interval), peer.sock) for peer in self._peers), key=lambda pair: pair[0])
        for _, sock in waiting:
            sock.setblocking(False)
        for _ in range(count):
            stalled = set()
            for phase, sock in waiting:
                due = begin + phase
                now = time.monotonic_ns()
                if due - now > WORTH_SLEEPING:
                    time.sleep((due - now) / NANO)
                    now = time.monotonic_ns()
                message[stamp] = base64.b64encode(STAMP.pack(now))
                self.lateness.append(now - due)
                if not sent_whole(sock, message):
                    stalled.add(sock)
            if stalled:
                waiting = [pair for pair in waiting if pair[1] not in stalled]
                self.stalled += len(stalled)
            begin += interval
        for peer in self._peers:
            peer.sock.setblocking(True)


def sent_whole(sock: socket.socket, message: bytearray) -> bool:
    """Sends without waiting; False where the client reads too slowly, or has gone, and gets nothing more."""
    try:
        return sock.send(message) == len(message)
    except (BlockingIOError, ssl.SSLWantWriteError, ConnectionError):
        return False
