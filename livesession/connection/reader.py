"""The reading half of a connection: bytes to messages, until it ends, in steps that never wait.

The reader loop calls `serve()` whenever there may be something to do. It is the only one to declare the end: after
the last message it calls `on_end` once, lets the peer close TCP first, and gives the socket up.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from livesession.connection.close_info import ABANDONED, ABNORMAL, GRACE, CloseInfo, EndConnection
from livesession.connection.connection_state import ConnectionEvent, ConnectionState, ConnectionStates
from livesession.connection.frames import CLOSE, PING, FrameError, FrameReader, Message, read_close
from livesession.connection.reader_loop import READ, WRITE, Plan, ReaderLoop
from livesession.observers import Disconnected, MessageReceived, Observer, tell
from livesession.sync.deadline import Deadline
from livesession.sync.events import Event

if TYPE_CHECKING:
    from livesession.connection.duplex import Duplex
    from livesession.connection.liveness import Liveness
    from livesession.connection.writer import FrameWriter
    from livesession.logs import Log

__all__ = ["GRACE", "FrameReceiver"]

READS_AT_ONCE = 4  # before other connections have their turn


class FrameReceiver:
    """A channel of the reader loop.

    Args:
        duplex, frames, writer, states, liveness: Those of the connection.
        on_messages: Called with the messages that one read brought, to be iterated to the end; must not wait.
        announce: Called after that, once other connections have been read as well.
        may_read: Asked before each read; after it said False, a wake-up makes it be asked again.
        on_end: Called once, after the last message.
        on_ended: Called at once when it is decided that the connection has ended.
        redact: Takes secrets out of the server's words.
        number, observers: The connection's number in its session, and what observes it.
        log: Where its records go.
    """

    __slots__ = (
        "_begun", "_close_frame", "_duplex", "_frames", "_idle_plan", "_linger_until", "_liveness", "_log",
        "_may_read", "_number", "_observers", "_on_end", "_on_ended", "_on_messages", "_redact", "_states",
        "_was_paused", "_writer", "announce", "close_deadline", "close_frame_done", "close_is_begun", "followed",
        "is_dropped", "loop", "over", "reads_on",
    )  # fmt: skip

    def __init__(
        self,
        duplex: Duplex,
        frames: FrameReader,
        writer: FrameWriter,
        states: ConnectionStates,
        liveness: Liveness,
        *,
        on_messages: Callable[[Iterator[Message]], None],
        announce: Callable[[], None],
        may_read: Callable[[], bool],
        on_end: Callable[[CloseInfo], None],
        on_ended: Callable[[CloseInfo], None],
        redact: Callable[[str], str],
        number: int,
        observers: Sequence[Observer],
        log: Log,
    ) -> None:
        self._duplex = duplex
        self._frames = frames
        self._writer = writer
        self._states = states
        self._liveness = liveness
        self._on_messages = on_messages
        self.announce = announce
        self._may_read = may_read
        self._on_end = on_end
        self._on_ended = on_ended
        self._redact = redact
        self._number = number
        self._observers = observers
        self._log = log
        self.followed: Plan | None = None
        self.loop: ReaderLoop | None = None
        self.is_dropped = False  # set by a finaliser: the last reference to the session is gone
        self._begun = False
        self._was_paused = True  # only what this side put since can have filled the inbox
        self._idle_plan: Plan | None = None  # what was planned last, if that was to wait for more and nothing else
        self._close_frame: CloseInfo | None = None  # what the peer's said
        self._linger_until: float | None = None  # set once the end has been declared
        self.reads_on = False  # to the end, whether or not there is room for more
        self.close_deadline = Deadline(None)
        self.close_is_begun = False  # known without a look at the states, which are in no cache
        self.close_frame_done = False
        self.over = Event()  # the end has been declared, and the socket is given up

    @property
    def socket(self) -> socket.socket:
        return self._duplex.socket

    def serve(self, scratch: memoryview) -> Plan | None:
        """Reads what is there, or lingers; None when it is over."""
        self._writer.flush()
        if self._linger_until is None:
            plan = ABANDONED if self.is_dropped else self._read_some(scratch)
            if isinstance(plan, Plan):
                return plan
            self._declare(plan)
        return self._linger(scratch)

    def _read_some(self, scratch: memoryview) -> Plan | CloseInfo:
        try:
            return self._read(scratch)
        except FrameError as error:
            self._writer.owe_close(error.code)
            return CloseInfo(error.code, str(error), "local", f"The server sent {error}", error)
        except EndConnection as error:
            self._writer.owe_close(error.ending.code)
            return error.ending
        except OSError as error:
            return CloseInfo(ABNORMAL, "", "network", f"The connection was lost: {error}", error)

    def _read(self, scratch: memoryview) -> Plan | CloseInfo:
        if not self._begun:
            self._begun = True
            if ending := self._take(0):  # what came with the upgrade
                return ending
        paused = drained = has_read = False
        if self._was_paused:
            paused = self._is_paused()
            self._liveness.heard()  # it sent nothing, but this side did not listen
        is_closing = self.close_is_begun and self._states.state is ConnectionState.CLOSING
        for _ in range(READS_AT_ONCE):
            if paused or drained or (is_closing and self._is_time_to_stop(paused)):
                break
            buffer = self._frames.buffer(scratch)
            count = self._duplex.read_into(buffer)
            if count == 0:
                return CloseInfo(ABNORMAL, "", "network", "The connection ended without a close frame")
            if count and (ending := self._take(count)):
                return ending
            has_read = has_read or count is not None
            drained = count is None or (count < len(buffer) and not self._duplex.has_decrypted)
            paused = self._is_paused()
        if is_closing and self._is_time_to_stop(paused):
            return CloseInfo(ABNORMAL, "", "local", "Reading was stopped")
        if not (paused or has_read) and (ending := self._liveness.check()):
            return ending
        self._was_paused = paused
        if has_read and drained and self._idle_plan and not (is_closing or paused or self._wants_write):
            return self._idle_plan  # its deadline is too early by now, never too late: then there is a new plan
        return self._plan(paused, again=not (paused or drained))

    def _is_paused(self) -> bool:
        return not (self.reads_on or self._may_read())

    def _plan(self, paused: bool, *, again: bool) -> Plan:
        close_at, check_at = self.close_deadline.at, math.inf if paused else self._liveness.next_at
        deadline = check_at if close_at is None else min(close_at, check_at)
        plan = Plan((0 if paused else READ) | (WRITE if self._wants_write else 0), deadline, again)
        self._idle_plan = plan if plan.interest == READ and not again else None
        return plan

    @property
    def _wants_write(self) -> bool:
        return self._writer.is_owing or self._duplex.read_wants_write

    def _take(self, count: int) -> CloseInfo | None:
        """Hands on what `count` more bytes complete; also what came before a frame that must not be."""
        self._liveness.heard()
        self._on_messages(self._messages(count))
        return self._close_frame

    def _messages(self, count: int) -> Iterator[Message]:
        """One after the other, so that each is decoded while the processor has it at hand."""
        for message in self._frames.received(count):
            opcode, data = message
            if opcode < CLOSE:
                if self._observers:
                    tell(self._observers, MessageReceived(self._number, data))
                yield message
            elif ending := self._handle_control(opcode, data):
                self._close_frame = ending
                return

    def _handle_control(self, opcode: int, data: bytes) -> CloseInfo | None:
        if opcode == PING:
            self._writer.owe_pong(data)
        elif opcode == CLOSE:
            code, reason = read_close(data)
            self._writer.owe_close(code)
            return CloseInfo(code, self._redact(reason), "server")
        return None

    def _is_time_to_stop(self, paused: bool) -> bool:
        """Whether, in state CLOSING, the end need not be waited for: time is up, or no consumer makes room for more."""
        return self.close_deadline.expired() or (paused and self.close_frame_done)

    # The end.

    def _declare(self, ending: CloseInfo) -> None:
        is_from_network = ending.origin == "network"
        if self._states.on(ConnectionEvent.ENDED, ending):
            self._on_ended(ending)
        ending = self._states.detail or ending
        left = self.close_deadline.remaining()
        patience = 0.0 if is_from_network else GRACE if left is None else min(GRACE, left)
        self._linger_until = time.monotonic() + patience
        if self._observers:
            tell(self._observers, Disconnected(self._number, ending))
        self._on_end(ending)

    def _linger(self, scratch: memoryview) -> Plan | None:
        """Lets the peer read the close frame and close TCP first: closing with unread input would reset it."""
        assert self._linger_until is not None
        try:
            for _ in range(READS_AT_ONCE):
                if time.monotonic() >= self._linger_until or (count := self._duplex.read_into(scratch)) == 0:
                    return None
                if count is None:
                    return Plan(READ | (WRITE if self._writer.is_owing else 0), self._linger_until)
        except OSError as error:
            self._log.debug("while waiting for the peer to close: %s", error)
            return None
        return Plan(READ, self._linger_until, again=True)

    def on_removed(self) -> None:
        """The loop watches the socket no more."""
        self._duplex.shutdown()
        self._writer.retire()
        self.over.set()

    def fail(self, error: BaseException) -> None:
        """A fault of this library, or of a callback such as a log handler; all who wait are told."""
        with suppress(Exception):  # perhaps it was the log handler
            self._log.error("the reader thread failed", exc_info=error)
        ending = CloseInfo(ABNORMAL, "", "local", f"The reader thread failed: {error!r}", error, is_final=True)
        try:
            if self._linger_until is None:
                self._declare(ending)
        finally:
            self.on_removed()
