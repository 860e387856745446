"""Puts another connection in the place of a session's present one: by hand, or again and again, as a policy says.

It waits, so it runs on the thread of who asks for it or on "livesession-resume", and only on one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from livesession.asking import Asking
from livesession.backends import Backend
from livesession.connection.closing import ABNORMAL, CLOSED_HERE, Ending
from livesession.connection.deadline import Deadline
from livesession.conversation import Conversation
from livesession.errors import ConnectError, ResumptionError, SendTimeout, SessionClosedError
from livesession.line import Line
from livesession.opening import ConnectionAttempt
from livesession.options import SessionOptions
from livesession.realtime import KeptInput
from livesession.requests import seeds_history
from livesession.resumption import LiveSessionResumed, ResumptionPolicy
from livesession.types.client import (
    ActivityStart,
    LiveClientMessage,
    LiveClientRealtimeInput,
    LiveClientSetup,
)
from livesession.types.config import SessionResumptionConfig

if TYPE_CHECKING:
    from livesession.connection.connection import Connection
    from livesession.intake import Owner

__all__ = ["OLD_CLOSE", "Replacer"]


OLD_CLOSE = 1.0  # seconds for the closing handshake of a connection that is replaced
RESUMING_SHARE = 0.75  # of the budget, where a new conversation may be begun in the rest of it
STABLE = 10.0  # seconds after which a connection counts as a success, though no turn was completed on it


STILL_SPEAKING = LiveClientRealtimeInput(activity_start=ActivityStart())


def without_last_start(messages: tuple[LiveClientMessage, ...]) -> tuple[LiveClientMessage, ...]:
    """All but the last `activityStart`."""
    for place in reversed(range(len(messages))):
        message = messages[place]
        if isinstance(message, LiveClientRealtimeInput) and message.activity_start is not None:
            return messages[:place] + messages[place + 1 :]
    return messages


class Posting:
    """Keeps book of a message: notes it when it goes out, and withdraws it when it did not."""

    def __init__(
        self, conversation: Conversation, message: LiveClientMessage, size: int, asking: Asking | None
    ) -> None:
        self._conversation = conversation
        self._message = message
        self._size = size
        self._asking = asking
        self._is_noted = False

    def begins(self) -> None:
        if self._asking is not None:
            self._asking.begins()
        self._is_noted = True
        answer = self._asking.answer if self._asking else None
        self._conversation.outbox.note(self._message, self._size, answer)

    def failed(self) -> None:
        if self._is_noted:
            self._conversation.outbox.withdraw(self._message)
        if self._asking is not None:
            self._asking.failed()


def may_try_again(error: Exception, policy: ResumptionPolicy) -> bool:
    """Also when the key could not be had: what it comes from may be away with the network."""
    return policy.retryable(error) if isinstance(error, ConnectError) else isinstance(error, OSError)


class Replacer:
    """Makes the connections of one session.

    Args:
        backend, options: Those of the session.
        setup: That of every connection but the first, which has `first_setup`.
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
        first_setup: LiveClientSetup,
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
        self._attempt = ConnectionAttempt(backend, first_setup, options, conversation, owner)
        self._turns_before = -1  # on the first connection, none is needed for it to be of use
        self._has_begun_anew = False  # since a connection was of use
        self._patience = self._budget = Deadline(0.0)
        self._left: Callable[[], None] = lambda: None
        self._errors: list[Exception] = []  # of the attempts since a connection was of use
        self._delays: Iterator[float] = iter(())
        self._ready_at = 0.0
        self._to_send_first: tuple[LiveClientMessage, ...] = ()

    def open(self) -> None:
        """Opens the first connection. Raises `ConnectError`."""
        self._attempt.run(self._line, self._resumption)
        self._ready_at = time.monotonic()
        self._line.gates.open()

    def cancel(self) -> None:
        """Ends an attempt that is under way."""
        self._attempt.cancel()

    def join(self, timeout: float) -> None:
        """Waits for what `cancel()` has ended."""
        self._attempt.join(timeout)

    def send(
        self,
        connection: Connection,
        message: LiveClientMessage,
        data: bytes,
        deadline: Deadline,
        asking: Asking | None = None,
    ) -> None:
        """Sends, and keeps book of what may have to be sent again."""
        connection.send(data, deadline.left(), journal=Posting(self._conversation, message, len(data), asking))

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
        until = Deadline(min(delay, self._patience.left() or 0.0))
        self._line.gates.wait_until(lambda: self._line.is_closed, until)
        return not self._line.is_closed and not self._patience.expired()

    def _config(self) -> SessionResumptionConfig:
        assert self._resumption is not None
        return SessionResumptionConfig(
            handle=self._conversation.resumption_handle, transparent=self._resumption.transparent
        )

    def _leave(self, timeout: float, left: Callable[[], None]) -> None:
        """Closes the present connection; what ends from now on is another one."""
        self._kept.open()
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
            return self._news(restored, time.monotonic() - lost_at, attempts)

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

    def _news(self, restored: bool, downtime: float, attempts: int) -> LiveSessionResumed:
        """Made on the reader thread, between the last message of the old connection and the first of the new one."""
        conversation = self._conversation
        calls = conversation.calls.void_all()
        conversation.is_seeding = not restored and seeds_history(self._setup.generation_config)
        lost: tuple[LiveClientMessage, ...] = ()
        if restored and conversation.is_transparent:
            self._to_send_first, count = conversation.outbox.begin_again()
            conversation.turns.answers_again(conversation.outbox.take_answered())
        else:
            lost, count = self._take_lost()
        conversation.log.info("resumed after %.1f s; attempts: %d, messages lost: %d", downtime, attempts, count)
        return LiveSessionResumed(
            state_restored=restored,
            downtime=downtime,
            attempts=attempts,
            lost=lost,
            lost_count=count,
            dropped=self._kept.take_dropped(),
            cancelled_calls=calls,
        )

    def _take_lost(self) -> tuple[tuple[LiveClientMessage, ...], int]:
        """What is not sent again, and how many; all but that the user still speaks, as his speech goes on."""
        outbox = self._conversation.outbox
        lost, count = outbox.take_lost()
        self._to_send_first = ()
        if self._conversation.is_speaking:
            told = without_last_start(lost)
            lost, count = told, count - len(lost) + len(told)
            self._to_send_first = (STILL_SPEAKING,)
            outbox.note(STILL_SPEAKING, 0)
        return lost, count

    def _send_first(self) -> None:
        """What goes out before anybody else sends: what the server has not consumed, and what was kept meanwhile."""
        try:
            for message in self._to_send_first:
                self._line.present.send(self._encode(message), self._time_to_send())
            while kept := self._kept.take():
                self._send_kept(kept)
        except SessionClosedError as error:
            # The owner is told of it.
            self._conversation.log.debug("the new connection has ended as well: %s", error)
        except SendTimeout as error:
            # The server would take what comes next for what is missing.
            self._attempt.detach()
            self._line.present.close(OLD_CLOSE)
            self._left()  # the owner may have been told of its end already
            raise ConnectError(f"The new connection takes nothing: {error}", retryable=True) from error

    def _send_kept(self, message: LiveClientRealtimeInput) -> None:
        try:
            self.send(self._line.present, message, self._encode(message), Deadline(self._time_to_send()))
        except BaseException:
            self._kept.put_back(message)
            raise

    def _time_to_send(self) -> float:
        return self._budget.within(self._options.send_timeout)

    def _encode(self, message: LiveClientMessage) -> bytes:
        from livesession.wire import encode

        return encode(message)

    def _begin_anew_or_give_up(
        self, policy: ResumptionPolicy, ending: Ending | None, lost_at: float, budget: Deadline
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
        self._conversation.finish(Ending(ABNORMAL, "", "local", str(failure), is_final=True, failure=failure))

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

    def _unresumed(self, failure: ResumptionError) -> Ending:
        if self._line.is_closed:
            return CLOSED_HERE
        # Not the one that is raised: its traceback would keep the session from being forgotten.
        return Ending(ABNORMAL, "", "local", str(failure), is_final=True, failure=failure.again())
