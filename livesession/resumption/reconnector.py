"""Puts another connection in the place of a session's present one: by hand, or again and again, as a policy says.

It waits, so it runs on the thread of who asks for it or on "livesession-resume", and only on one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from livesession.backends import Backend
from livesession.connection.close_info import ABNORMAL, CLOSED_HERE, CloseInfo
from livesession.errors import ConnectError, ResumptionError, SendTimeout, SessionClosedError
from livesession.messages.client import LiveClientSetup
from livesession.messages.config import SessionResumptionConfig
from livesession.options import SessionOptions
from livesession.resumption.attempt import ConnectionAttempt
from livesession.resumption.connection_slot import ConnectionSlot
from livesession.resumption.handover import Handover
from livesession.resumption.policy import LiveSessionResumed, ResumptionPolicy
from livesession.session.state import SessionState
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.session.dispatcher import Owner

__all__ = ["OLD_CLOSE", "Reconnector"]

OLD_CLOSE = 1.0  # seconds for the closing handshake of a connection that is replaced
RESUMING_SHARE = 0.75  # of the budget, where a new conversation may be begun in the rest of it
STABLE = 10.0  # seconds after which a connection counts as a success, though no turn was completed on it


def may_try_again(error: Exception, policy: ResumptionPolicy) -> bool:
    """Also when the key could not be had: what it comes from may be away with the network."""
    return policy.retryable(error) if isinstance(error, ConnectError) else isinstance(error, OSError)


class Reconnector:
    """Makes the connections of one session.

    Args:
        backend, options: Those of the session.
        setup: That of every connection but the first, which has `first_setup`.
        resumption: None for a session that cannot be resumed.
        conversation: What outlives the connections.
        line: Where the new connection is put.
        succession: What one leaves to the next.
        owner: Is told what becomes of each connection.
    """

    def __init__(
        self,
        backend: Backend,
        setup: LiveClientSetup,
        first_setup: LiveClientSetup,
        options: SessionOptions,
        resumption: SessionResumptionConfig | None,
        conversation: SessionState,
        line: ConnectionSlot,
        succession: Handover,
        owner: Owner,
    ) -> None:
        self._backend = backend
        self._setup = setup
        self._options = options
        self._resumption = resumption
        self._conversation = conversation
        self._line = line
        self._owner = owner
        self._succession = succession
        self._attempt = ConnectionAttempt(backend, first_setup, options, conversation, owner)
        self._turns_before = -1  # on the first connection, none is needed for it to be of use
        self._has_begun_anew = False  # since a connection was of use
        self._patience = self._budget = Deadline(0.0)
        self._left: Callable[[], None] = lambda: None
        self._errors: list[Exception] = []  # of the attempts since a connection was of use
        self._delays: Iterator[float] = iter(())
        self._ready_at = 0.0

    def open(self) -> None:
        """Opens the first connection. Raises `ConnectError`."""
        self._attempt.run(self._line, self._resumption)
        self._ready_at = time.monotonic()
        self._line.notifier.notify()

    def cancel(self) -> None:
        """Ends an attempt that is under way."""
        self._attempt.cancel()

    def join(self, timeout: float) -> None:
        """Waits for what `cancel()` has ended."""
        self._attempt.join(timeout)

    def replace(self, policy: ResumptionPolicy, left: Callable[[], None]) -> None:
        """Puts another connection in the place of the present one; gives up when the policy says so.

        `left` is called when the old connection has ended.
        """
        lost_at = time.monotonic()
        ending = self._line.present.ending
        was_of_use = self._was_of_use
        self._leave(OLD_CLOSE, left)
        whole = Deadline(policy.budget)
        self._patience = Deadline(policy.budget * RESUMING_SHARE) if policy.fresh_session else whole
        if was_of_use:
            self._delays = policy.delays()
            self._has_begun_anew, self._errors = False, []
        elif ending is not None:
            self._errors.append(ending.error())
        for delay in self._delays:
            if not self._pause(delay):
                break
            try:
                self._reconnect(self._config(), lost_at, len(self._errors) + 1, self._patience)
                return
            except Exception as error:  # credentials are asked for as well, by code that is not ours
                self._errors.append(error)
                self._conversation.log.info("not resumed yet, attempt %d: %s", len(self._errors), error)
                if self._line.is_closed or not may_try_again(error, policy):
                    break
        self._begin_anew_or_give_up(policy, ending, lost_at, whole)

    def _pause(self, delay: float) -> bool:
        """Waits before an attempt; False when there is to be none."""
        until = Deadline(min(delay, self._patience.remaining() or 0.0))
        self._line.notifier.wait_until(lambda: self._line.is_closed, until)
        return not self._line.is_closed and not self._patience.expired()

    def _config(self) -> SessionResumptionConfig:
        assert self._resumption is not None
        return SessionResumptionConfig(
            handle=self._conversation.resumption_handle, transparent=self._resumption.transparent
        )

    def _leave(self, timeout: float, left: Callable[[], None]) -> None:
        """Closes the present connection; what ends from now on is another one."""
        self._succession.kept.open()
        self._attempt.detach()
        self._left = left
        try:
            self._line.present.close(timeout)
        finally:
            left()
        self._conversation.reopen()

    def _reconnect(self, config: SessionResumptionConfig, lost_at: float, attempts: int, budget: Deadline) -> None:
        """One attempt. Raises `ConnectError`."""
        restored = config.handle is not None
        self._budget = budget

        def greet() -> LiveSessionResumed:
            downtime = time.monotonic() - lost_at
            return self._succession.begins(restored=restored, downtime=downtime, attempts=attempts)

        self._attempt = ConnectionAttempt(
            self._backend, self._setup, self._options, self._conversation, self._owner, greet, budget
        )
        if self._line.is_closed:  # by another thread, which had only the old attempt to cancel
            self._attempt.cancel()
        self._turns_before = self._conversation.turns.completed
        self._attempt.run(self._line, config)
        self._ready_at = time.monotonic()
        if self._line.is_closed:
            self._line.present.close(OLD_CLOSE)
            return
        self._send_first()

    def _send_first(self) -> None:
        """Before anybody else sends, what the connection before left."""
        try:
            self._succession.send_first(self._line.present, self._budget)
        except SessionClosedError as error:
            # The owner is told of it.
            self._conversation.log.debug("the new connection has ended as well: %s", error)
        except SendTimeout as error:
            # The server would take what comes next for what is missing.
            self._attempt.detach()
            self._line.present.close(OLD_CLOSE)
            self._left()  # the owner may have been told of its end already
            raise ConnectError(f"The new connection takes nothing: {error}", retryable=True) from error

    def _begin_anew_or_give_up(
        self, policy: ResumptionPolicy, ending: CloseInfo | None, lost_at: float, budget: Deadline
    ) -> None:
        if self._line.is_closed:
            self._conversation.finish(CLOSED_HERE)
            return
        if policy.fresh_session and not self._has_begun_anew:
            self._has_begun_anew = True
            self._conversation.forget_handle()
            try:
                self._reconnect(self._config(), lost_at, len(self._errors) + 1, budget)
                return
            except Exception as error:
                self._errors.append(error)
        self.give_up(ResumptionError.after(self._errors, ending.describe() if ending else "The server went away."))

    def give_up(self, failure: ResumptionError) -> None:
        """Ends the session with this error."""
        self._line.failure = failure
        self._conversation.finish(CloseInfo(ABNORMAL, "", "local", str(failure), is_final=True, failure=failure))

    @property
    def _was_of_use(self) -> bool:
        """Whether the present connection was; else it counts as a failed attempt."""
        is_stable = time.monotonic() - self._ready_at > STABLE
        return is_stable or self._conversation.turns.completed > self._turns_before

    def replace_once(self, config: SessionResumptionConfig, left: Callable[[], None]) -> None:
        """Does the same now, and once. Raises `ResumptionError`."""
        lost_at = time.monotonic()
        try:
            self._leave(self._options.close_timeout, left)
            self._line.failure = None
            self._reconnect(config, lost_at, 1, Deadline(None))
        except BaseException as error:
            failure = ResumptionError(f"The session could not be resumed: {error}")
            if not self._line.is_closed:
                self._line.failure = failure.again()
            self._conversation.finish(self._unresumed(failure))
            if isinstance(error, ConnectError):
                # Its frames would keep the session from being forgotten for as long as the attempt is remembered.
                raise failure from error.with_traceback(None)
            raise
        self._turns_before = -1  # of use, since somebody asked for it
        self._line.check_usable()

    def _unresumed(self, failure: ResumptionError) -> CloseInfo:
        if self._line.is_closed:
            return CLOSED_HERE
        # Not the one that is raised: its traceback would keep the session from being forgotten.
        return CloseInfo(ABNORMAL, "", "local", str(failure), is_final=True, failure=failure.again())
