"""The way out of a session, whichever connection it has.

A session has one manager for as long as it lives. While a connection is replaced, sends wait for the next one, up to
their deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from livesession.connection.close_info import CLOSED_HERE, GRACE, CloseInfo
from livesession.errors import ResumptionError, SendTimeout, SessionClosedError
from livesession.resumption.handover import Handover
from livesession.resumption.policy import ResumptionPolicy
from livesession.resumption.realtime_buffer import RealtimeBuffer
from livesession.resumption.reconnector import Reconnector
from livesession.resumption.scheduler import ReconnectScheduler
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.backends.backend import Backend
    from livesession.connection.connection import Connection
    from livesession.messages.client import LiveClientMessage, LiveClientSetup
    from livesession.messages.config import SessionResumptionConfig
    from livesession.options import SessionOptions
    from livesession.resumption.connection_slot import ConnectionSlot
    from livesession.session.state import SessionState
    from livesession.session.write_hooks import ClientHook

__all__ = ["ConnectionManager"]

LAST_WAIT = 0.2  # seconds for a thread that has been told to end


class ConnectionManager:
    """Sends, closes, and sees to it that a lost connection is replaced.

    Args:
        backend, options: Those of the session.
        setup: That of every connection but the first, which has `first_setup`.
        resumption: None for a session that cannot be resumed.
        state: The session's; the manager moves it on.
        slot: Holds the connection.
        seeds_history: Whether a new conversation begins with its history.
    """

    def __init__(
        self,
        backend: Backend,
        setup: LiveClientSetup,
        first_setup: LiveClientSetup,
        options: SessionOptions,
        resumption: SessionResumptionConfig | None,
        state: SessionState,
        slot: ConnectionSlot,
        *,
        seeds_history: bool,
    ) -> None:
        self._is_resumable = resumption is not None
        self._state = state
        self._slot = slot
        self._policy: ResumptionPolicy | None = options.resumption if resumption else None
        buffer = RealtimeBuffer(self._policy.kept_bytes if self._policy else 0)
        self._handover = Handover(state, buffer, options.send_timeout, seeds_history=seeds_history)
        self._reconnector = Reconnector(
            backend, setup, first_setup, options, resumption, state, slot, self._handover, self
        )
        self._scheduler = ReconnectScheduler(self._policy or ResumptionPolicy(), self._reconnector, state, slot)

    def open(self) -> None:
        """Opens the first connection. Raises `ConnectError`."""
        self._reconnector.open()

    @property
    def is_reader_thread(self) -> bool:
        return self._slot.connection is not None and self._slot.connection.is_reader_thread

    # Sending.

    def send(
        self, message: LiveClientMessage, data: bytes, timeout: float | None, hook: ClientHook | None = None
    ) -> None:
        """Sends on the present connection, or on the next one if there is one before the deadline."""
        if not self._is_resumable:
            connection = self._slot.connection
            assert connection is not None
            connection.send(data, timeout, hook=hook)
            return
        deadline = Deadline(timeout)
        while not self._is_buffered(message):
            connection = self._wait_for_connection(deadline)
            try:
                self._handover.send(connection, message, data, deadline, hook)
                return
            except SendTimeout as error:
                raise self._as_it_goes_on(error) from error
            except SessionClosedError:
                # It did not go out whole, so that it can go out on the next connection, if there is to be one.
                if not (self._is_being_replaced() or self._slot.present is not connection) or self._state.is_closed:
                    raise

    def _is_being_replaced(self) -> bool:
        """Whether the present connection is, or will be; it may have ended just now, on another thread."""
        step = self._state.step
        if (info := self._slot.present.close_info) is not None:
            self._lose(info, step)
        return self._state.is_resuming

    def _as_it_goes_on(self, error: SendTimeout) -> SendTimeout:
        """A time-out that has ended the connection has not ended a session that gets another one."""
        if error.session_ended and self._is_being_replaced():
            return SendTimeout(
                "The message could not be written in time, and was not delivered. The connection is being replaced; "
                "the session goes on.",
                session_ended=False,
            )
        return error

    def _is_buffered(self, message: LiveClientMessage) -> bool:
        """Whether it is realtime input that is kept for later, by choice, while there is no connection."""
        keeps = self._policy is not None and self._policy.realtime == "keep_newest" and not self._state.is_closed
        return keeps and self._is_being_replaced() and self._handover.buffer.keep(message)

    def _wait_for_connection(self, deadline: Deadline) -> Connection:
        if not self._slot.notifier.wait_until(lambda: not self._is_being_replaced(), deadline):
            raise SendTimeout(
                "The message was not sent in time: the session is being resumed. Nothing of it went out; send it "
                "again, or allow more time.",
                session_ended=False,
            )
        self._state.check_usable()
        return self._slot.present

    # Waiting for something else than the network.

    def wait_until(self, is_so: Callable[[], bool], deadline: Deadline) -> None:
        """Looks again at each `wake()`, until the deadline. Raises as sending does when the session has ended."""
        state = self._state
        self._slot.notifier.wait_until(lambda: is_so() or state.is_over, deadline)
        state.check_usable()
        if (info := state.close_info) is not None:
            raise info.error()

    def wake(self) -> None:
        """Makes `wait_until()` look again; any thread."""
        self._slot.notifier.notify()

    # Ending.

    def stop(self) -> None:
        """Ends an attempt that is under way, and lets waiting threads see that the session is closed."""
        self._reconnector.cancel()
        self._slot.notifier.notify()

    def close(self, timeout: float) -> None:
        """Ends the present connection, and any attempt at the next one; within `timeout` and half a second."""
        last = Deadline(timeout + GRACE)
        self.stop()
        if self._slot.connection is not None:
            self._slot.connection.close(timeout)
        if not self.is_reader_thread:
            self._await_worker(last)

    def _await_worker(self, last: Deadline) -> None:
        self._scheduler.join(last)
        self._reconnector.join(min(LAST_WAIT, last.remaining() or 0.0))
        if not self._state.is_finished:  # the thread that replaces the connection is kept by code of the user's
            self._state.finish(CLOSED_HERE)

    def drop(self) -> None:
        """Has everything ended by other threads; for a finaliser, which must not wait, and may run on any of them."""
        self.stop()
        if self._slot.connection is not None:
            self._slot.connection.drop()

    # What is told of the present connection.

    def _goes_on_after(self, info: CloseInfo) -> bool:
        """Whether a connection that ended in this way is replaced without being asked for it."""
        if self._policy is None or self._state.is_closed or self._state.is_finished or not info.may_resume:
            return False
        return self._policy.fresh_session or self._state.resumption_handle is not None

    def _lose(self, info: CloseInfo, since: object) -> None:
        """Moves the session on, if it is still at the step at which it had the connection that has ended."""
        if self._goes_on_after(info):
            self._state.begin_resuming(since)
        else:
            self._state.lose(info, since)

    def on_ended(self, info: CloseInfo) -> None:
        self._lose(info, self._state.step)
        self._slot.notifier.notify()

    def on_end(self, info: CloseInfo) -> None:
        self._handover.buffer.open()
        goes_on = self._goes_on_after(info)
        if goes_on:
            self._state.begin_resuming()  # also where a handle was among the last messages
            goes_on = self._scheduler.replace()
        if goes_on:
            self._state.log.warning("lost, by the %s (%s); it is being resumed", info.origin, info.words)
        else:
            self._state.finish(info)
        self._slot.notifier.notify()

    def on_go_away(self, time_left: float) -> None:
        self._state.log.info("the server goes away in %g s", time_left)
        if self._policy is not None and not self._state.is_closed:
            self._scheduler.replace(by=Deadline(self._policy.replace_within(time_left)))
            self._slot.notifier.notify()

    def on_news(self) -> None:
        self._slot.notifier.notify()

    # By hand.

    def resume(self, config: SessionResumptionConfig) -> None:
        """Replaces the connection now, in the caller's thread. Raises `ResumptionError`."""
        replacing = self._slot.replacing
        taken: list[bool] = []
        if replacing.is_owned():
            raise resuming_already()
        try:
            replacing.take(taken)
            if not taken:
                raise resuming_already()
            self._reconnector.replace_once(config, self._scheduler.on_old_connection_closed)
        finally:
            if taken:
                replacing.release()
            self._slot.notifier.notify()


def resuming_already() -> ResumptionError:
    return ResumptionError("This session is being resumed already, by another thread.")
