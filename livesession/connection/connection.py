"""A WebSocket connection: read by the process's reader loop, written by any number of threads, one way to end.

The reading half is the only one to declare the end. `close()` and failed writes only ask for it, and wake the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from livesession.connection.close_info import ABANDONED, ABNORMAL, CLOSED_HERE, NORMAL, CloseInfo
from livesession.connection.connection_state import ConnectionEvent, ConnectionState, connection_states
from livesession.connection.duplex import Duplex
from livesession.connection.frames import TEXT, FrameReader, Message
from livesession.connection.liveness import Liveness
from livesession.connection.reader import GRACE, FrameReceiver
from livesession.connection.reader_loop import join_loop
from livesession.connection.write_hook import WriteHook, WriteHooks
from livesession.connection.writer import FrameWriter, StreamBroken
from livesession.errors import LiveSessionError, SendTimeout, SessionClosedError
from livesession.logs import Log, logger
from livesession.observers import Observer, SendingHook
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.connection.handshake import UpgradedSocket

__all__ = ["Connection"]

ENDING_WAIT = 1.0  # seconds that a failed send waits to learn why


class Connection:
    """An upgraded socket that is read by the reader loop.

    Args:
        opened: The socket, from `Opening`.
        on_messages: Called on the reader thread with the messages that one read brought, to be iterated to the end
            (which raises what is wrong with the next one); must not wait.
        announce: Called on the reader thread after `on_messages`, once the other connections have been read as well.
        may_read: Asked before each read; after it said False, `wake()` makes the reader ask again.
        on_ended: Called at once when it is decided that the connection has ended, on the thread that decides it, where
            messages that arrived may still be on their way; must neither wait nor raise.
        on_end: Called on the reader thread, once, after the last message.
        max_message_bytes: The size of a message at the most.
        ping_after, dead_after: Seconds of silence before the peer is pinged, and given up; None: never.
        redact: Takes secrets out of the server's words.
        number: The connection's number in its session, for observers.
        observers: Observe its messages and its end.
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
        on_ended: Callable[[CloseInfo], None] = lambda info: None,
        max_message_bytes: int,
        ping_after: float | None = None,
        dead_after: float | None = None,
        redact: Callable[[str], str] = str,
        number: int = 1,
        observers: Sequence[Observer] = (),
        log: Log = logger,
    ) -> None:
        self._is_setting_up = False  # the setup is being sent; no other thread knows the connection yet
        self._number = number
        self._observers = observers
        self._on_ended = on_ended
        self._log = log
        self._duplex = Duplex(opened.socket)
        self._writer = FrameWriter(self._duplex, self.wake)
        self._states = connection_states()
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
            on_ended=on_ended,
            redact=redact,
            number=number,
            observers=observers,
            log=log,
        )

    def start(self) -> None:
        """Starts reading; the connection is in state SETUP then. Raises `OSError` and `RuntimeError`."""
        self._states.on(ConnectionEvent.UPGRADED)
        join_loop(self._reading)

    @property
    def is_read(self) -> bool:
        """Whether the reader loop has it, and gives the socket up in the end."""
        return self._reading.loop is not None

    @property
    def state(self) -> ConnectionState:
        return self._states.state

    @property
    def close_info(self) -> CloseInfo | None:
        """The end of the connection, as soon as it is decided; messages may still be on their way to `on_messages`."""
        return self._states.detail

    @property
    def is_reader_thread(self) -> bool:
        loop = self._reading.loop
        return loop is not None and loop.is_current_thread

    def setup_complete(self) -> None:
        self._states.on(ConnectionEvent.SETUP_COMPLETE)

    # Writing, on the caller's thread.

    def send(self, data: bytes, timeout: float | None, opcode: int = TEXT, *, hook: WriteHook | None = None) -> None:
        """Writes one message whole, within `timeout` seconds. Raises `SendTimeout` or `SessionClosedError`.

        The first message, the setup, is the only one in state SETUP; it has to be sent by `send_setup()`.
        """
        if self._observers:
            observed = SendingHook(self._observers, self._number, data)
            hook = observed if hook is None else WriteHooks((hook, observed))
        try:
            self._writer.send(data, Deadline(timeout), opcode, self._check_open, hook)
        except BaseException as error:
            try:
                if hook is not None:
                    told = hook.on_sent if hook.is_sent else hook.on_not_sent
                    told()
            finally:  # a second Ctrl-C may come in between
                self._end_if_broken(error)
            raise
        if hook is not None:
            hook.on_sent()

    def send_setup(self, data: bytes, timeout: float) -> None:
        """Writes the setup. Raises as `send` does."""
        self._is_setting_up = True
        try:
            self.send(data, timeout)
        finally:
            self._is_setting_up = False

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

    def _find_out_why(self) -> None:
        """Lets the reader come to the server's close frame, which may be waiting behind messages."""
        self._reading.reads_on = True
        self.wake()
        if not self.is_reader_thread:
            self._reading.over.wait(ENDING_WAIT)

    def _check_open(self) -> None:
        state = self._states.state
        if state is not ConnectionState.OPEN and not (self._is_setting_up and state is ConnectionState.SETUP):
            raise self._end_error()

    def _end_error(self) -> LiveSessionError:
        ending = self.close_info
        if ending is None or (ending.quiet and ending.origin == "local"):
            return SessionClosedError("This session has been closed and cannot be used; connect() a new one.")
        return ending.error()

    def _fail(self, ending: CloseInfo) -> None:
        """Ends the connection at once; the reader still delivers what had arrived."""
        if self._states.on(ConnectionEvent.ENDED, ending):
            self._reading.reads_on = True
            self._on_ended(ending)
            self._duplex.shutdown()
            self.wake()

    # Closing, from any thread.

    def close(self, timeout: float) -> None:
        """Sends a close frame, waits for the peer's, and ends the connection within `timeout` seconds at the most.

        From the reader thread (a callback) it does not wait. Never raises for what the network or the peer does.
        """
        deadline, last = Deadline(timeout), Deadline(timeout + GRACE)
        self._states.on(ConnectionEvent.LOCAL_CLOSE, CLOSED_HERE)
        if self.state is ConnectionState.CLOSING:
            self._begin_to_close(deadline)
        loop = self._reading.loop
        if loop is not None and not loop.is_current_thread:
            self._reading.over.wait(last.remaining() or 0.0)
            loop.join_if_over(min(GRACE, last.remaining() or 0.0))
            self._writer.close_if_retired()  # again, where Ctrl-C came before a thread that was writing could do so

    def _begin_to_close(self, deadline: Deadline) -> None:
        """Takes the first steps of closing, each of them again where an earlier `close()` was interrupted."""
        if self._reading.close_deadline.ends_after(deadline):
            self._reading.close_deadline = deadline
        self._reading.close_is_begun = True
        self.wake()
        if not self._reading.close_frame_done:
            self._send_close_frame(Deadline(0.0) if self.is_reader_thread else deadline)

    def _send_close_frame(self, deadline: Deadline) -> None:
        try:
            self._writer.send_close(NORMAL, deadline)
        except (StreamBroken, SendTimeout, OSError):
            self._log.debug("no close frame could be sent")
            if self._writer.is_busy_below:  # in the middle of a frame, which cannot go on before this returns
                self._reading.close_deadline = Deadline(0.0)
        finally:
            self._reading.close_frame_done = True
            self.wake()

    def abandon(self) -> None:
        """Ends the connection without a word and without waiting; for sessions whose last reference is gone."""
        self._fail(ABANDONED)

    def drop(self) -> None:
        """Has the reader thread abandon it; for finalisers, which may run on any thread, in the middle of anything."""
        self._reading.is_dropped = True
        self.wake()
        self._writer.close_if_retired()  # where close() was interrupted when only that was left to do; it does not wait

    def discard(self) -> None:
        """Ends it, and gives the socket up where the reader loop never had it."""
        self.abandon()
        if not self.is_read:
            self._duplex.close()

    def wake(self) -> None:
        """Makes the reader look again whether it may read; any thread may call it."""
        loop = self._reading.loop
        if loop is not None:
            loop.wake(self._reading)
