"""When a connection is replaced: once it has ended, or at a good moment before the server ends it.

It is done on a short-lived thread of its own ("livesession-resume"), never on the reader thread, which must not wait.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from livesession.errors import ResumptionError
from livesession.resumption.connection_slot import ConnectionSlot
from livesession.resumption.policy import ResumptionPolicy
from livesession.resumption.reconnector import OLD_CLOSE, Reconnector
from livesession.session.state import SessionState
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.connection.connection import Connection

__all__ = ["ReconnectScheduler"]

OPENING_TIME = 60.0  # seconds that connect() may still take once the server has accepted the setup


class ReconnectScheduler:
    """Has the connections of one session replaced.

    Args:
        policy: None for a session that is not resumed by itself; then it is never started.
        replacer: Does it.
        conversation: What outlives the connections.
        line: The connection.
    """

    def __init__(
        self, policy: ResumptionPolicy | None, replacer: Reconnector, conversation: SessionState, line: ConnectionSlot
    ) -> None:
        self._policy = policy
        self._replacer = replacer
        self._conversation = conversation
        self._line = line
        # Guards the three fields below; nothing is called while it is held. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._worker: threading.Thread | None = None
        self._is_due = False  # the present connection has ended and is to be replaced
        self._go_away: Deadline | None = None  # by when it is to be replaced, because the server will end it

    def replace(self, by: Deadline | None = None) -> bool:
        """Has the connection replaced: now, because it has ended, or by a time. False where there can be no thread."""
        with self._lock:
            if by is None:
                self._is_due = True
            elif self._go_away is None or self._go_away.ends_after(by):
                self._go_away = by
            if self._worker is not None:
                return True
            worker = self._worker = threading.Thread(target=self._go_on, name="livesession-resume", daemon=True)
        try:
            worker.start()
        except RuntimeError as error:  # the interpreter is going down, or the system has no more threads
            self._conversation.log.warning("the session cannot be resumed: %s", error)
            self._worker = None
            return False
        return True

    def left(self) -> None:
        """The old connection has ended: what is told from now on concerns another one."""
        with self._lock:
            self._is_due, self._go_away = False, None

    def join(self, last: Deadline) -> None:
        """Waits for the thread, which has been told that the session is closed."""
        with self._lock:
            worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            worker.join(last.remaining())

    # On the thread.

    def _go_on(self) -> None:
        try:
            self._work()
        except BaseException as error:  # of the user's code, which gives keys and judges errors: nobody is left waiting
            self._give_up(error)

    def _work(self) -> None:
        line = self._line
        while self._has_work():
            # connect() may not have returned yet.
            line.notifier.wait_until(lambda: line.connection is not None or line.is_closed, Deadline(OPENING_TIME))
            if line.is_closed or line.connection is None:
                continue
            connection = line.connection
            if self._is_due or self._awaited_turn_boundary(connection):
                self._replace_in_turn(connection)

    def _give_up(self, error: BaseException) -> None:
        with self._lock:
            self._worker, self._is_due = None, False
        self._conversation.log.error("the session could not be resumed", exc_info=error)
        self._replacer.give_up(ResumptionError(f"The session was lost and could not be resumed: {error!r}"))
        if self._line.connection is not None:
            self._line.connection.close(0.0)
        self._line.notifier.notify()

    def _has_work(self) -> bool:
        """Whether there is a connection to be replaced, now or soon; else the thread is about to end."""
        with self._lock:
            if (self._is_due or self._go_away is not None) and not self._line.is_closed:
                return True
            self._worker = None
            return False

    def _replace_in_turn(self, connection: Connection) -> None:
        """Replaces the connection, unless somebody else who is at it now does so."""
        while not self._line.replacing.acquire(blocking=False):
            self._line.notifier.wait_until(lambda: not self._line.replacing.locked(), Deadline(OLD_CLOSE))
        try:
            is_wanted = self._line.present is connection and self._conversation.ending is None
            if self._policy is not None and not self._line.is_closed and is_wanted:
                self._replacer.replace(self._policy, self.left)
        finally:
            self._line.replacing.release()
            self._line.notifier.notify()

    def _awaited_turn_boundary(self, connection: Connection) -> bool:
        """Waits for a good moment, while there is time; False when there is nothing to be replaced any more."""

        def is_over() -> bool:
            return self._line.is_closed or self._line.present is not connection or connection.ending is not None

        def is_time() -> bool:
            return is_over() or self._conversation.is_at_rest or self._time_is_up()

        while not is_time() and self._line.notifier.wait(is_time, self._time_left()):
            pass
        with self._lock:
            if self._line.present is connection:  # else it is the next one that goes away as well
                self._go_away = None
        has_handle = self._conversation.resumption_handle is not None
        return has_handle and not is_over()  # what has ended is due, if it may be resumed

    def _time_left(self) -> float:
        """Seconds until the connection has to be replaced; the server may say less than before."""
        with self._lock:
            return (self._go_away.remaining() if self._go_away else None) or 0.0

    def _time_is_up(self) -> bool:
        return self._time_left() == 0.0
