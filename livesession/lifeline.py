"""The connection of a session, and the next one, and the one after that.

A session has one lifeline for as long as it lives. Reconnecting runs on a short-lived thread of its own
("livesession-resume"), never on the reader thread, which must not wait; sends wait for it, up to their deadline.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from livesession.backends import Backend
from livesession.connection.closing import ABNORMAL, NORMAL, Ending
from livesession.connection.deadline import Deadline
from livesession.connection.latch import Gates
from livesession.conversation import Conversation, logger
from livesession.errors import ConnectError, ResumptionError, SendTimeout, SessionClosedError
from livesession.opening import ConnectionAttempt, Line
from livesession.options import SessionOptions
from livesession.realtime import KeptInput
from livesession.resumption import LiveSessionResumed, ResumptionPolicy
from livesession.types.client import LiveClientMessage, LiveClientSetup
from livesession.types.config import SessionResumptionConfig

if TYPE_CHECKING:
    from livesession.connection.connection import Connection

__all__ = ["Lifeline"]

OLD_CLOSE = 1.0  # seconds for the closing handshake of a connection that is replaced
SHORTEST = 0.01  # seconds for an attempt, when the budget is all but used up
STABLE = 10.0  # seconds after which a connection counts as a success, though no turn was completed on it
MARGIN = 0.2  # share of the time left after a goAway, and
LONGEST_MARGIN = 5.0  # seconds: so much earlier than at its end the connection is replaced


class Lifeline:
    """Where messages go out, whichever connection it is.

    Args:
        backend, options: Those of the session.
        setup: That of every connection but the first, which `open()` is given.
        resumption: None for a session that cannot be resumed.
        conversation: What outlives the connections.
    """

    def __init__(
        self,
        backend: Backend,
        setup: LiveClientSetup,
        options: SessionOptions,
        resumption: SessionResumptionConfig | None,
        conversation: Conversation,
        line: Line,
    ) -> None:
        self._backend = backend
        self._setup = setup
        self._options = options
        self._resumption = resumption
        self._conversation = conversation
        self._line = line
        self._policy: ResumptionPolicy | None = options.resumption if resumption else None
        self._kept = KeptInput(self._policy.kept_bytes if self._policy else 0)
        self._attempt = self._new_attempt(setup)
        self._gates = Gates()  # opened at each change of the fields below
        self._lock = threading.Lock()  # guards _worker, _is_due and _go_away; nothing is called while it is held
        self._worker: threading.Thread | None = None
        self._resuming = threading.Lock()  # held by the one thread that replaces the connection; others only try it
        self._is_due = False  # the present connection has ended and is to be replaced
        self._go_away: Deadline | None = None  # by when it is to be replaced, because the server will end it
        self._failure: ResumptionError | None = None
        self._turns_before = 0
        self._patience = Deadline(0.0)
        self._delays: Iterator[float] = iter(())
        self._ready_at = 0.0
        self._has_progressed = True
        self.is_closed = False

    def _new_attempt(self, setup: LiveClientSetup) -> ConnectionAttempt:
        return ConnectionAttempt(self._backend, setup, self._options, self._conversation, self)

    def _attempt_within(self, budget: float, greet: Callable[[], LiveSessionResumed]) -> ConnectionAttempt:
        """An attempt that takes no longer than so many seconds, for each of its two parts."""
        options = attrs.evolve(
            self._options,
            connect_timeout=max(SHORTEST, min(self._options.connect_timeout, budget)),
            setup_timeout=max(SHORTEST, min(self._options.setup_timeout, budget)),
        )
        return ConnectionAttempt(self._backend, self._setup, options, self._conversation, self, greet)

    def open(self, first_setup: LiveClientSetup) -> None:
        """Opens the first connection. Raises `ConnectError`."""
        self._attempt = self._new_attempt(first_setup)
        self._attempt.run(self._line, self._resumption)
        self._ready_at = time.monotonic()
        self._gates.open()

    @property
    def connection(self) -> Connection:
        assert self._line.connection is not None
        return self._line.connection

    @property
    def ending(self) -> Ending | None:
        """How the session ended; None also while it is between two connections."""
        connection = self._line.connection
        if connection is None or connection.ending is None or self._is_between():
            return None
        return self._conversation.ending or connection.ending

    def _is_between(self) -> bool:
        """Whether the present connection is being replaced, or will be."""
        ending = self.connection.ending
        return self._resuming.locked() or (ending is not None and self._goes_on_after(ending))

    def _goes_on_after(self, ending: Ending) -> bool:
        if self._policy is None or self.is_closed or self._failure is not None:
            return False
        return ending.may_resume and (self._policy.fresh_session or self._conversation.resumption_handle is not None)

    # Sending.

    def send(self, message: LiveClientMessage, data: bytes, timeout: float | None) -> None:
        """Sends on the present connection, or on the next one if there is one before the deadline."""
        if self._resumption is None:
            self.connection.send(data, timeout)
            return
        deadline = Deadline(timeout)
        while not self._is_kept(message):
            connection = self._wait_for_line(deadline)
            try:
                self._send_on(connection, message, data, deadline)
                return
            except SessionClosedError:
                # It did not go out whole, so that it can go out on the next connection, if there is to be one.
                if self.is_closed or not (self._is_between() or self.connection is not connection):
                    raise

    def _is_kept(self, message: LiveClientMessage) -> bool:
        """Whether it is realtime input that is kept for later, by choice, while there is no connection."""
        keeps = self._policy is not None and self._policy.realtime == "keep_newest" and not self.is_closed
        return keeps and self._is_between() and self._kept.keep(message)

    def _send_on(self, connection: Connection, message: LiveClientMessage, data: bytes, deadline: Deadline) -> None:
        outbox = self._conversation.outbox
        try:
            connection.send(data, deadline.left(), before=lambda: outbox.note(message))
        except BaseException:
            outbox.withdraw(message)
            raise

    def _wait_for_line(self, deadline: Deadline) -> Connection:
        while self._is_between():
            self._check_open()
            if not self._gates.wait(lambda: not self._is_between() or self.is_closed, deadline.left()):
                raise SendTimeout(
                    "The message was not sent in time: the session is being resumed. Nothing of it went out; send it "
                    "again, or allow more time.",
                    session_ended=False,
                )
        self._check_open()
        return self.connection

    def _check_open(self) -> None:
        if self.is_closed:
            raise SessionClosedError("This session has been closed and cannot be used; connect() a new one.")
        if self._failure is not None:
            raise self._failure.again()

    # Ending.

    def close(self, timeout: float) -> None:
        """Ends the present connection, and any attempt at the next one."""
        deadline = Deadline(timeout)
        self.is_closed = True
        self._attempt.cancel()
        self._gates.open()
        self.connection.close(timeout)
        with self._lock:
            worker = self._worker
        if worker is not None and worker is not threading.current_thread() and not self.connection.is_reader_thread:
            worker.join((deadline.left() or 0.0) + 0.25)

    def abandon(self) -> bool:
        """Ends everything without a word; for a session that nobody holds any more. False if it had ended before."""
        if self.is_closed or self.ending is not None:
            return False
        self.is_closed = True
        self._attempt.cancel()
        self._gates.open()
        self.connection.abandon()
        return True

    # What the reader thread tells of the present connection.

    def on_end(self, ending: Ending) -> None:
        """It has ended, and nobody had asked for that."""
        is_first = self._line.connection is None  # and connect() has not returned yet
        if is_first or not self._goes_on_after(ending) or not self._start(is_due=True):
            self._conversation.finish(ending)
        self._gates.open()

    def on_go_away(self, time_left: float) -> None:
        """The server will end it in so many seconds."""
        if self._policy is not None and self._conversation.resumption_handle and not self.is_closed:
            self._start(go_away=Deadline(time_left - min(MARGIN * time_left, LONGEST_MARGIN)))

    def on_news(self) -> None:
        """A turn has ended, or there is a new handle."""
        self._has_progressed = self._has_progressed or self._conversation.turns.completed > self._turns_before
        self._gates.open()

    def _start(self, *, is_due: bool = False, go_away: Deadline | None = None) -> bool:
        """Sees to it that a thread replaces the connection; False when there can be none."""
        with self._lock:
            self._is_due = self._is_due or is_due
            self._go_away = go_away or self._go_away
            if self._worker is not None:
                return True
            worker = self._worker = threading.Thread(target=self._go_on, name="livesession-resume", daemon=True)
        try:
            worker.start()
        except RuntimeError as error:  # the interpreter is going down, or the system has no more threads
            logger.warning("the session cannot be resumed: %s", error)
            self._worker = None
            return False
        return True

    # On that thread.

    def _go_on(self) -> None:
        while self._has_work():
            if self._is_due or self._awaited_turn_boundary():
                self._replace_in_turn()
        if self.is_closed:
            self._conversation.finish(Ending(NORMAL, "closed by this side", "local"))

    def _has_work(self) -> bool:
        """Whether there is a connection to be replaced, now or soon; else the thread is about to end."""
        with self._lock:
            if (self._is_due or self._go_away is not None) and not self.is_closed:
                return True
            self._worker = None
            return False

    def _replace_in_turn(self) -> None:
        """Replaces the connection, after whoever is at it now."""
        while not self._resuming.acquire(blocking=False):
            self._gates.wait(lambda: not self._resuming.locked(), OLD_CLOSE)
        try:
            if not self.is_closed:
                self._replace(time.monotonic())
        finally:
            self._resuming.release()
            self._gates.open()

    def _awaited_turn_boundary(self) -> bool:
        """Waits for a good moment, while there is time; False when there is nothing to be replaced any more."""
        with self._lock:
            deadline, self._go_away = self._go_away or Deadline(0.0), None
        if not self._gates.wait(lambda: self._line.connection is not None, self._options.setup_timeout):
            return False  # connect() has failed
        connection = self.connection

        def is_time() -> bool:
            is_over = self.is_closed or self.connection is not connection or connection.ending is not None
            return is_over or self._conversation.is_at_rest

        while not is_time() and self._gates.wait(is_time, deadline.left()):
            pass
        return not self.is_closed and self.connection is connection

    def _replace(self, lost_at: float) -> None:
        """Puts another connection in the place of the present one; gives up when the policy says so."""
        assert self._policy is not None
        ending = self.connection.ending
        self._leave_old()
        if self._has_progressed or time.monotonic() - self._ready_at > STABLE:
            self._patience, self._delays = Deadline(self._policy.budget), self._policy.delays()
        errors: list[Exception] = []
        for delay in self._delays:
            if not self._pause(delay):
                break
            try:
                self._reconnect(self._config(), lost_at, len(errors) + 1)
                return
            except Exception as error:  # credentials are asked for as well, by code that is not ours
                errors.append(error)
                if self.is_closed or not isinstance(error, ConnectError) or not self._policy.retryable(error):
                    break
        self._begin_anew_or_give_up(errors, ending, lost_at)

    def _pause(self, delay: float) -> bool:
        """Waits before an attempt; False when there is to be none."""
        if delay:
            self._gates.wait(lambda: self.is_closed, min(delay, self._patience.left() or 0.0))
        return not self.is_closed and not self._patience.expired()

    def _config(self) -> SessionResumptionConfig:
        assert self._resumption is not None
        return SessionResumptionConfig(
            handle=self._conversation.resumption_handle, transparent=self._resumption.transparent
        )

    def _leave_old(self) -> None:
        self._detach(OLD_CLOSE)
        self._conversation.reopen(replays=self._is_transparent)

    def _detach(self, timeout: float) -> None:
        """Closes the present connection; what ends from now on is another one."""
        self._attempt.detach()
        self.connection.close(timeout)
        with self._lock:
            self._is_due, self._go_away = False, None

    @property
    def _is_transparent(self) -> bool:
        return self._resumption is not None and bool(self._resumption.transparent)

    def _reconnect(self, config: SessionResumptionConfig, lost_at: float, attempts: int) -> None:
        """One attempt. Raises `ConnectError`."""
        restored = config.handle is not None

        def greet() -> LiveSessionResumed:
            return self._news(restored, time.monotonic() - lost_at, attempts)

        self._attempt = self._attempt_within(self._patience.left() or 0.0, greet)
        if self.is_closed:  # by another thread, which had only the old attempt to cancel
            self._attempt.cancel()
        self._turns_before, self._has_progressed = self._conversation.turns.completed, False
        self._attempt.run(self._line, config)
        self._ready_at = time.monotonic()
        if self.is_closed:
            self.connection.close(OLD_CLOSE)
            return
        self._send_first(self._conversation.outbox.begin_again() if restored and self._is_transparent else ())

    def _news(self, restored: bool, downtime: float, attempts: int) -> LiveSessionResumed:
        """Made on the reader thread, between the last message of the old connection and the first of the new one."""
        conversation = self._conversation
        calls = conversation.calls.void_all()
        lost: tuple[LiveClientMessage, ...] = ()
        count = 0
        if not (restored and self._is_transparent):
            lost, count = conversation.outbox.take_lost()
        logger.info("session resumed after %.1f s, %d attempts; messages lost: %d", downtime, attempts, count)
        return LiveSessionResumed(
            state_restored=restored,
            downtime=downtime,
            attempts=attempts,
            lost=lost,
            lost_count=count,
            dropped=self._kept.take_dropped(),
            cancelled_calls=calls,
        )

    def _send_first(self, messages: Iterable[LiveClientMessage]) -> None:
        """What goes out before anybody else sends: what the server has not consumed, and what was kept meanwhile."""
        from livesession.wire import encode

        connection = self.connection
        try:
            for message in messages:
                connection.send(encode(message), self._options.send_timeout)
            for message in self._kept.take():
                self._send_on(connection, message, encode(message), Deadline(self._options.send_timeout))
        except (SessionClosedError, SendTimeout) as error:
            logger.debug("the new connection has ended as well: %s", error)  # which on_end() is told of

    def _begin_anew_or_give_up(self, errors: list[Exception], ending: Ending | None, lost_at: float) -> None:
        assert self._policy is not None
        if self.is_closed:
            self._conversation.finish(Ending(NORMAL, "closed by this side", "local"))
            return
        if self._policy.fresh_session:
            try:
                config = attrs.evolve(self._config(), handle=None)
                self._reconnect(config, lost_at, len(errors) + 1)
                return
            except Exception as error:
                errors.append(error)
        self._failure = ResumptionError.after(errors, ending.describe() if ending else "The server went away.")
        failed = Ending(ABNORMAL, "", "local", str(self._failure), is_final=True, failure=self._failure)
        self._conversation.finish(failed)

    # By hand.

    def resume(self, config: SessionResumptionConfig) -> None:
        """Replaces the connection now, in the caller's thread. Raises `ResumptionError`."""
        if not self._resuming.acquire(blocking=False):
            raise ResumptionError("This session is being resumed already, by another thread.")
        try:
            self._replace_by_hand(config)
        finally:
            self._resuming.release()
            self._gates.open()

    def _replace_by_hand(self, config: SessionResumptionConfig) -> None:
        self._detach(self._options.close_timeout)
        self._conversation.reopen(replays=False)
        self._attempt = self._new_attempt(self._setup)
        if self.is_closed:
            self._attempt.cancel()
        try:
            self._attempt.run(self._line, config)
        except BaseException as error:
            self._conversation.finish(self._unresumed(error))
            if isinstance(error, ConnectError):
                raise ResumptionError(f"The session could not be resumed: {error}") from error
            raise
        self._failure = None
        if self.is_closed:
            self.connection.close(self._options.close_timeout)
            self._check_open()

    def _unresumed(self, error: BaseException) -> Ending:
        if self.is_closed:
            return Ending(NORMAL, "closed by this side", "local")
        return Ending(ABNORMAL, "", "local", "The session could not be resumed", error, is_final=True)
