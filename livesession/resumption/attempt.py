"""Opens one connection of a session: credentials, WebSocket, setup, setupComplete."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from livesession.backends import Backend
from livesession.connection.close_info import ABNORMAL, CloseInfo
from livesession.errors import ConnectError, SendTimeout, SessionClosedError, SetupTimeout
from livesession.logs import FrameLog
from livesession.messages.client import LiveClientSetup
from livesession.messages.config import SessionResumptionConfig
from livesession.messages.server import LiveServerMessage
from livesession.options import SessionOptions
from livesession.resumption.connection_slot import ConnectionSlot
from livesession.session.state import SessionState
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.connection.connection import Connection
    from livesession.connection.handshake import Handshake
    from livesession.connection.tap import Tap
    from livesession.session.dispatcher import Owner

__all__ = ["FAILED_CLOSE", "ConnectionAttempt"]

SHORTEST = 0.01  # seconds for a part of an attempt, when the budget is all but used up
FAILED_CLOSE = 0.5  # seconds for the closing handshake of a connection that was refused


class ConnectionAttempt:
    """One attempt to put a new connection on a session's line; `cancel()` ends it from any thread.

    Args:
        backend, setup, options, conversation: Those of the session.
        owner: Is told what becomes of the connection, on the reader thread.
        greet: Makes the message that stands before all those of the connection.
        budget: When it must be over, where that is before the time limits of `options`.
    """

    def __init__(
        self,
        backend: Backend,
        setup: LiveClientSetup,
        options: SessionOptions,
        conversation: SessionState,
        owner: Owner,
        greet: Callable[[], LiveServerMessage] | None = None,
        budget: Deadline | None = None,
    ) -> None:
        # Here, and in run(): what makes `import livesession` dear, cattrs and websocket-client, waits for a connect.
        from livesession.session.dispatcher import MessageDispatcher

        self._backend = backend
        self._setup = setup
        self._options = options
        self._conversation = conversation
        self._intake = MessageDispatcher(conversation, options, owner, greet)
        self._budget = budget
        self._opening: Handshake | None = None
        self._is_cancelled = False

    def run(self, line: ConnectionSlot, resumption: SessionResumptionConfig | None) -> None:
        """Opens the connection and waits for `setupComplete`. Raises `ConnectError`."""
        from livesession.codec import encode
        from livesession.connection.connection import Connection
        from livesession.connection.handshake import Handshake

        began = time.monotonic()
        setup = self._backend.adapt(attrs.evolve(self._setup, session_resumption=resumption))
        first_message = encode(setup)
        endpoint = self._backend.endpoint()
        self._intake.redact = self._conversation.redact = endpoint.redact
        self._opening = Handshake(endpoint, self._within_budget(self._options.connect_timeout))
        if self._is_cancelled:
            self._opening.abandon()
        self._conversation.log.info("connecting to %s, %s", endpoint.authority, type(self._backend).__name__)
        opened = self._opening.wait()
        taps = taps_of(self._conversation, endpoint.redact)
        try:
            connection = Connection(
                opened,
                on_messages=self._intake.on_messages,
                announce=self._intake.announce,
                may_read=self._intake.may_read,
                on_end=self._intake.on_end,
                max_message_bytes=self._options.max_message_bytes,
                ping_after=self._options.ping_after,
                dead_after=self._options.dead_after,
                redact=endpoint.redact,
                taps=taps,
                log=self._conversation.log,
            )
            connection.start()
        except (OSError, RuntimeError) as error:  # no descriptors, no threads
            opened.socket.close()
            for tap in taps:
                tap.closed(CloseInfo(ABNORMAL, "", "local", str(error), error))
            raise ConnectError(f"There are no resources for another connection: {error}.", retryable=True) from error
        self._set_up(connection, first_message)
        line.connection = connection
        connection.wake()  # if the inbox filled up and was emptied before the line knew whom to wake
        self._conversation.log.info("open: %s, after %.2f s", setup.model, time.monotonic() - began)

    def _within_budget(self, seconds: float) -> float:
        left = self._budget.remaining() if self._budget else None
        return seconds if left is None else max(SHORTEST, min(seconds, left))

    def _set_up(self, connection: Connection, first_message: bytes) -> None:
        deadline = Deadline(self._within_budget(self._options.setup_timeout))
        try:
            self._send_setup(connection, first_message)
            self._intake.wait_for_setup(deadline)
            connection.setup_complete()
        except BaseException:
            self._intake.detach()
            connection.close(FAILED_CLOSE)
            raise

    def _send_setup(self, connection: Connection, first_message: bytes) -> None:
        timeout = self._options.setup_timeout
        try:
            connection.send_setup(first_message, timeout)
        except SessionClosedError:
            pass  # the reader knows why, and tells wait_for_setup()
        except SendTimeout as error:
            raise SetupTimeout(f"The setup could not be sent within {timeout:g} s.", retryable=True) from error

    def detach(self) -> None:
        """The session goes on over another connection: how this one ends does not matter any more."""
        self._intake.detach()

    def join(self, timeout: float) -> None:
        """After `cancel()`: waits for the thread that was opening it."""
        if self._opening is not None:
            self._opening.join(timeout)

    def cancel(self) -> None:
        """Ends the attempt: `run()` raises `ConnectError`."""
        self._is_cancelled = True
        self._intake.cancel()
        if self._opening is not None:
            self._opening.abandon()


def taps_of(conversation: SessionState, redact: Callable[[str], str]) -> tuple[Tap, ...]:
    """Those that watch a new connection; whether frames go to the log is asked once for each."""
    taps: list[Tap] = []
    if conversation.recording is not None and (recorded := conversation.recording.connect(redact)):
        taps.append(recorded)
    if conversation.log.isEnabledFor(logging.DEBUG):
        taps.append(FrameLog(conversation.log))
    return tuple(taps)
