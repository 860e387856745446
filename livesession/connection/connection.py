"""A WebSocket connection: one reader thread, any number of writers, one way to end.

The reader thread reads, hands each message to `on_message`, and is the only one to declare the end: it calls
`on_end` once, after the last message. `close()` and failed writes only ask for the end and wake the reader.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from livesession.connection.closing import ABNORMAL, NORMAL, EndConnection, Ending
from livesession.connection.deadline import Deadline
from livesession.connection.duplex import Duplex
from livesession.connection.frames import BINARY, CLOSE, PING, TEXT, FrameError, FrameReader, Message, read_close
from livesession.connection.handshake import Opened
from livesession.connection.state import Event, State, StateMachine
from livesession.connection.writer import FrameWriter, StreamBroken
from livesession.errors import LiveSessionError, SendTimeout, SessionClosedError

__all__ = ["Connection"]

logger = logging.getLogger("livesession")

GRACE = 0.5  # seconds: for the reader to stop after it was told to, and for the peer to close TCP after its close frame
ENDING_WAIT = 1.0  # seconds that a failed send waits for the reader to learn why


class Connection:
    """An upgraded socket with its reader thread.

    Args:
        opened: The socket, from `Opening`.
        on_message: Called on the reader thread with each message; must not block.
        may_read: Asked before each read; after it said False, `wake()` makes the reader ask again.
        on_end: Called on the reader thread, once, after the last message.
        max_message_bytes: The size of a message at the most.
        redact: Takes secrets out of the server's words.
    """

    def __init__(
        self,
        opened: Opened,
        *,
        on_message: Callable[[Message], None],
        may_read: Callable[[], bool],
        on_end: Callable[[Ending], None],
        max_message_bytes: int,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._duplex = Duplex(opened.socket)
        self._frames = FrameReader(max_message_bytes, opened.received)
        self._writer = FrameWriter(self._duplex)
        self._states = StateMachine()
        self._on_message = on_message
        self._may_read = may_read
        self._redact = redact
        self._on_end = on_end
        self._reads_on = False  # to the end, whether or not there is room for more
        self._close_deadline = Deadline(None)
        self._close_frame_done = False
        self._reader = threading.Thread(target=self._run, name="livesession-reader", daemon=True)

    def start(self) -> None:
        """Starts the reader; the connection is in state SETUP then."""
        self._states.on(Event.UPGRADED)
        self._reader.start()

    @property
    def state(self) -> State:
        return self._states.state

    @property
    def ending(self) -> Ending | None:
        """How it ended, as soon as that is decided; messages may still be on their way to `on_message`."""
        return self._states.ending

    @property
    def is_reader_thread(self) -> bool:
        return threading.current_thread() is self._reader

    def setup_complete(self) -> None:
        self._states.on(Event.SETUP_COMPLETE)

    # Writing, on the caller's thread.

    def send(self, data: bytes, timeout: float, opcode: int = TEXT) -> None:
        """Writes one message whole, within `timeout` seconds. Raises `SendTimeout` or `SessionClosedError`."""
        self._write(data, timeout, opcode, self._check_open)

    def send_setup(self, data: bytes, timeout: float) -> None:
        """Writes the first message, the only one in state SETUP. Raises as `send` does."""
        self._write(data, timeout, TEXT, self._check_setup)

    def _write(self, data: bytes, timeout: float, opcode: int, check: Callable[[], None]) -> None:
        try:
            self._writer.send(data, Deadline(timeout), opcode, check)
        except StreamBroken as error:
            self._find_out_why()
            self._fail(Ending(ABNORMAL, "", "network", "The connection was lost while sending", error.__cause__))
            raise self._end_error() from error.__cause__
        except SendTimeout as error:
            if error.session_ended:
                self._fail(Ending(ABNORMAL, "", "local", "A message could not be written whole in time", error))
            raise
        except LiveSessionError:
            raise
        except BaseException:
            self._fail_if_torn()
            raise

    def _find_out_why(self) -> None:
        """Lets the reader come to the server's close frame, which may be waiting behind messages."""
        self._reads_on = True
        self._duplex.wake()
        if not self.is_reader_thread:
            self._reader.join(ENDING_WAIT)

    def _check_setup(self) -> None:
        if self.state is not State.SETUP:
            raise self._end_error()

    def _check_open(self) -> None:
        if self.state is not State.OPEN:
            raise self._end_error()

    def _end_error(self) -> SessionClosedError:
        ending = self.ending
        if ending is None or (ending.quiet and ending.origin == "local"):
            return SessionClosedError("This session has been closed and cannot be used; connect() a new one.")
        return ending.error()

    def _fail_if_torn(self) -> None:
        if self._writer.is_torn:
            self._fail(Ending(ABNORMAL, "", "local", "Sending was interrupted in the middle of a message"))

    def _fail(self, ending: Ending) -> None:
        """Ends the connection at once; the reader still delivers what had arrived."""
        if self._states.on(Event.ENDED, ending):
            self._reads_on = True
            self._duplex.shutdown()
            self._duplex.wake()

    # Closing, from any thread.

    def close(self, timeout: float) -> None:
        """Sends a close frame, waits for the peer's, and ends the connection within `timeout` seconds at the most.

        From the reader thread (a callback) it does not wait. Never raises for what the network or the peer does.
        """
        deadline = Deadline(timeout)
        if self._states.on(Event.LOCAL_CLOSE, Ending(NORMAL, "closed by this side", "local")):
            self._close_deadline = deadline
            self._duplex.wake()
            self._send_close_frame(Deadline(0.0) if self.is_reader_thread else deadline)
        if not self.is_reader_thread:
            self._reader.join((deadline.left() or 0.0) + GRACE)

    def _send_close_frame(self, deadline: Deadline) -> None:
        try:
            self._writer.send_close(NORMAL, deadline)
        except (StreamBroken, SendTimeout, OSError):
            logger.debug("no close frame could be sent")
        finally:
            self._close_frame_done = True
            self._duplex.wake()

    def abandon(self) -> None:
        """Ends the connection without a word and without waiting; for sessions that nobody holds any more."""
        self._fail(Ending(ABNORMAL, "", "local", "The session was dropped without close()"))

    # Reading, on the reader thread.

    def wake(self) -> None:
        """Makes the reader look again whether it may read; any thread may call it."""
        self._duplex.wake()

    def _run(self) -> None:
        ending = Ending(ABNORMAL, "", "local", "The reader thread failed")
        try:
            ending = self._how_it_ends()
        except BaseException as error:  # a fault of this library, or of a callback such as a log handler: never hang
            ending = Ending(ABNORMAL, "", "local", f"The reader thread failed: {error!r}", error)
            with suppress(Exception):  # perhaps it was the log handler
                logger.exception("the reader thread failed")
        finally:
            self._finish(ending)

    def _how_it_ends(self) -> Ending:
        try:
            return self._read_to_the_end()
        except FrameError as error:
            self._writer.owe_close(error.code)
            return Ending(error.code, str(error), "local", f"The server sent {error}", error)
        except EndConnection as error:
            self._writer.owe_close(error.ending.code)
            return error.ending
        except OSError as error:
            return Ending(ABNORMAL, "", "network", f"The connection was lost: {error}", error)

    def _read_to_the_end(self) -> Ending:
        count: int | None = 0  # of the bytes that came with the upgrade, the frame reader knows itself
        while True:
            if count is not None and (ending := self._take(count)):
                return ending
            paused = not (self._reads_on or self._may_read())
            if self._is_time_to_stop(paused):
                return Ending(ABNORMAL, "", "local", "Reading was stopped")
            count = None if paused else self._duplex.read_into(self._frames.buffer())
            if count is None:
                self._wait(paused)
            elif count == 0:
                return Ending(ABNORMAL, "", "network", "The connection ended without a close frame")

    def _take(self, count: int) -> Ending | None:
        for message in self._frames.received(count):
            if ending := self._handle(message):
                return ending
        return None

    def _handle(self, message: Message) -> Ending | None:
        if message.opcode in (TEXT, BINARY):
            self._on_message(message)
        elif message.opcode == PING:
            self._writer.owe_pong(message.data)
        elif message.opcode == CLOSE:
            code, reason = read_close(message.data)
            self._writer.owe_close(code)
            return Ending(code, self._redact(reason), "server")
        return None

    def _is_time_to_stop(self, paused: bool) -> bool:
        """Whether the end need not be waited for: the close deadline passed, or nobody makes room for more."""
        if self.state is not State.CLOSING:
            return False
        return self._close_deadline.expired() or (paused and self._close_frame_done)

    def _wait(self, paused: bool) -> None:
        self._writer.flush()
        self._duplex.wait_to_read(self._close_deadline.left(), paused=paused, also_writable=self._writer.is_owing)

    def _finish(self, ending: Ending) -> None:
        self._states.on(Event.ENDED, ending)
        try:
            self._on_end(self._states.ending or ending)
            if ending.origin != "network":
                self._linger()
        finally:
            self._duplex.shutdown()
            # A writer that was waiting fails now and lets go of its lock; only then may the descriptor be closed. A
            # signal handler that runs on top of a writer, in the main thread, makes it take as long as it likes.
            self._writer.retire()
            self._duplex.close()

    def _linger(self) -> None:
        """Lets the peer read the close frame and close TCP first: closing with unread input would reset it."""
        left = self._close_deadline.left()
        deadline = Deadline(GRACE if left is None else min(GRACE, left))
        scratch = memoryview(bytearray(4096))
        try:
            while not deadline.expired():
                self._writer.flush()
                if (count := self._duplex.read_into(scratch)) == 0:
                    return
                if count is None:
                    self._duplex.wait_to_read(deadline.left(), also_writable=self._writer.is_owing)
        except OSError as error:
            logger.debug("while waiting for the peer to close: %s", error)
