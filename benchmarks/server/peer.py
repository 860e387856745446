"""One client as the load server sees it: the upgrade, frames in, frames out; no more of WebSocket than clients use."""

from __future__ import annotations

import base64
import hashlib
import re
import socket

from benchmarks.server.messages import frame

__all__ = ["Peer"]

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE, PING, CONTROL = 0x8, 0x9, 0x8
FINAL = 0x80
LONGEST_HEADER = 14
READ_SIZE = 1 << 18


class Peer:
    """A connection that was accepted; one thread uses it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._rest = b""

    def upgrade(self) -> None:
        """Answers the HTTP request."""
        while b"\r\n\r\n" not in self._rest:
            self._rest += self._read()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        key = re.search(rb"(?i)sec-websocket-key:\s*(\S+)", head)
        if key is None:
            raise ConnectionError("not a WebSocket request")
        accept = base64.b64encode(hashlib.sha1(key[1] + MAGIC).digest())
        self.sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def message(self) -> bytes | None:
        """The client's next message, unmasked; None once it has closed."""
        while True:
            opcode, payload = self._frame()
            if opcode == CLOSE:
                self.sock.sendall(frame(payload, FINAL | CLOSE))
                return None
            if opcode == PING:
                self.sock.sendall(frame(payload, FINAL | 0xA))
            elif not opcode & CONTROL:
                return payload

    def skip(self, messages: int) -> None:
        """Reads past that many messages; only the lengths in their headers are looked at."""
        data, position = self._rest, 0
        while messages or position > len(data):
            if position < len(data):
                data, position = data[position:] + self._read(), 0
            else:
                position -= len(data)
                data = self._read()
            while messages and position + LONGEST_HEADER <= len(data):
                length = data[position + 1] & 127
                if length < 126:
                    size = 6 + length
                elif length == 126:
                    size = 8 + (data[position + 2] << 8 | data[position + 3])
                else:
                    size = 14 + int.from_bytes(data[position + 2 : position + 10], "big")
                messages -= not data[position] & CONTROL
                position += size
        self._rest = data[position:]

    def _frame(self) -> tuple[int, bytes]:
        first, length = self._take(2)
        length &= 127
        if length > 125:
            length = int.from_bytes(self._take(2 if length == 126 else 8), "big")
        mask = self._take(4)
        payload = self._take(length)
        key = (mask * (length // 4 + 1))[:length]
        plain = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
        return first & 15, plain.to_bytes(length, "big")

    def _take(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._rest += self._read()
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def _read(self) -> bytes:
        data = self.sock.recv(READ_SIZE)
        if not data:
            raise ConnectionError("the client has gone")
        return data
