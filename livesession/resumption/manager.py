"""Where a session's messages go out, whichever connection it has.

A session has one lifeline for as long as it lives. While a connection is replaced, sends wait for the next one, up to
their deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from livesession.backends import Backend
from livesession.connection.close_info import CLOSED_HERE, GRACE, CloseInfo
from livesession.errors import ResumptionError, SendTimeout, SessionClosedError
from livesession.messages.client import LiveClientMessage, LiveClientSetup
from livesession.messages.config import SessionResumptionConfig
from livesession.options import SessionOptions
from livesession.resumption.connection_slot import ConnectionSlot
from livesession.resumption.handover import Handover
from livesession.resumption.policy import ResumptionPolicy
from livesession.resumption.realtime_buffer import RealtimeBuffer
from livesession.resumption.reconnector import Reconnector
from livesession.resumption.scheduler import ReconnectScheduler
from livesession.session.state import SessionState
from livesession.session.write_hooks import Asking
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.connection.connection import Connection

__all__ = ["ConnectionManager"]

LAST_RECORDED = 1.0  # seconds for a recording to be completed when there was no connection
LAST_WAIT = 0.2  # seconds for a thread that has been told to end
MARGIN = 0.2  # share of the time left after a goAway, and
LONGEST_MARGIN = 5.0  # seconds: so much earlier than at its end the connection is replaced


class ConnectionManager:
    """Sends, closes, and sees to it that a lost connection is replaced.

    Args:
        backend, options: Those of the session.
        setup: That of every connection but the first, which has `first_setup`.
        resumption: None for a session that cannot be resumed.
        conversation: What outlives the connections.
        line: The connection, shared with the conversation's consumers.
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
    ) -> None:
        self._options = options
        self._resumption = resumption
        self._conversation = conversation
        self._line = line
        self._policy: ResumptionPolicy | None = options.resumption if resumption else None
        kept = RealtimeBuffer(self._policy.kept_bytes if self._policy else 0)
        self._succession = Handover(conversation, setup.generation_config, kept, options.send_timeout)
        self._replacer = Reconnector(
            backend, setup, first_setup, options, resumption, conversation, line, self._succession, self
        )
        self._renewal = ReconnectScheduler(self._policy, self._replacer, conversation, line)

    def open(self) -> None:
        """Opens the first connection. Raises `ConnectError`."""
        try:
            self._replacer.open()
        except BaseException:
            self._stop()
            self._await_recording(LAST_RECORDED)
            raise

    def _stop(self) -> None:
        """There will be no other connection."""
        self._line.is_closed = True
        self._replacer.cancel()
        if self._conversation.recording is not None:
            self._conversation.recording.finish()
        self._line.notifier.notify()

    @property
    def is_closed(self) -> bool:
        """Whether `close()` was called."""
        return self._line.is_closed

    @property
    def is_reader_thread(self) -> bool:
        return self._line.present.is_reader_thread

    @property
    def ending(self) -> CloseInfo | None:
        """How the session ended; None also while it is between two connections."""
        connection = self._line.connection
        if self._line.failure is not None and self._conversation.ending is not None:
            return self._conversation.ending  # consumers have heard of it, though who gave up may hold the line still
        if connection is None or connection.ending is None or self._is_between():
            return None
        return self._conversation.ending or connection.ending

    def _is_between(self) -> bool:
        """Whether the present connection is being replaced, or will be."""
        ending = self._line.present.ending
        return self._line.replacing.locked() or (ending is not None and self._goes_on_after(ending))

    def _goes_on_after(self, ending: CloseInfo) -> bool:
        if self._policy is None or self._line.is_closed or self._conversation.ending is not None:
            return False
        return ending.may_resume and (self._policy.fresh_session or self._conversation.resumption_handle is not None)

    # Sending.

    def send(
        self, message: LiveClientMessage, data: bytes, timeout: float | None, asking: Asking | None = None
    ) -> None:
        """Sends on the present connection, or on the next one if there is one before the deadline."""
        if self._resumption is None:
            self._line.present.send(data, timeout, journal=asking)
            return
        deadline = Deadline(timeout)
        while not self._is_kept(message):
            connection = self._wait_for_line(deadline)
            try:
                self._succession.send(connection, message, data, deadline, asking)
                return
            except SendTimeout as error:
                raise self._as_it_goes_on(error) from error
            except SessionClosedError:
                # It did not go out whole, so that it can go out on the next connection, if there is to be one.
                if self._line.is_closed or not (self._is_between() or self._line.present is not connection):
                    raise

    def _as_it_goes_on(self, error: SendTimeout) -> SendTimeout:
        """A time-out that has ended the connection has not ended a session that gets another one."""
        if error.session_ended and self._is_between():
            return SendTimeout(
                "The message could not be written in time, and was not delivered. The connection is being replaced; "
                "the session goes on.",
                session_ended=False,
            )
        return error

    def _is_kept(self, message: LiveClientMessage) -> bool:
        """Whether it is realtime input that is kept for later, by choice, while there is no connection."""
        keeps = self._policy is not None and self._policy.realtime == "keep_newest" and not self._line.is_closed
        return keeps and self._is_between() and self._succession.kept.keep(message)

    def _wait_for_line(self, deadline: Deadline) -> Connection:
        while True:
            if not self._line.notifier.wait_until(lambda: not self._is_between() or self._line.is_closed, deadline):
                raise SendTimeout(
                    "The message was not sent in time: the session is being resumed. Nothing of it went out; send it "
                    "again, or allow more time.",
                    session_ended=False,
                )
            self._line.check_usable()
            connection = self._line.present
            if not self._is_between():  # else it is so new that others have to send first
                return connection

    # Waiting for something else than the network.

    def wait_until(self, is_so: Callable[[], bool], deadline: Deadline) -> None:
        """Looks again at each `wake()`, until the deadline. Raises as sending does when the session has ended."""
        line = self._line
        line.notifier.wait_until(lambda: is_so() or line.is_closed or self.ending is not None, deadline)
        line.check_usable()
        if (ending := self.ending) is not None:
            raise ending.error()

    def wake(self) -> None:
        """Something has changed; any thread."""
        self._line.notifier.notify()

    # Ending.

    def close(self, timeout: float) -> None:
        """Ends the present connection, and any attempt at the next one."""
        last = Deadline(timeout + GRACE)
        self._stop()
        self._line.present.close(timeout)
        if not self.is_reader_thread:
            self._await_worker(last)
            self._await_recording(last.remaining() or 0.0)

    def _await_recording(self, timeout: float) -> None:
        if self._conversation.recording is not None:
            self._conversation.recording.close(timeout)

    def _await_worker(self, last: Deadline) -> None:
        self._renewal.join(last)
        self._replacer.join(min(LAST_WAIT, last.remaining() or 0.0))
        if self._conversation.ending is None:  # whoever replaces the connection is kept by code of the user's
            self._conversation.finish(CLOSED_HERE)

    def abandon(self) -> None:
        """Ends everything without a word; for a session that nobody holds any more."""
        self._stop()
        self._line.present.abandon()

    # What the reader thread tells of the present connection.

    def on_end(self, ending: CloseInfo) -> None:
        """It has ended, and nobody had asked for that."""
        self._succession.kept.open()
        if self._goes_on_after(ending) and self._renewal.replace():
            self._conversation.log.warning("lost, by the %s (%s); it is being resumed", ending.origin, ending.words)
        else:
            self._conversation.finish(ending)
        self._line.notifier.notify()

    def on_go_away(self, time_left: float) -> None:
        """The server will end it in so many seconds."""
        self._conversation.log.info("the server goes away in %g s", time_left)
        if self._policy is not None and not self._line.is_closed:
            self._renewal.replace(by=Deadline(time_left - min(MARGIN * time_left, LONGEST_MARGIN)))
            self._line.notifier.notify()

    def on_news(self) -> None:
        """A turn has ended, or there is a new handle."""
        self._line.notifier.notify()

    # By hand.

    def resume(self, config: SessionResumptionConfig) -> None:
        """Replaces the connection now, in the caller's thread. Raises `ResumptionError`."""
        if not self._line.replacing.acquire(blocking=False):
            raise ResumptionError("This session is being resumed already, by another thread.")
        try:
            self._replacer.replace_once(config, self._renewal.left)
        finally:
            self._line.replacing.release()
            self._line.notifier.notify()
