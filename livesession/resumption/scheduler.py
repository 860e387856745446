"""Schedules the replacement of a connection: once it has ended, or at a good moment before the server ends it.

It is done on a short-lived thread of its own ("livesession-resume"), never on the reader thread, which must not wait.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from livesession.errors import ResumptionError
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.connection.connection import Connection
    from livesession.resumption.connection_slot import ConnectionSlot
    from livesession.resumption.policy import ResumptionPolicy
    from livesession.resumption.reconnector import Reconnector
    from livesession.session.state import SessionState

__all__ = ["ReconnectScheduler"]

OPENING_TIME = 60.0  # seconds that connect() may still take once the server has accepted the setup


class ReconnectScheduler:
    """Has the connections of one session replaced.

    Args:
        policy: Says how long to wait for another thread that replaces the connection.
        reconnector: Replaces a connection.
        state: The session's.
        slot: Holds the connection.
    """

    def __init__(
        self, policy: ResumptionPolicy, reconnector: Reconnector, state: SessionState, slot: ConnectionSlot
    ) -> None:
        self._policy = policy
        self._reconnector = reconnector
        self._state = state
        self._slot = slot
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
            worker = self._worker = threading.Thread(target=self._run, name="livesession-resume", daemon=True)
        try:
            worker.start()
        except RuntimeError as error:  # the interpreter is going down, or the system has no more threads
            self._state.log.warning("the session cannot be resumed: %s", error)
            self._worker = None
            return False
        return True

    def on_old_connection_closed(self) -> None:
        """Forgets what was told of the old connection: what is told from now on concerns another one."""
        with self._lock:
            self._is_due, self._go_away = False, None

    def join(self, last: Deadline) -> None:
        """Waits for the thread, which has been told that the session is closed."""
        with self._lock:
            worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            worker.join(last.remaining())

    # On the thread.

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # of the user's code, which gives keys and judges errors: no thread waits on
            self._give_up(error)

    def _work(self) -> None:
        state, slot = self._state, self._slot
        while self._has_work():
            # connect() may not have returned yet.
            slot.notifier.wait_until(lambda: slot.connection is not None or state.is_closed, Deadline(OPENING_TIME))
            if state.is_closed or slot.connection is None:
                continue
            connection = slot.connection
            if self._is_due or self._awaited_turn_boundary(connection):
                self._replace_in_turn(connection)

    def _give_up(self, error: BaseException) -> None:
        with self._lock:
            self._worker, self._is_due = None, False
        self._state.log.error("the session could not be resumed", exc_info=error)
        self._reconnector.give_up(ResumptionError(f"The session was lost and could not be resumed: {error!r}"))
        if self._slot.connection is not None:
            self._slot.connection.close(0.0)
        self._slot.notifier.notify()

    def _has_work(self) -> bool:
        """Whether there is a connection to be replaced, now or soon; else the thread is about to end."""
        with self._lock:
            if (self._is_due or self._go_away is not None) and not self._state.is_closed:
                return True
            self._worker = None
            return False

    def _replace_in_turn(self, connection: Connection) -> None:
        """Replaces the connection, unless another thread that is at it now does so."""
        replacing = self._slot.replacing
        taken: list[bool] = []
        try:
            replacing.take(taken)
            while not taken:
                self._slot.notifier.wait_until(lambda: replacing.is_free, Deadline(self._policy.close_timeout))
                replacing.take(taken)
            is_wanted = self._slot.present is connection and not self._state.is_finished
            if is_wanted and not self._state.is_closed:
                self._state.begin_resuming()
                self._reconnector.replace(self.on_old_connection_closed)
        finally:
            if taken:
                replacing.release()
            self._slot.notifier.notify()

    def _awaited_turn_boundary(self, connection: Connection) -> bool:
        """Waits for a good moment, while there is time; False when there is nothing to be replaced any more."""

        def is_over() -> bool:
            return self._state.is_closed or self._slot.present is not connection or connection.close_info is not None

        def is_time() -> bool:
            return is_over() or self._state.is_at_rest or self._time_left() == 0.0

        while not is_time() and self._slot.notifier.wait(is_time, self._time_left()):
            pass
        with self._lock:
            if self._slot.present is connection:  # else it is the next one that goes away as well
                self._go_away = None
        has_handle = self._state.resumption_handle is not None
        return has_handle and not is_over()  # what has ended is due, if it may be resumed

    def _time_left(self) -> float:
        """Returns the seconds until the connection has to be replaced; the server may say less than before."""
        with self._lock:
            return (self._go_away.remaining() if self._go_away else None) or 0.0
