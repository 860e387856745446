"""A Live server for the scripts that interrupt: it numbers what it sends and records what it receives.

It needs nothing but the standard library, so that it runs on every interpreter that has the library's dependencies.
What it does is said by the text of the client's turns:

    feed N        sends N numbered messages at once
    late N        the same, after a few milliseconds
    deaf          reads no more, until the server is told `hear()`
    drop          ends TCP without a close frame
    anything      with turnComplete: answers with `PIECES` messages and the end of the turn, each of which names it
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import ssl
import threading
import time

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PIECES = 3  # messages with text in an answer
LATE = 0.004  # seconds
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(payload: bytes, opcode: int = BINARY) -> bytes:
    """A server's frame."""
    size = len(payload)
    if size < 126:
        return bytes([0x80 | opcode, size]) + payload
    if size < 65536:
        return bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big") + payload


def message(content: object) -> bytes:
    return frame(json.dumps(content).encode())


def said(text: str) -> bytes:
    return message({"serverContent": {"modelTurn": {"parts": [{"text": text}]}}})


def answer(question: str) -> bytes:
    pieces = b"".join(said(f"{question}/{number};") for number in range(PIECES))
    return pieces + message({"serverContent": {"turnComplete": True}})


def answer_text(question: str) -> str:
    return "".join(f"{question}/{number};" for number in range(PIECES))


class Served:
    """The server's end of one connection.

    Attributes:
        heard: The text of each turn that came, in order; for audio, "audio" and its size.
        is_over: Whether the client has gone.
        fault: What was wrong with the client's frames; "" where nothing was.
    """

    def __init__(self, server: NumberedServer, sock: socket.socket) -> None:
        self._server = server
        self._socket = sock
        self._buffer = bytearray()
        self._number = 0
        self.heard: list[str] = []
        self.is_over = False
        self.fault = ""

    def serve(self) -> None:
        try:
            with contextlib.suppress(OSError):
                self._upgrade()
                while True:
                    opcode, payload = self._read_frame()
                    if opcode == CLOSE:
                        self._socket.sendall(frame(payload[:2], CLOSE))
                        break
                    if opcode in (TEXT, BINARY):
                        self._take(payload)
                    elif opcode == PING:
                        self._socket.sendall(frame(payload, PONG))
        finally:
            self._socket.close()
            self.is_over = True

    def _more(self) -> None:
        piece = self._socket.recv(262144)
        if not piece:
            raise ConnectionError
        self._buffer += piece

    def _upgrade(self) -> None:
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        self._buffer = bytearray(rest)
        lines = head.decode().split("\r\n")
        key = next(line.split(": ", 1)[1] for line in lines if line.lower().startswith("sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        self._socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )

    def _need(self, count: int) -> None:
        while len(self._buffer) < count:
            self._more()

    def _read_frame(self) -> tuple[int, bytes]:
        self._need(6)
        first, second = self._buffer[:2]
        size, at = second & 0x7F, 2
        if first & 0x70 or not first & 0x80 or not second & 0x80 or first & 0x0F not in (1, 2, 8, 9, 10):
            self.fault = f"no frame begins with {bytes(self._buffer[:2])!r}"
            raise ConnectionError
        if size >= 126:
            at = 4 if size == 126 else 10
            self._need(at)
            size = int.from_bytes(self._buffer[2:at], "big")
        self._need(at + 4 + size)
        mask = bytes(self._buffer[at : at + 4])
        masked = bytes(self._buffer[at + 4 : at + 4 + size])
        del self._buffer[: at + 4 + size]
        repeated = (mask * (size // 4 + 1))[:size]
        payload = int.from_bytes(masked, "big") ^ int.from_bytes(repeated, "big")
        return first & 0x0F, payload.to_bytes(size, "big")

    def _take(self, payload: bytes) -> None:
        try:
            content = json.loads(payload)
        except ValueError:
            self.fault = f"not JSON: {payload[:80]!r}"
            return
        if setup := content.get("setup"):
            self._set_up(setup)
        elif turns := content.get("clientContent"):
            parts = [part.get("text", "") for turn in turns.get("turns", ()) for part in turn["parts"]]
            self._take_turn("".join(parts), bool(turns.get("turnComplete")))
        elif "realtimeInput" in content:
            self.heard.append(f"realtime {len(payload)}")

    def _set_up(self, setup: dict) -> None:
        data = message({"setupComplete": {}})
        if "sessionResumption" in setup:
            self.handle = self._server.next_handle()
            data += message({"sessionResumptionUpdate": {"newHandle": self.handle, "resumable": True}})
        self._socket.sendall(data)

    def _take_turn(self, text: str, is_complete: bool) -> None:
        self.heard.append(text)
        verb, _, number = text.partition(" ")
        if verb in ("feed", "late"):
            if verb == "late":
                time.sleep(LATE)
            numbers = range(self._number, self._number + int(number))
            self._number += int(number)
            self._socket.sendall(b"".join(said(str(each)) for each in numbers))
        elif verb == "deaf":
            self._server.hears.clear()
            self._server.hears.wait()
        elif verb == "drop":
            raise ConnectionError
        elif is_complete:
            self._socket.sendall(answer(text))


class NumberedServer:
    """Serves on loopback, each connection on a thread of its own."""

    def __init__(self, certificate: str | None = None) -> None:
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._listener = socket.create_server(("localhost", 0))
        self._handles = 0
        self.hears = threading.Event()
        self.served: list[Served] = []
        threading.Thread(target=self._accept_all, name="numbered-server", daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'wss' if self._tls else 'ws'}://localhost:{self._listener.getsockname()[1]}"

    @property
    def open_connections(self) -> int:
        return sum(not each.is_over for each in list(self.served))

    def next_handle(self) -> str:
        self._handles += 1
        return f"handle-{self._handles}"

    def hear(self) -> None:
        """Lets deaf connections read on."""
        self.hears.set()

    def forget_ended(self) -> None:
        """Keeps the records of open connections only."""
        self.served = [each for each in self.served if not each.is_over]

    def heard(self, text: str) -> int:
        """How often this came, on any connection."""
        return sum(each.heard.count(text) for each in list(self.served))

    def faults(self) -> list[str]:
        return [each.fault for each in list(self.served) if each.fault]

    def _accept_all(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), name="numbered-peer", daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        if self._tls is not None:
            try:
                sock = self._tls.wrap_socket(sock, server_side=True)
            except OSError:
                sock.close()
                return
        served = Served(self, sock)
        self.served.append(served)
        served.serve()
