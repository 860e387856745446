"""Opens the socket and upgrades it to a WebSocket, within one deadline for all of it.

Name look-up cannot be interrupted, so the work runs on a short-lived thread, and a thread that waits for it can give up
at any time: the socket is then shut down under the thread, which ends. The upgrade itself is websocket-client's; it
is handed a socket that keeps the deadline, bounds what is read, and keeps what came after the headers.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from functools import lru_cache
from os import environ
from typing import TYPE_CHECKING, TypeVar

import websocket
from attrs import frozen

from livesession.connection.proxy import connect_through, proxy_for, way_to
from livesession.connection.rejection import explain, rejection
from livesession.errors import ConfigurationError, ConnectError, ConnectTimeout, LiveSessionError
from livesession.sync.deadline import Deadline
from livesession.sync.events import Event
from livesession.sync.thread_start import start

if TYPE_CHECKING:
    from livesession.connection.endpoint import Endpoint

__all__ = ["UpgradedSocket", "WebSocketHandshake"]

Sock = TypeVar("Sock", bound=socket.socket)

MAX_ANSWER_BYTES = 64 * 1024  # of an HTTP answer, headers and body
COOKIE_FREE_HOST = "livesession.invalid"
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds of idleness (by its name on Linux and Windows, and on macOS), seconds between probes, and their number."""


@frozen
class UpgradedSocket:
    """A socket that speaks WebSocket now, and the bytes that came right behind the HTTP answer."""

    socket: socket.socket
    received: bytes


class WebSocketHandshake:
    """One attempt to open a connection; `wait()` for it, or `abandon()` it from any thread.

    It owns the socket until `hand_over()`.
    """

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        endpoint.check()
        self._endpoint = endpoint
        self._timeout = timeout
        self._deadline = Deadline(timeout)
        # Guards the five fields below; held for assignments and one shutdown; no other lock is taken inside. A signal
        # handler on top may take it again, in abandon().
        self._lock = threading.RLock()
        self._socket: socket.socket | None = None
        self._abandoned = False
        self._is_handed_over = False
        self._opened: UpgradedSocket | None = None
        self._error: LiveSessionError | None = None
        self._done = Event()
        self._thread = threading.Thread(target=self._run, name="livesession-connect", daemon=True)

    def wait(self) -> UpgradedSocket:
        """Returns the open connection. Raises `ConnectError`; whatever ends the wait early abandons the attempt."""
        try:
            self._start()
            is_done = self._done.wait(self._deadline.remaining())
        except BaseException:
            self.abandon()
            raise
        if not is_done:
            self.abandon()
            raise self._timed_out()
        if self._opened is None or self._abandoned:
            raise self._error or self._given_up()
        return self._opened

    def _start(self) -> None:
        try:
            start(self._thread)
        except RuntimeError as error:  # too many, or the interpreter is going down
            raise ConnectError(f"There are no resources for another connection: {error}.", retryable=True) from error

    def hand_over(self) -> None:
        """Gives the socket to the caller, who closes it from now on. Raises `ConnectError` when it was abandoned."""
        with self._lock:
            self._is_handed_over = not self._abandoned
        if not self._is_handed_over:
            raise self._given_up()

    def abandon(self) -> None:
        """Gives up: the waiter is released, and the socket is closed by the thread that has it."""
        with self._lock:
            self._abandoned = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            if self._opened is not None and not self._is_handed_over:
                self._opened.socket.close()  # it was opened in the moment in which the waiter gave up
        self._done.set()

    def join(self, timeout: float) -> None:
        """Waits for its thread to end, which takes longer only while it resolves a name."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            opened = self._open()
        except LiveSessionError as error:
            self._error = error
        except Exception as error:
            self._error = self._timed_out() if self._deadline.expired() else explain(error, self._endpoint)
        else:
            with self._lock:
                self._opened = None if self._abandoned else opened
                self._socket = None  # from now on the connection's: abandoning comes too late
            if self._opened is None:
                opened.socket.close()
        self._done.set()

    def _open(self) -> UpgradedSocket:
        proxy = proxy_for(self._endpoint)
        try:
            sock = connect_through(proxy, self._endpoint, self._deadline, self._hold)
            tune(sock)
            if self._endpoint.is_tls:
                context = self._endpoint.ssl_context or default_context(self._endpoint.ca_file)
                secure = self._hold(start_tls(sock, context, self._endpoint.host))
                secure.settimeout(self._deadline.remaining())
                secure.do_handshake()
                sock = secure
            return upgrade(sock, self._endpoint, self._deadline)
        except BaseException:
            if self._socket is not None:
                self._socket.close()
            raise

    def _hold(self, sock: Sock) -> Sock:
        """Remembers the socket, so that it can be shut down under a blocking call."""
        with self._lock:
            self._socket = sock
            if self._abandoned:
                raise ConnectError("The attempt to connect was given up.")
        return sock

    def _given_up(self) -> ConnectError:
        return ConnectError("The attempt to connect was given up, because the session was closed.")

    def _timed_out(self) -> ConnectTimeout:
        return ConnectTimeout(
            f"No connection to {way_to(self._endpoint)} within {self._timeout:g} s. Check the "
            "network and the proxy, or allow more time with SessionOptions(connect_timeout=...).",
            retryable=True,
        )


def tune(sock: socket.socket) -> None:
    """Small messages go out at once, and the system notices by itself when the other end is gone."""
    with contextlib.suppress(OSError):  # a peer that has already left, for one; reading and writing will meet it
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def start_tls(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """The socket with TLS on it, before the handshake, so that the handshake can be ended from outside."""
    return context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)


def default_context(ca_file: str | None) -> ssl.SSLContext:
    """TLS settings that trust `ca_file`, else SSL_CERT_FILE and SSL_CERT_DIR, else the system's certificates."""
    return make_context(ca_file or environ.get("SSL_CERT_FILE"), None if ca_file else environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=8)
