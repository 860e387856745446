"""Puts another connection in the place of a session's present one: by hand, or again and again, as a policy says.

It waits, so it runs on the thread of who asks for it or on "livesession-resume", and only on one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from livesession.backends import Backend
from livesession.connection.closing import ABNORMAL, NORMAL, Ending
from livesession.connection.deadline import Deadline
from livesession.conversation import Conversation, logger
from livesession.errors import ConnectError, ResumptionError, SendTimeout, SessionClosedError
from livesession.line import Line
from livesession.opening import ConnectionAttempt
from livesession.options import SessionOptions
from livesession.realtime import KeptInput
from livesession.resumption import LiveSessionResumed, ResumptionPolicy
from livesession.types.client import LiveClientMessage, LiveClientSetup
from livesession.types.config import SessionResumptionConfig

if TYPE_CHECKING:
    from livesession.connection.connection import Connection
    from livesession.intake import Owner

__all__ = ["OLD_CLOSE", "Replacer"]

OLD_CLOSE = 1.0  # seconds for the closing handshake of a connection that is replaced
SHORTEST = 0.01  # seconds for an attempt, when the budget is all but used up
STABLE = 10.0  # seconds after which a connection counts as a success, though no turn was completed on it


class Replacer:
    """Makes the connections of one session.

    Args:
        backend, options: Those of the session.
        setup: That of every connection but the first, which `open()` is given.
        resumption: None for a session that cannot be resumed.
        conversation: What outlives the connections.
        line: Where the new connection is put.
        kept: Realtime input that was kept while there was none.
        owner: Is told what becomes of each connection.
    """

    def __init__(
        self,
        backend: Backend,
        setup: LiveClientSetup,
        options: SessionOptions,
        resumption: SessionResumptionConfig | None,
        conversation: Conversation,
        line: Line,
        kept: KeptInput,
        owner: Owner,
    ) -> None:
        self._backend = backend
        self._setup = setup
        self._options = options
        self._resumption = resumption
        self._conversation = conversation
        self._line = line
        self._kept = kept
        self._owner = owner
        self._attempt = self._new_attempt(setup)
        self._turns_before = -1  # on the first connection, none is needed for it to be of use
        self._patience = Deadline(0.0)
        self._delays: Iterator[float] = iter(())
        self._ready_at = 0.0

    def _new_attempt(self, setup: LiveClientSetup) -> ConnectionAttempt:
        return ConnectionAttempt(self._backend, setup, self._options, self._conversation, self._owner)

    def _attempt_within(self, budget: float, greet: Callable[[], LiveSessionResumed]) -> ConnectionAttempt:
        """An attempt that takes no longer than so many seconds, for each of its two parts."""
        options = attrs.evolve(
            self._options,
            connect_timeout=max(SHORTEST, min(self._options.connect_timeout, budget)),
            setup_timeout=max(SHORTEST, min(self._options.setup_timeout, budget)),
        )
        return ConnectionAttempt(self._backend, self._setup, options, self._conversation, self._owner, greet)

    def open(self, first_setup: LiveClientSetup) -> None:
        """Opens the first connection. Raises `ConnectError`."""
        self._attempt = self._new_attempt(first_setup)
        self._attempt.run(self._line, self._resumption)
        self._ready_at = time.monotonic()
        self._line.gates.open()

    def cancel(self) -> None:
        """Ends an attempt that is under way."""
        self._attempt.cancel()

    def send(self, connection: Connection, message: LiveClientMessage, data: bytes, deadline: Deadline) -> None:
        """Sends, and notes in the order in which messages go out what may have to be sent again."""
        outbox = self._conversation.outbox
        try:
            connection.send(data, deadline.left(), before=lambda: outbox.note(message))
        except BaseException:
            outbox.withdraw(message)
            raise

    def replace(self, policy: ResumptionPolicy, left: Callable[[], None]) -> None:
        """Puts another connection in the place of the present one; gives up when the policy says so.

        `left` is called when the old connection has ended.
        """
        lost_at = time.monotonic()
        ending = self._line.present.ending
        self._leave(OLD_CLOSE, left, replays=self._is_transparent)
        if self._has_progressed:
            self._patience, self._delays = Deadline(policy.budget), policy.delays()
        errors: list[Exception] = []
        for delay in self._delays:
            if not self._pause(delay):
                break
            try:
                self._reconnect(self._config(), lost_at, len(errors) + 1)
                return
            except Exception as error:  # credentials are asked for as well, by code that is not ours
                errors.append(error)
                if self._line.is_closed or not isinstance(error, ConnectError) or not policy.retryable(error):
                    break
        self._begin_anew_or_give_up(policy, errors, ending, lost_at)

    def _pause(self, delay: float) -> bool:
        """Waits before an attempt; False when there is to be none."""
        until = Deadline(min(delay, self._patience.left() or 0.0))
        self._line.gates.wait_until(lambda: self._line.is_closed, until)
        return not self._line.is_closed and not self._patience.expired()

    def _config(self) -> SessionResumptionConfig:
        assert self._resumption is not None
        return SessionResumptionConfig(
            handle=self._conversation.resumption_handle, transparent=self._resumption.transparent
        )

    def _leave(self, timeout: float, left: Callable[[], None], *, replays: bool) -> None:
        """Closes the present connection; what ends from now on is another one."""
        self._attempt.detach()
        self._line.present.close(timeout)
        left()
        self._conversation.reopen(replays=replays)

    @property
    def _is_transparent(self) -> bool:
        return self._resumption is not None and bool(self._resumption.transparent)

    def _reconnect(self, config: SessionResumptionConfig, lost_at: float, attempts: int) -> None:
        """One attempt. Raises `ConnectError`."""
        restored = config.handle is not None

        def greet() -> LiveSessionResumed:
            return self._news(restored, time.monotonic() - lost_at, attempts)

        self._attempt = self._attempt_within(self._patience.left() or 0.0, greet)
        if self._line.is_closed:  # by another thread, which had only the old attempt to cancel
            self._attempt.cancel()
        self._turns_before = self._conversation.turns.completed
        self._attempt.run(self._line, config)
        self._ready_at = time.monotonic()
        if self._line.is_closed:
            self._line.present.close(OLD_CLOSE)
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

        connection = self._line.present
        try:
            for message in messages:
                connection.send(encode(message), self._options.send_timeout)
            for message in self._kept.take():
                self.send(connection, message, encode(message), Deadline(self._options.send_timeout))
        except (SessionClosedError, SendTimeout) as error:
            logger.debug("the new connection has ended as well: %s", error)  # which on_end() is told of

    def _begin_anew_or_give_up(
        self, policy: ResumptionPolicy, errors: list[Exception], ending: Ending | None, lost_at: float
    ) -> None:
        if self._line.is_closed:
            self._conversation.finish(Ending(NORMAL, "closed by this side", "local"))
            return
        if policy.fresh_session:
            try:
                config = attrs.evolve(self._config(), handle=None)
                self._reconnect(config, lost_at, len(errors) + 1)
                return
            except Exception as error:
                errors.append(error)
        self._line.failure = ResumptionError.after(errors, ending.describe() if ending else "The server went away.")
        failed = Ending(ABNORMAL, "", "local", str(self._line.failure), is_final=True, failure=self._line.failure)
        self._conversation.finish(failed)

    @property
    def _has_progressed(self) -> bool:
        """Whether the present connection was of any use; else it counts as a failed attempt."""
        is_stable = time.monotonic() - self._ready_at > STABLE
        return is_stable or self._conversation.turns.completed > self._turns_before

    def replace_once(self, config: SessionResumptionConfig, left: Callable[[], None]) -> None:
        """Does the same now, and once. Raises `ResumptionError`."""
        self._leave(self._options.close_timeout, left, replays=False)
        self._attempt = self._new_attempt(self._setup)
        if self._line.is_closed:
            self._attempt.cancel()
        try:
            self._attempt.run(self._line, config)
        except BaseException as error:
            self._conversation.finish(self._unresumed(error))
            if isinstance(error, ConnectError):
                raise ResumptionError(f"The session could not be resumed: {error}") from error
            raise
        self._line.failure = None
        if self._line.is_closed:
            self._line.present.close(self._options.close_timeout)
            self._line.check_usable()

    def _unresumed(self, error: BaseException) -> Ending:
        if self._line.is_closed:
            return Ending(NORMAL, "closed by this side", "local")
        return Ending(ABNORMAL, "", "local", "The session could not be resumed", error, is_final=True)
