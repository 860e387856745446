"""Whole frames out, from any thread.

One lock keeps frames whole and in order. A frame that could not be written to its end breaks the stream: after that
nothing is written any more. The reader thread never waits for the lock: a pong that it owes is left for the thread that
holds it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from livesession.connection.client_frames import PIECE, client_frame, client_frame_pieces
from livesession.connection.frames import CLOSE, PING, PONG, close_payload
from livesession.errors import SendTimeout
from livesession.sync.owned_lock import OwnedLock

if TYPE_CHECKING:
    from livesession.connection.duplex import Duplex
    from livesession.connection.write_hook import WriteHook
    from livesession.sync.deadline import Deadline

__all__ = ["FrameWriter", "StreamBroken"]


OWED_AT_MOST = 4

Pieces = Iterable[bytes | bytearray]
"""Of one frame, in order."""


class StreamBroken(Exception):
    """The stream takes no more frames; the cause says why."""


class FrameWriter:
    """Writes frames to a `Duplex`.

    Args:
        duplex: The socket.
        wake_reader: Called when a control frame waits for room, for which the reader watches.
    """

    __slots__ = (
        "_begun", "_begun_closes", "_duplex", "_is_retired", "_owed", "_stopped", "_wake_reader", "_write_lock",
    )  # fmt: skip

    def __init__(self, duplex: Duplex, wake_reader: Callable[[], None]) -> None:
        self._duplex = duplex
        self._wake_reader = wake_reader
        # Guards the order of bytes on the socket, and _begun and _stopped. Held while waiting for the socket to take
        # bytes (with a deadline), so the reader thread only ever tries it. Order: this lock, then Duplex's I/O lock.
        self._write_lock = OwnedLock()
        self._begun: memoryview | None = None  # the rest of a control frame that did not fit
        self._begun_closes = False  # whether that is the close frame
        self._owed: deque[tuple[int, bytes]] = deque(maxlen=OWED_AT_MOST)  # appended to without the lock
        self._stopped: BaseException | None = None  # why nothing more may be written
        self._is_retired = False  # set by the reader, once

    def send(
        self,
        data: bytes,
        deadline: Deadline,
        opcode: int,
        check: Callable[[], None],
        hook: WriteHook | None = None,
    ) -> None:
        """Writes one message. Raises `SendTimeout`, `StreamBroken`, and what `check` and the hook raise.

        `check`, and then the hook, is called with the lock held, before the frame is begun; it raises when nothing may
        be sent now.
        """
        # A large frame is masked piece by piece while it goes out: the memory for all of it, taken and given back with
        # each message, would cost more than the masking.
        is_large = len(data) > PIECE
        frame = client_frame_pieces(opcode, data) if is_large else (client_frame(opcode, data),)
        try:
            self._write_in_turn(frame, deadline, check, hook)
        finally:
            if self._begun or self._owed:
                self._hand_over()

    def _hand_over(self) -> None:
        """Writes what the reader left while the lock was held, as far as it fits; the reader waits for the rest."""
        self.flush()
        if self.is_owing:
            self._wake_reader()

    def send_close(self, code: int, deadline: Deadline) -> None:
        """Writes the close frame, after which nothing goes out any more. Raises `SendTimeout` and `StreamBroken`."""
        frame = client_frame(CLOSE, close_payload(code))
        self._write_in_turn((frame,), deadline, self._owed.clear, is_last=True)

    def _write_in_turn(
        self,
        frame: Pieces,
        deadline: Deadline,
        check: Callable[[], None],
        hook: WriteHook | None = None,
        *,
        is_last: bool = False,
    ) -> None:
        """Writes a frame with the lock held."""
        lock = self._write_lock
        taken: list[bool] = []
        if lock.is_owned():  # a signal handler, on top of this thread's own write, which cannot go on below
            raise lock_timeout()
        try:
            lock.take(taken, deadline)
            if not taken:
                raise lock_timeout()
            check()
            if hook is not None:
                hook.before_write()
            if self._begun or self._owed:
                self._finish_control_frames(deadline)
            self._write_whole(frame, deadline, hook)
            if is_last:
                self._stop(StreamBroken("the close frame has been sent"))
        finally:
            if taken:
                lock.release()
            if self._is_retired:
                self.close_if_retired()

    def _stop(self, why: BaseException) -> None:
        """Nothing is written from now on; the first reason stays."""
        self._stopped = self._stopped or why

    def _write_whole(self, frame: Pieces, deadline: Deadline, hook: WriteHook | None) -> None:
        if self._stopped is not None:
            raise StreamBroken from self._stopped
        begun = torn = is_whole = False
        try:
            for piece in frame:
                rest: bytes | bytearray | memoryview = piece
                while rest:
                    torn = True  # until it is known how much went out
                    written = self._duplex.write(rest)
                    begun = begun or written > 0
                    torn = begun or self._duplex.keeps_what_it_refused
                    if written == len(rest):
                        break
                    rest = memoryview(rest)[written:]
                    if not written:
                        self._wait(deadline, torn)
            is_whole = True
            if hook is not None:
                hook.is_sent = True
        except OSError as error:
            if torn or not isinstance(error, SendTimeout):
                self._stop(error)
            raise error if isinstance(error, SendTimeout) else StreamBroken from error
        except BaseException as error:
            # A KeyboardInterrupt, say: with part of a frame out, the next frame would be read as its payload.
            if torn and not is_whole:
                self._stop(error)
            elif is_whole and hook is not None:
                hook.is_sent = True
            raise

    def _wait(self, deadline: Deadline, torn: bool) -> None:
        if deadline.expired():
            raise SendTimeout(
                "The message could not be written in time: the network or the server takes no more. "
                + ("Part of it was on the wire, so the session has ended." if torn else "The session goes on."),
                session_ended=torn,
            )
        self._duplex.wait_to_write(deadline.remaining())

    def _finish_control_frames(self, deadline: Deadline) -> None:
        try:
            while not self._write_what_fits():
                self._wait(deadline, torn=False)  # what is begun is kept, so nothing is torn
        except OSError as error:
            raise error if isinstance(error, SendTimeout) else StreamBroken from error

    def owe_pong(self, payload: bytes) -> None:
        """Answers a ping when the socket takes it; of many unanswered pings the newest (RFC 6455, 5.5.3)."""
        self._owed.append((PONG, payload))
        self.flush()

    def owe_close(self, code: int) -> None:
        """Answers a close frame, or reports a broken one, when the socket takes it."""
        self._owed.append((CLOSE, close_payload(code)))
        self.flush()

    def owe_ping(self) -> None:
        """Asks for a sign of life when the socket takes it; never so that another control frame would be dropped."""
        if not self._owed:
            self._owed.append((PING, b""))
        self.flush()

    @property
    def is_busy_below(self) -> bool:
        """Whether the calling thread is in the middle of a write: a signal handler runs on top of it."""
        return self._write_lock.is_owned()

    @property
    def is_torn(self) -> bool:
        """Whether part of a frame went out and the rest did not, or the socket failed."""
        return self._stopped is not None

    @property
    def is_owing(self) -> bool:
        """Whether a control frame still waits for room on the socket, and no thread is writing."""
        return bool(self._begun or self._owed) and self._stopped is None and self._write_lock.is_free

    def flush(self) -> None:
        """Writes owed control frames as far as the socket takes them now, unless another thread is writing."""
        lock = self._write_lock
        while (self._begun or self._owed) and self._stopped is None and not lock.is_owned():
            taken: list[bool] = []
            try:
                lock.take(taken)
                if not taken or not self._write_what_fits():
                    return
            except OSError:
                return  # the reader will meet the same failure, and report it
            finally:
                if taken:
                    lock.release()
                self.close_if_retired()

    def _write_what_fits(self) -> bool:
        """Writes owed control frames; False when the socket took less than all."""
        while (self._begun or self._owed) and self._stopped is None:
            if not self._begun:
                opcode, payload = self._owed.popleft()
                self._begun = memoryview(client_frame(opcode, payload))
                self._begun_closes = opcode == CLOSE
            try:
                written = self._duplex.write(self._begun)
            except BaseException as error:
                self._stop(error)
                raise
            self._begun = self._begun[written:] or None
            if not written:
                return False
            if not self._begun and self._begun_closes:
                self._stop(StreamBroken("the close frame has been sent"))
        return True

    def retire(self) -> None:
        """Ends all writing; the descriptor is closed as soon as no thread is in the middle of it.

        A writer may take as long as it likes to let go: a signal handler may be running on top of it.
        """
        self._stop(StreamBroken("the connection has ended"))
        self._is_retired = True
        self.close_if_retired()

    def close_if_retired(self) -> None:
        """Closes the descriptor of a retired writer, unless a thread writes; called after each release of the lock."""
        lock = self._write_lock
        if not self._is_retired or lock.is_owned():
            return
        taken: list[bool] = []
        try:
            lock.take(taken)
            if taken:
                self._duplex.close()
        finally:
            if taken:
                lock.release()


def lock_timeout() -> SendTimeout:
    return SendTimeout(
        "The message was not sent in time: other messages are still waiting for the network. The session "
        "goes on; send less, or allow more time.",
        session_ended=False,
    )
