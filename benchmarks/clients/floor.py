"""The floor: a raw socket, large reads, orjson, binascii and a mask in C, in one thread; nothing is checked."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import socket
import struct
import time
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence

import orjson
from websockets.speedups import apply_mask

from benchmarks.clients.client import JPEG, PCM, PING, Arrivals, Client, Session, client_turn, order_text
from benchmarks.loopback import Where
from benchmarks.server.jobs import Job

__all__ = ["FloorClient"]

READ_SIZE = 1 << 16
TEXT, CLOSE = 0x81, 0x88
MASKED = 0x80


class FrameReader:
    """Cuts what is read into the payloads of frames, without copying them."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray(READ_SIZE)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def read(self) -> list[memoryview]:
        """What one read brought; the payloads are good until the next."""
        buffer, view = self._buffer, self._view
        start, end = 0, self._end - self._start
        view[:end] = view[self._start : self._end]
        received = self._sock.recv_into(view[end:])
        if not received:
            raise ConnectionError("the server has gone")
        end += received
        payloads = []
        while end - start >= 4:
            length = buffer[start + 1]
            begin = start + 2
            if length == 126:
                length = buffer[begin] << 8 | buffer[begin + 1]
                begin += 2
            if begin + length > end:
                break
            payloads.append(view[begin : begin + length])
            start = begin + length
        self._start, self._end = start, end
        return payloads


class FloorSession(Session):
    """A connection that was upgraded and set up."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.reader = FrameReader(sock)

    def order(self, count: int) -> None:
        self._send(client_turn(order_text(count)))

    def consume(self, count: int) -> int:
        total = 0
        while True:
            for payload in self.reader.read():
                content = orjson.loads(payload)["serverContent"]
                if "turnComplete" in content:
                    return total
                total += len(audio_of(content))

    def send_audio(self, pcm: bytes, count: int) -> None:
        for _ in range(count):
            data = b2a_base64(pcm, newline=False).decode()
            self._send({"realtimeInput": {"audio": {"mimeType": PCM, "data": data}}})

    def send_image(self, jpeg: bytes, count: int) -> None:
        for _ in range(count):
            data = b2a_base64(jpeg, newline=False).decode()
            self._send({"realtimeInput": {"video": {"mimeType": JPEG, "data": data}}})

    def echo(self, count: int) -> list[int]:
        times = []
        for _ in range(count):
            begun = time.perf_counter_ns()
            self._send({"realtimeInput": {"text": PING}})
            self.next_message()
            times.append(time.perf_counter_ns() - begun)
        return times

    def next_message(self) -> object:
        while True:
            for payload in self.reader.read():
                return orjson.loads(payload)

    def close(self) -> None:
        self._write(CLOSE, struct.pack("!H", 1000))
        with contextlib.suppress(OSError):
            while self.reader.read():
                pass
        self.sock.close()

    def _send(self, message: object) -> None:
        self._write(TEXT, orjson.dumps(message))

    def _write(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        size = len(payload)
        if size < 126:
            header = struct.pack("!BB", opcode, MASKED | size)
        elif size < 1 << 16:
            header = struct.pack("!BBH", opcode, MASKED | 126, size)
        else:
            header = struct.pack("!BBQ", opcode, MASKED | 127, size)
        self.sock.sendall(b"".join((header, mask, apply_mask(payload, mask))))


class FloorClient(Client[FloorSession]):
    """Sockets, and epoll for many of them."""

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        self._tls = where.tls

    def connect(self, job: Job) -> FloorSession:
        sock = socket.create_connection(("127.0.0.1", self.where.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            sock = self._tls.wrap_socket(sock, server_hostname="localhost")
        upgrade(sock, self.where.host)
        session = FloorSession(sock)
        session._send({"setup": {"model": f"models/{job.model}"}})
        session.next_message()
        return session

    def watch(self, sessions: Sequence[FloorSession], arrivals: Arrivals) -> None:
        readers = {session.sock.fileno(): session.reader for session in sessions}
        poll = select.epoll()
        for descriptor in readers:
            poll.register(descriptor, select.EPOLLIN)
        while remaining := arrivals.remaining:
            for descriptor, _ in poll.poll(remaining):
                for payload in readers[descriptor].read():
                    arrivals.add(audio_of(orjson.loads(payload)["serverContent"]))


def audio_of(content: dict) -> bytes:
    return a2b_base64(content["modelTurn"]["parts"][0]["inlineData"]["data"])


def upgrade(sock: socket.socket, host: str) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(4096)
    if not answer.startswith(b"HTTP/1.1 101"):
        raise ConnectionError("not a WebSocket server")