def make_context(ca_file: str | None, ca_path: str | None) -> ssl.SSLContext:
    """One context for many connections: making one costs 20 ms."""
    try:
        return ssl.create_default_context(cafile=ca_file or None, capath=ca_path or None)
    except OSError as error:  # as ssl.SSLError is, for a file without certificates
        raise ConfigurationError(
            f"The certificates in {ca_file or ca_path!r} cannot be read: {error.strerror or error}. "
            "ca_file, else SSL_CERT_FILE, is a file of CA certificates in PEM form."
        ) from error


def upgrade(sock: socket.socket, endpoint: Endpoint, deadline: Deadline) -> UpgradedSocket:
    """Asks for the WebSocket protocol. The errors raised here hold no frame that saw a key."""
    guarded = GuardedSocket(sock, endpoint, deadline)
    try:
        request_upgrade(guarded, endpoint)
    except Exception as error:
        if deadline.expired():
            raise TimeoutError("the HTTP upgrade took too long") from None
        raise rejection(guarded.received, error.with_traceback(None), endpoint) from None
    return UpgradedSocket(sock, guarded.rest())


def request_upgrade(guarded: GuardedSocket, endpoint: Endpoint) -> None:
    """The upgrade through websocket-client.

    The host in the URL is not the real one, which goes into `host`: websocket-client keeps cookies by that name for
    the whole process, and would send one server's cookies on other connections. The headers join the request in the
    guarded socket, because `websocket.enableTrace(True)` prints what websocket-client knows of them.
    """
    websocket.WebSocket().connect(  # type: ignore[no-untyped-call]  # untyped there
        f"ws://{COOKIE_FREE_HOST}{endpoint.resource}",
        socket=guarded,
        host=endpoint.authority,
        suppress_origin=True,
        redirect_limit=0,
    )


class GuardedSocket:
    """The socket as websocket-client sees it during the upgrade.

    It reads in large pieces where websocket-client asks for single bytes, never beyond the deadline, and no more
    than `MAX_ANSWER_BYTES`.
    """

    def __init__(self, sock: socket.socket, endpoint: Endpoint, deadline: Deadline) -> None:
        self._socket = sock
        self._headers = endpoint.headers
        self._deadline = deadline
        self._taken = 0
        self.received = bytearray()

    def recv(self, count: int) -> bytes:
        if self._taken == len(self.received):
            self._read()
        piece = bytes(self.received[self._taken : self._taken + count])
        self._taken += len(piece)
        return piece

    def _read(self) -> None:
        room = MAX_ANSWER_BYTES - len(self.received)
        if room <= 0:
            raise ConnectionError(f"the HTTP answer is longer than {MAX_ANSWER_BYTES:,} bytes")
        self._keep_deadline()
        self.received += self._socket.recv(min(room, 16384))

    def send(self, data: bytes) -> int:
        """Sends the request, with the endpoint's headers behind those of websocket-client."""
        self._keep_deadline()
        request, end, _ = data.partition(b"\r\n\r\n")
        headers = "".join(f"\r\n{name}: {value.reveal()}" for name, value in self._headers.items())
        self._socket.sendall(request + headers.encode() + end)
        return len(data)

    def _keep_deadline(self) -> None:
        left = self._deadline.remaining()
        if left == 0:
            raise TimeoutError("the deadline of the connection has passed")
        self._socket.settimeout(left)

    def gettimeout(self) -> float | None:
        return self._deadline.remaining() or 0.001

    def close(self) -> None:
        """The socket belongs to the caller of the upgrade."""

    def rest(self) -> bytes:
        """Returns the bytes that came behind the HTTP answer: the first frames."""
        return bytes(self.received[self._taken :])
