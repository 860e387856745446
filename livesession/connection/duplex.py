"""One socket, read by one thread while others write.

OpenSSL objects may not be used by two threads at a time, and with the GIL released inside SSL_read and SSL_write
Python does exactly that: two threads on one `SSLSocket` corrupt memory. Therefore the socket does not block, one
lock is held round each single read or write and never while waiting, and waiting is a poll outside the lock.

`select.poll` is looked up at each call, so that gevent's cooperative one is used where it was patched in.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import AbstractContextManager, nullcontext, suppress

__all__ = ["Duplex"]

TLS_SLICE = 16 * 1024  # one TLS record; a longer write would keep the reader out for longer
CROSSED_WAIT = 0.05  # seconds; see wait_to_write
READABLE, WRITABLE = 1, 2


class Duplex:
    """A connected socket in non-blocking mode, with a way to wake the thread that waits for input."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        self._socket = sock
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        # Held round each SSL_read, SSL_write and the final close; no other lock is taken inside, nothing waits inside.
        # A plain socket needs none: the kernel serves both directions.
        self._io_lock: AbstractContextManager[object] = threading.Lock() if self._is_tls else nullcontext()
        self._alarm, self._bell = socket.socketpair()
        self._alarm.setblocking(False)
        self._bell.setblocking(False)
        self._read_wants_write = False
        self._write_wants_read = False

    @property
    def keeps_what_it_refused(self) -> bool:
        """Whether bytes that `write` did not take may go out all the same.

        OpenSSL has made a record of them by then, and sends it with the next write, whatever that is given.
        """
        return self._is_tls

    def read_into(self, buffer: memoryview) -> int | None:
        """Bytes read; 0 at the end of the stream; None when there is nothing yet. Raises `OSError`."""
        try:
            with self._io_lock:
                return self._socket.recv_into(buffer)
        except (ssl.SSLWantReadError, BlockingIOError):
            return None
        except ssl.SSLWantWriteError:
            self._read_wants_write = True
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return 0

    def write(self, data: memoryview) -> int:
        """Bytes written; 0 when the socket takes none now. Raises `OSError`."""
        try:
            with self._io_lock:
                return self._socket.send(data[:TLS_SLICE] if self._is_tls else data)
        except (ssl.SSLWantWriteError, BlockingIOError):
            return 0
        except ssl.SSLWantReadError:
            self._write_wants_read = True
            return 0

    def wait_to_read(self, timeout: float | None, *, paused: bool = False, also_writable: bool = False) -> None:
        """Returns when there may be input, when woken, or after `timeout` seconds; the reader thread's wait.

        `paused` waits for the wake-up only; `also_writable` returns too when the socket takes output.
        """
        interest = READABLE | (WRITABLE if also_writable or self._read_wants_write else 0)
        self._read_wants_write = False
        wait({self._alarm: READABLE} if paused else {self._socket: interest, self._alarm: READABLE}, timeout)
        with suppress(BlockingIOError):
            self._alarm.recv(4096)

    def wait_to_write(self, timeout: float | None) -> None:
        """Returns when the socket may take output, or after `timeout` seconds."""
        if self._write_wants_read:
            # The input that SSL_write asks for may already have been taken by the reader: look again soon.
            self._write_wants_read = False
            timeout = CROSSED_WAIT if timeout is None else min(timeout, CROSSED_WAIT)
            wait({self._socket: READABLE}, timeout)
        else:
            wait({self._socket: WRITABLE}, timeout)

    def wake(self) -> None:
        """Ends the reader's current or next wait."""
        with suppress(OSError):  # full: a wake-up is on its way; closed: nobody waits any more
            self._bell.send(b"\0")

    def shutdown(self) -> None:
        """Ends both directions: writers fail, the reader gets what had arrived and then the end.

        The base class's method, because that of `SSLSocket` drops the TLS state: reads would then return ciphertext.
        """
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Gives the descriptors back; no thread may be waiting on them any more."""
        with self._io_lock:
            self._socket.close()
        self._alarm.close()
        self._bell.close()


def wait(interests: dict[socket.socket, int], timeout: float | None) -> None:
    """Waits for any of the sockets; interest is READABLE, WRITABLE or both."""
    if hasattr(select, "poll"):
        poll = select.poll()
        for sock, interest in interests.items():
            events = (select.POLLIN if interest & READABLE else 0) | (select.POLLOUT if interest & WRITABLE else 0)
            poll.register(sock.fileno(), events)
        poll.poll(None if timeout is None else timeout * 1000)
    else:
        readers = [sock for sock, interest in interests.items() if interest & READABLE]
        writers = [sock for sock, interest in interests.items() if interest & WRITABLE]
        select.select(readers, writers, writers, timeout)
