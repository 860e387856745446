"""Whole frames out, from any thread.

One lock keeps frames whole and in order. A frame that could not be written to its end breaks the stream: after that
nothing is written any more. The reader thread never waits for the lock: a pong that it owes is left for whoever
holds it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from websocket import ABNF

from livesession.connection.deadline import Deadline
from livesession.connection.duplex import Duplex
from livesession.connection.frames import CLOSE, PONG, TEXT, close_payload
from livesession.errors import SendTimeout

__all__ = ["FrameWriter", "StreamBroken"]


OWED_AT_MOST = 4


class StreamBroken(Exception):
    """The stream takes no more frames; the cause says why."""


class FrameWriter:
    """Writes frames to a `Duplex`.

    Args:
        duplex: The socket.
        check_open: Called with the lock held, before a frame is begun; raises when the connection is not open.
    """

    def __init__(self, duplex: Duplex, check_open: Callable[[], None]) -> None:
        self._duplex = duplex
        self._check_open = check_open
        # Guards the order of bytes on the socket, and _begun and _broken. Held while waiting for the socket to take
        # bytes (with a deadline), so the reader thread only ever tries it. Order: this lock, then Duplex's I/O lock.
        self._write_lock = threading.Lock()
        self._begun: memoryview | None = None  # the rest of a control frame that did not fit
        self._owed: deque[tuple[int, bytes]] = deque(maxlen=OWED_AT_MOST)  # appended to without the lock
        self._broken: BaseException | None = None

    def send(self, data: bytes, deadline: Deadline, opcode: int = TEXT) -> None:
        """Writes one message. Raises `SendTimeout`, `StreamBroken`, and what `check_open` raises."""
        self._send_frame(ABNF.create_frame(data, opcode).format(), deadline, self._check_open)

    def send_close(self, code: int, deadline: Deadline) -> None:
        """Writes the close frame. Raises as `send` does."""
        frame = ABNF.create_frame(close_payload(code), CLOSE).format()
        self._send_frame(frame, deadline, lambda: None)

    def _send_frame(self, frame: bytes, deadline: Deadline, check: Callable[[], None]) -> None:
        if not self._write_lock.acquire(timeout=-1 if (left := deadline.left()) is None else left):
            raise SendTimeout(
                "The message was not sent in time: other messages are still waiting for the network. The session "
                "goes on; send less, or allow more time.",
                session_ended=False,
            )
        try:
            check()
            self._finish_control_frames(deadline)
            self._write_whole(memoryview(frame), deadline)
        finally:
            self._write_lock.release()
        self.flush()  # the reader may have left a pong while the lock was held

    def _write_whole(self, data: memoryview, deadline: Deadline) -> None:
        if self._broken is not None:
            raise StreamBroken from self._broken
        size, torn = len(data), False
        try:
            while data:
                torn = True  # until it is known how much went out
                written = self._duplex.write(data)
                data = data[written:]
                torn = len(data) < size
                if not written:
                    self._wait(deadline, torn)
        except OSError as error:
            if torn or not isinstance(error, SendTimeout):
                self._broken = error
            raise error if isinstance(error, SendTimeout) else StreamBroken from error
        except BaseException as error:
            # A KeyboardInterrupt, say: with part of a frame out, the next frame would be read as its payload.
            self._broken = error if torn else None
            raise

    def _wait(self, deadline: Deadline, torn: bool) -> None:
        if deadline.expired():
            raise SendTimeout(
                "The message could not be written in time: the network or the server takes no more. "
                + ("Part of it was on the wire, so the session has ended." if torn else "The session goes on."),
                session_ended=torn,
            )
        self._duplex.wait_to_write(deadline.left())

    def _finish_control_frames(self, deadline: Deadline) -> None:
        while not self._write_what_fits():
            self._wait(deadline, torn=False)  # what is begun is kept, so nothing is torn

    def owe_pong(self, payload: bytes) -> None:
        """Answers a ping when the socket takes it; of many unanswered pings the newest (RFC 6455, 5.5.3)."""
        self._owed.append((PONG, payload))
        self.flush()

    def owe_close(self, code: int) -> None:
        """Answers a close frame, or reports a broken one, when the socket takes it."""
        self._owed.append((CLOSE, close_payload(code)))
        self.flush()

    @property
    def is_broken(self) -> bool:
        """Whether part of a frame went out and the rest did not, or the socket failed."""
        return self._broken is not None

    @property
    def is_owing(self) -> bool:
        """Whether a control frame still waits for room on the socket, and nobody else is at it."""
        return bool(self._begun or self._owed) and not self._write_lock.locked() and self._broken is None

    def flush(self) -> None:
        """Writes owed control frames as far as the socket takes them now, unless another thread is writing."""
        while (self._begun or self._owed) and self._broken is None and self._write_lock.acquire(blocking=False):
            try:
                if not self._write_what_fits():
                    return
            except OSError:
                return  # the reader will meet the same failure, and report it
            finally:
                self._write_lock.release()

    def _write_what_fits(self) -> bool:
        """Writes owed control frames; False when the socket took less than all."""
        while (self._begun or self._owed) and self._broken is None:
            if not self._begun:
                opcode, payload = self._owed.popleft()
                self._begun = memoryview(ABNF.create_frame(payload, opcode).format())
            try:
                written = self._duplex.write(self._begun)
            except BaseException as error:
                self._broken = error
                raise
            self._begun = self._begun[written:] or None
            if not written:
                return False
        return True

    def acquire(self, timeout: float) -> bool:
        """Keeps writers out for good, before the socket is closed; False when one is still busy."""
        return self._write_lock.acquire(timeout=timeout)
