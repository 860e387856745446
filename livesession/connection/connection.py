"""A WebSocket connection: read by the process's reader loop, written by any number of threads, one way to end.

The reading half is the only one to declare the end. `close()` and failed writes only ask for it, and wake the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from livesession.connection.close_info import ABNORMAL, CLOSED_HERE, NORMAL, CloseInfo
from livesession.connection.connection_state import ConnectionEvent, ConnectionState, StateMachine
from livesession.connection.duplex import Duplex
from livesession.connection.frames import TEXT, FrameReader, Message
from livesession.connection.handshake import UpgradedSocket
from livesession.connection.liveness import Liveness
from livesession.connection.reader import GRACE, FrameReceiver
from livesession.connection.reader_loop import ReaderLoop, join_loop
from livesession.connection.tap import Tap, Watched
from livesession.connection.writer import FrameWriter, StreamBroken
from livesession.errors import LiveSessionError, SendTimeout, SessionClosedError
from livesession.logs import Log, logger
from livesession.sync.deadline import Deadline

__all__ = ["Connection", "Journal"]

ENDING_WAIT = 1.0  # seconds that a failed send waits to learn why


class Journal(Protocol):
    """Keeps book of a message."""

    def begins(self) -> None:
        """It is its turn to be written; called in the order in which messages go out. May raise, then it does not."""

    def failed(self) -> None:
        """It did not go out whole; called at once."""


class Connection:
    """An upgraded socket that is read by the reader loop.

    Args:
        opened: The socket, from `Opening`.
        on_messages: Called on the reader thread with the messages that one read brought, to be iterated to the end
            (which raises what is wrong with the next one); must not wait.
        announce: Called on the reader thread after `on_messages`, once the other connections have been read as well.
        may_read: Asked before each read; after it said False, `wake()` makes the reader ask again.
        on_end: Called on the reader thread, once, after the last message.
        max_message_bytes: The size of a message at the most.
        ping_after, dead_after: Seconds of silence before the peer is pinged, and given up; None: never.
        redact: Takes secrets out of the server's words.
        taps: Watch the frames.
        log: Where its records go.
    """

    def __init__(
        self,
        opened: UpgradedSocket,
        *,
        on_messages: Callable[[Iterator[Message]], None],
        announce: Callable[[], None] = lambda: None,
        may_read: Callable[[], bool],
        on_end: Callable[[CloseInfo], None],
        max_message_bytes: int,
        ping_after: float | None = None,
        dead_after: float | None = None,
        redact: Callable[[str], str] = str,
        taps: Sequence[Tap] = (),
        log: Log = logger,
    ) -> None:
        self._taps = taps
        self._log = log
        self._loop: ReaderLoop | None = None
        self._duplex = Duplex(opened.socket)
        self._writer = FrameWriter(self._duplex, self.wake)
        self._states = StateMachine()
        frames = FrameReader(max_message_bytes, opened.received)
        self._reading = FrameReceiver(
            self._duplex,
            frames,
            self._writer,
            self._states,
            Liveness(ping_after, dead_after, self._writer.owe_ping),
            on_messages=on_messages,
            announce=announce,
            may_read=may_read,
            on_end=on_end,
            redact=redact,
            taps=taps,
            log=log,
        )

    def start(self) -> None:
        """Starts reading; the connection is in state SETUP then. Raises `OSError` and `RuntimeError`."""
        self._states.on(ConnectionEvent.UPGRADED)
        self._loop = join_loop(self._reading)

    @property
    def state(self) -> ConnectionState:
        return self._states.state

    @property
    def ending(self) -> CloseInfo | None:
        """How it ended, as soon as that is decided; messages may still be on their way to `on_messages`."""
        return self._states.ending

    @property
    def is_reader_thread(self) -> bool:
        return self._loop is not None and self._loop.is_current_thread

    def setup_complete(self) -> None:
        self._states.on(ConnectionEvent.SETUP_COMPLETE)

    # Writing, on the caller's thread.

    def send(self, data: bytes, timeout: float | None, opcode: int = TEXT, *, journal: Journal | None = None) -> None:
        """Writes one message whole, within `timeout` seconds. Raises `SendTimeout` or `SessionClosedError`."""
        if journal is None:
            self._write(data, timeout, opcode, self._check_open)
            return

        def check() -> None:
            self._check_open()
            journal.begins()

        self._write(data, timeout, opcode, check, journal.failed)

    def send_setup(self, data: bytes, timeout: float) -> None:
        """Writes the first message, the only one in state SETUP. Raises as `send` does."""
        self._write(data, timeout, TEXT, self._check_setup)

    def _write(
        self,
        data: bytes,
        timeout: float | None,
        opcode: int,
        check: Callable[[], None],
        failed: Callable[[], None] | None = None,
    ) -> None:
        write = self._write_watched if self._taps else self._writer.send
        try:
            write(data, Deadline(timeout), opcode, check)
        except BaseException as error:
            try:
                if failed is not None:
                    failed()
            finally:  # a second Ctrl-C may come in between
                self._end_if_broken(error)
            raise

    def _end_if_broken(self, error: BaseException) -> None:
        """After a failed write; raises how the connection has ended, where the error does not say that."""
        if isinstance(error, StreamBroken):
            self._find_out_why()
            self._fail(CloseInfo(ABNORMAL, "", "network", "The connection was lost while sending", error.__cause__))
            raise self._end_error() from error.__cause__
        if isinstance(error, SendTimeout) and error.session_ended:
            self._fail(CloseInfo(ABNORMAL, "", "local", "A message could not be written whole in time", error))
        elif not isinstance(error, LiveSessionError) and self._writer.is_torn:
            self._fail(CloseInfo(ABNORMAL, "", "local", "Sending was interrupted in the middle of a message"))

    def _write_watched(self, data: bytes, deadline: Deadline, opcode: int, check: Callable[[], None]) -> None:
        watched = Watched(self._taps, data)

        def begin() -> None:
            check()
            watched.begins()

        is_whole = False
        try:
            self._writer.send(data, deadline, opcode, begin)
            is_whole = True
        finally:
            watched.ended(is_whole=is_whole)

    def _find_out_why(self) -> None:
        """Lets the reader come to the server's close frame, which may be waiting behind messages."""
        self._reading.reads_on = True
        self.wake()
        if not self.is_reader_thread:
            self._reading.over.wait(ENDING_WAIT)

    def _check_setup(self) -> None:
        if self.state is not ConnectionState.SETUP:
            raise self._end_error()

    def _check_open(self) -> None:
        if self._states.state is not ConnectionState.OPEN:
            raise self._end_error()

    def _end_error(self) -> LiveSessionError:
        ending = self.ending
        if ending is None or (ending.quiet and ending.origin == "local"):
            return SessionClosedError("This session has been closed and cannot be used; connect() a new one.")
        return ending.error()

    def _fail(self, ending: CloseInfo) -> None:
        """Ends the connection at once; the reader still delivers what had arrived."""
        if self._states.on(ConnectionEvent.ENDED, ending):
            self._reading.reads_on = True
            self._duplex.shutdown()
            self.wake()

    # Closing, from any thread.

    def close(self, timeout: float) -> None:
        """Sends a close frame, waits for the peer's, and ends the connection within `timeout` seconds at the most.

        From the reader thread (a callback) it does not wait. Never raises for what the network or the peer does.
        """
        deadline, last = Deadline(timeout), Deadline(timeout + GRACE)
        if self._states.on(ConnectionEvent.LOCAL_CLOSE, CLOSED_HERE):
            self._reading.close_deadline = deadline
            self._reading.close_is_begun = True
            self.wake()
            self._send_close_frame(Deadline(0.0) if self.is_reader_thread else deadline)
        elif self.state is ConnectionState.CLOSING and self._reading.close_deadline.ends_after(deadline):
            self._reading.close_deadline = deadline
            self.wake()
        if self._loop is not None and not self.is_reader_thread:
            self._reading.over.wait(last.remaining() or 0.0)
            self._loop.join_if_over(min(GRACE, last.remaining() or 0.0))

    def _send_close_frame(self, deadline: Deadline) -> None:
        try:
            self._writer.send_close(NORMAL, deadline)
        except (StreamBroken, SendTimeout, OSError):
            self._log.debug("no close frame could be sent")
        finally:
            self._reading.close_frame_done = True
            self.wake()

    def abandon(self) -> None:
        """Ends the connection without a word and without waiting; for sessions that nobody holds any more."""
        self._fail(CloseInfo(ABNORMAL, "", "local", "The session was dropped without close()", is_final=True))

    def wake(self) -> None:
        """Makes the reader look again whether it may read; any thread may call it."""
        if self._loop is not None:
            self._loop.wake(self._reading)
