"""One socket, read by one thread while others write.

OpenSSL objects may not be used by two threads at a time, and with the GIL released inside SSL_read and SSL_write
Python does exactly that: two threads on one `SSLSocket` corrupt memory. Therefore the socket does not block, one
lock is held round each single read or write and never while waiting. Readers wait in the reader loop, writers here.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import suppress

__all__ = ["Duplex"]

TLS_SLICE = 16 * 1024  # one TLS record; a longer write would keep the reader out for longer
CROSSED_WAIT = 0.05  # seconds; see wait_to_write


class Duplex:
    """A connected socket in non-blocking mode.

    Attributes:
        socket: The socket, to be watched for input.
        read_wants_write: Whether the last read waits for the socket to take output, as a TLS renegotiation does.
    """

    __slots__ = ("_io_lock", "_is_tls", "_write_wants_read", "read_wants_write", "socket")

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        self.socket = sock
        self.read_wants_write = False
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        # Held round each SSL_read, SSL_write and the final close; no other lock is taken inside, nothing waits inside.
        # For a plain socket it is not needed: the kernel serves both directions.
        self._io_lock = threading.Lock()
        self._write_wants_read = False

    @property
    def keeps_what_it_refused(self) -> bool:
        """Whether bytes that `write` did not take may go out all the same.

        OpenSSL has made a record of them by then, and sends it with the next write, whatever that is given.
        """
        return self._is_tls

    @property
    def has_decrypted(self) -> bool:
        """Whether there is input that no wait for the socket would tell of."""
        if not (self._is_tls and isinstance(self.socket, ssl.SSLSocket)):
            return False
        with self._io_lock:
            return self.socket.pending() > 0

    def read_into(self, buffer: memoryview) -> int | None:
        """Bytes read; 0 at the end of the stream; None when there is nothing yet. Raises `OSError`."""
        self.read_wants_write = False
        try:
            if not self._is_tls:
                return self.socket.recv_into(buffer)
            with self._io_lock:
                return self.socket.recv_into(buffer)
        except (ssl.SSLWantReadError, BlockingIOError):
            return None
        except ssl.SSLWantWriteError:
            self.read_wants_write = True
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Bytes written; 0 when the socket takes none now. Raises `OSError`."""
        try:
            if not self._is_tls:
                return self.socket.send(data)
            with self._io_lock:
                return self.socket.send(data[:TLS_SLICE])
        except (ssl.SSLWantWriteError, BlockingIOError):
            return 0
        except ssl.SSLWantReadError:
            self._write_wants_read = True
            return 0

    def wait_to_write(self, timeout: float | None) -> None:
        """Returns when the socket may take output, or after `timeout` seconds."""
        if self._write_wants_read:
            # The input that SSL_write asks for may already have been taken by the reader: look again soon.
            self._write_wants_read = False
            wait(self.socket, CROSSED_WAIT if timeout is None else min(timeout, CROSSED_WAIT), for_input=True)
        else:
            wait(self.socket, timeout)

    def shutdown(self) -> None:
        """Ends both directions: writers fail, the reader gets what had arrived and then the end.

        The base class's method, because that of `SSLSocket` drops the TLS state: reads would then return ciphertext.
        """
        with suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Gives the descriptor back; no thread may be waiting on it any more."""
        with self._io_lock:
            self.socket.close()


def wait(sock: socket.socket, timeout: float | None, *, for_input: bool = False) -> None:
    """Waits until a socket takes output, or has input.

    `select.poll` is looked up at each call, so that gevent's cooperative one is used where it was patched in.
    """
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN if for_input else select.POLLOUT)
        poll.poll(None if timeout is None else timeout * 1000)
    else:
        watched = [sock]
        select.select(watched if for_input else [], [] if for_input else watched, watched, timeout)
