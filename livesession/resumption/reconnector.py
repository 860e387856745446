"""Puts another connection in the place of a session's present one: by hand, or again and again, as a policy says.

It waits, so it runs on the caller's thread or on "livesession-resume", and only on one at a time.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from livesession.connection.close_info import ABNORMAL, CLOSED_HERE, CloseInfo
from livesession.errors import ConnectError, ResumptionError, SendTimeout, SessionClosedError
from livesession.messages.config import SessionResumptionConfig
from livesession.resumption.attempt import ConnectionAttempt
from livesession.resumption.policy import LiveSessionResumed, ResumptionPolicy
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.backends.backend import Backend
    from livesession.messages.client import LiveClientSetup
    from livesession.options import SessionOptions
    from livesession.resumption.connection_slot import ConnectionSlot
    from livesession.resumption.handover import Handover
    from livesession.session.dispatcher import ConnectionOwner
    from livesession.session.state import SessionState

__all__ = ["Reconnector"]


class Reconnector:
    """Makes the connections of one session.

    Args:
        backend, options: Those of the session.
        setup: That of every connection but the first, which has `first_setup`.
        resumption: None for a session that cannot be resumed.
        state: The session's.
        slot: Where the new connection is put.
        handover: Hands the conversation over from one connection to the next.
        owner: Is told what becomes of each connection.
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
        handover: Handover,
        owner: ConnectionOwner,
    ) -> None:
        self._backend = backend
        self._setup = setup
        self._options = options
        self._policy = options.resumption or ResumptionPolicy()
        self._resumption = resumption
        self._state = state
        self._slot = slot
        self._owner = owner
        self._handover = handover
        self._numbers = itertools.count(1)
        self._attempt = ConnectionAttempt(backend, first_setup, options, state, owner, next(self._numbers))
        self._turns_before = -1  # on the first connection, none is needed for it to be of use
        self._has_begun_anew = False  # since a connection was of use
        self._patience = self._budget = Deadline(0.0)
        self._on_old_closed: Callable[[], None] = lambda: None
        self._errors: list[Exception] = []  # of the attempts since a connection was of use
        self._delays: Iterator[float] = iter(())
        self._ready_at = 0.0

    def open(self) -> None:
        """Opens the first connection. Raises `ConnectError`."""
        self._attempt.run(self._slot, self._resumption)
        self._ready_at = time.monotonic()
        self._slot.notifier.notify()

    def cancel(self) -> None:
        """Ends an attempt that is under way."""
        self._attempt.cancel()

    def join(self, timeout: float) -> None:
        """Waits for what `cancel()` has ended."""
        self._attempt.join(timeout)

    # As the policy says.

    def replace(self, on_old_closed: Callable[[], None]) -> None:
        """Puts another connection in the place of the present one; gives up when the policy says so.

        `on_old_closed` is called when the old connection has ended.
        """
        lost_at = time.monotonic()
        info = self._slot.present.close_info
        was_of_use = self._was_of_use
        self._leave(self._policy.close_timeout, on_old_closed)
        budget = Deadline(self._policy.budget)
        share = self._policy.resuming_share if self._policy.fresh_session else 1.0
        self._patience = Deadline(self._policy.budget * share)
        if was_of_use:
            self._delays = self._policy.delays()
            self._has_begun_anew, self._errors = False, []
        elif info is not None:
            self._errors.append(info.error())
        if not self._is_replaced(lost_at):
            self._begin_anew_or_give_up(info, lost_at, budget)

    def _is_replaced(self, lost_at: float) -> bool:
        """Tries again and again; whether there is another connection."""
        for delay in self._delays:
            if not self._pause(delay):
                break
            try:
                self._reconnect(self._config(), lost_at, len(self._errors) + 1, self._patience)
                return True
            except Exception as error:  # credentials are asked for as well, by code that is not ours
                self._errors.append(error)
                self._state.log.info("not resumed yet, attempt %d: %s", len(self._errors), error)
                if self._state.is_closed or not self._policy.may_try_again(error):
                    break
        return False

    def _pause(self, delay: float) -> bool:
        """Waits before an attempt; False when there is to be none."""
        until = Deadline(min(delay, self._patience.remaining() or 0.0))
        self._slot.notifier.wait_until(lambda: self._state.is_closed, until)
        return not self._state.is_closed and not self._patience.expired()

    def _config(self) -> SessionResumptionConfig:
        assert self._resumption is not None
        return SessionResumptionConfig(handle=self._state.resumption_handle, transparent=self._resumption.transparent)

    def _begin_anew_or_give_up(self, info: CloseInfo | None, lost_at: float, budget: Deadline) -> None:
        if self._state.is_closed:
            self._state.finish(CLOSED_HERE)
            return
        if self._policy.fresh_session and not self._has_begun_anew:
            self._has_begun_anew = True
            self._state.forget_handle()
            try:
                self._reconnect(self._config(), lost_at, len(self._errors) + 1, budget)
                return
            except Exception as error:
                self._errors.append(error)
        self.give_up(ResumptionError.after(self._errors, info.describe() if info else "The server went away."))

    def give_up(self, failure: ResumptionError) -> None:
        """Ends the session with this error."""
        self._state.finish(CloseInfo(ABNORMAL, "", "local", str(failure), is_final=True, failure=failure))

    @property
    def _was_of_use(self) -> bool:
        """Whether the present connection was; else it counts as a failed attempt."""
        is_stable = time.monotonic() - self._ready_at > self._policy.stable_after
        return is_stable or self._state.turns.completed > self._turns_before

    # One replacement.

    def _leave(self, timeout: float, on_old_closed: Callable[[], None]) -> None:
        """Closes the present connection; what ends from now on is another one."""
        self._handover.buffer.open()
        self._attempt.detach()
        self._on_old_closed = on_old_closed
        try:
            self._slot.present.close(timeout)
        finally:
            on_old_closed()
        self._state.reopen()

    def _reconnect(self, config: SessionResumptionConfig, lost_at: float, attempts: int, budget: Deadline) -> None:
        """Makes one attempt. Raises `ConnectError`."""
        restored = config.handle is not None
        self._budget = budget

        def greet() -> LiveSessionResumed:
            downtime = time.monotonic() - lost_at
            return self._handover.begin(restored=restored, downtime=downtime, attempts=attempts)

        number = next(self._numbers)
        self._attempt = ConnectionAttempt(
            self._backend, self._setup, self._options, self._state, self._owner, number, greet, budget
        )
        if self._state.is_closed:  # by another thread, which had only the old attempt to cancel
            self._attempt.cancel()
        self._turns_before = self._state.turns.completed
        self._attempt.run(self._slot, config)
        self._ready_at = time.monotonic()
        if self._state.is_closed:
            self._slot.present.close(self._policy.close_timeout)
            return
        self._send_first()
        self._open()

    def _send_first(self) -> None:
        """Sends, before all other messages, what the connection before left."""
        try:
            self._handover.send_first(self._slot.present, self._budget)
        except SessionClosedError as error:
            # The owner is told of it.
            self._state.log.debug("the new connection has ended as well: %s", error)
        except SendTimeout as error:
            # The server would take what comes next for what is missing.
            self._attempt.detach()
            self._slot.present.close(self._policy.close_timeout)
            self._on_old_closed()  # the owner may have been told of its end already
            raise ConnectError(f"The new connection takes nothing: {error}", retryable=True) from error

    def _open(self) -> None:
        """Lets other threads send, unless the new connection has ended as well, of which the owner is told."""
        connection = self._slot.present
        if connection.close_info is None:
            self._state.on_resumed()
        if (info := connection.close_info) is not None:  # just now: it was not told while the session was resuming
            self._owner.on_ended(info)

    # By hand.

    def replace_once(self, config: SessionResumptionConfig, on_old_closed: Callable[[], None]) -> None:
        """Does the same now, and once. Raises `ResumptionError`."""
        lost_at = time.monotonic()
        try:
            self._state.begin_resuming()
            self._leave(self._options.close_timeout, on_old_closed)
            self._reconnect(config, lost_at, 1, Deadline(None))
        except BaseException as error:
            failure = ResumptionError(f"The session could not be resumed: {error}")
            self._attempt.detach()
            self._slot.present.abandon()  # which is open where Ctrl-C came after all was done
            self._state.finish(self._unresumed(failure))
            if isinstance(error, ConnectError):
                # Its frames would keep the session from being forgotten for as long as the attempt is remembered.
                raise failure from error.with_traceback(None)
            raise
        self._turns_before = -1  # of use, since the caller asked for it
        self._state.check_usable()

    def _unresumed(self, failure: ResumptionError) -> CloseInfo:
        if self._state.is_closed:
            return CLOSED_HERE
        # Not the one that is raised: its traceback would keep the session from being forgotten.
        return CloseInfo(ABNORMAL, "", "local", str(failure), is_final=True, failure=failure.again())
