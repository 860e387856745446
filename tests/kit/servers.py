"""Peers for the tests: a WebSocket server that plays a script, and a TCP server that sends any bytes.

Both run on loopback with real sockets. A script runs on a thread of its own; what it raises fails the test when the
server is left.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from livesession import GoogleAI, LiveGenerativeModel, SessionOptions

PATIENCE = 20.0  # seconds after which a script that waits has failed


class Peer:
    """The server's end of one session, in a script's hands."""

    def __init__(self, websocket: ServerConnection) -> None:
        self.websocket = websocket

    def accept(self, **setup_complete: object) -> dict:
        """Reads the setup and answers it; gives the setup."""
        setup = self.read()["setup"]
        self.send({"setupComplete": setup_complete})
        return setup

    def send(self, *messages: object) -> None:
        """JSON objects in binary frames, as the real servers send them; str and bytes as they are."""
        for message in messages:
            raw = isinstance(message, (str, bytes))
            self.websocket.send(message if raw else json.dumps(message, indent=2).encode())

    def read(self) -> dict:
        """The client's next message."""
        return json.loads(self.websocket.recv(timeout=PATIENCE))

    def wait_for_end(self) -> None:
        """Reads until the client has gone."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.websocket.recv(timeout=PATIENCE)

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.websocket.close(code, reason)

    def drop(self) -> None:
        """Ends TCP without a close frame."""
        socket.socket.shutdown(self.websocket.socket, socket.SHUT_RDWR)


class ScriptServer:
    """A WebSocket server that plays a script to each client."""

    def __init__(self, port: int, tls: bool) -> None:
        self.url = f"{'wss' if tls else 'ws'}://localhost:{port}"
        self.failures: list[BaseException] = []

    def model(self, *, ssl_context: ssl.SSLContext | None = None, **kwargs: object) -> LiveGenerativeModel:
        options = kwargs.pop("options", SessionOptions(connect_timeout=PATIENCE, setup_timeout=PATIENCE))
        backend = GoogleAI(api_key="test-key", base_url=self.url, proxy=False, ssl_context=ssl_context)
        return LiveGenerativeModel("test-model", backend=backend, options=options, **kwargs)


@contextlib.contextmanager
def script_server(script: Callable[[Peer], None], ssl_context: ssl.SSLContext | None = None) -> Iterator[ScriptServer]:
    """Serves `script` until the block is left; then fails with what a script raised."""
    finished: list[threading.Event] = []

    def handler(websocket: ServerConnection) -> None:
        done = threading.Event()
        finished.append(done)
        try:
            script(Peer(websocket))
        except ConnectionClosed:
            pass
        except BaseException as error:
            running.failures.append(error)
        finally:
            done.set()

    with serve(handler, "localhost", 0, ssl=ssl_context, max_size=None, compression=None) as server:
        running = ScriptServer(server.socket.getsockname()[1], ssl_context is not None)
        server.SHUTDOWN_POLLING_INTERVAL = 0.002  # its own tenth of a second, in hundreds of tests, takes half a minute
        thread = threading.Thread(target=server.serve_forever, name="script-server")
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join(PATIENCE)
            for done in finished:
                done.wait(PATIENCE)
    if running.failures:
        raise running.failures[0]


class RawPeer:
    """The server's end of one TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.request = b""

    def read_request(self) -> bytes:
        """The HTTP request, headers and all."""
        while b"\r\n\r\n" not in self.request:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError("the client ended the connection before its request was whole")
            self.request += piece
        return self.request

    def upgrade(self, followed_by: bytes = b"") -> None:
        """Answers the request for a WebSocket; frames may follow in the same breath."""
        lines = self.read_request().decode().split("\r\n")
        key = next(line.split(": ", 1)[1] for line in lines if line.lower().startswith("sec-websocket-key"))
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        accept = base64.b64encode(digest).decode()
        self.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            + followed_by
        )

    def accept(self) -> None:
        """Upgrades, takes the setup, and answers it."""
        self.upgrade()
        self.socket.recv(65536)
        self.socket.sendall(frame(b'{"setupComplete":{}}'))

    def answer(self, status: str, body: bytes = b"", *headers: str) -> None:
        """An ordinary HTTP answer."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode() + body)

    def wait_for_end(self) -> None:
        with contextlib.suppress(OSError):
            while self.socket.recv(65536):
                pass


def frame(payload: bytes, opcode: int = 2, *, final: bool = True, reserved: int = 0) -> bytes:
    """A server's frame (unmasked)."""
    first = (0x80 if final else 0) | reserved << 4 | opcode
    size = len(payload)
    if size < 126:
        return bytes([first, size]) + payload
    if size < 65536:
        return bytes([first, 126]) + size.to_bytes(2, "big") + payload
    return bytes([first, 127]) + size.to_bytes(8, "big") + payload


@contextlib.contextmanager
def raw_server(script: Callable[[RawPeer], None], ssl_context: ssl.SSLContext | None = None) -> Iterator[ScriptServer]:
    """A TCP server that plays `script` to each client, one after another."""
    listener = socket.create_server(("localhost", 0))
    running = ScriptServer(listener.getsockname()[1], ssl_context is not None)
    leaving = threading.Event()

    def play(sock: socket.socket) -> None:
        if ssl_context is None:
            script(RawPeer(sock))
        else:
            with ssl_context.wrap_socket(sock, server_side=True) as secure:
                script(RawPeer(secure))

    def serve_all() -> None:
        while not leaving.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            with sock:
                try:
                    play(sock)
                except (OSError, ConnectionError):
                    pass
                except BaseException as error:
                    running.failures.append(error)

    thread = threading.Thread(target=serve_all, name="raw-server")
    thread.start()
    try:
        yield running
    finally:
        leaving.set()
        socket.socket.shutdown(listener, socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)
    if running.failures:
        raise running.failures[0]
