"""One attempt to open a connection of a session: credentials, WebSocket, setup, setupComplete."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from livesession.connection.close_info import ABANDONED
from livesession.errors import ConnectError, SendTimeout, SessionClosedError, SetupTimeout
from livesession.observers import Connected, Disconnected, Observer, tell
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.backends.backend import Backend
    from livesession.connection.connection import Connection
    from livesession.connection.endpoint import Endpoint
    from livesession.connection.handshake import UpgradedSocket, WebSocketHandshake
    from livesession.messages.client import LiveClientSetup
    from livesession.messages.config import SessionResumptionConfig
    from livesession.messages.server import LiveServerMessage
    from livesession.options import SessionOptions
    from livesession.resumption.connection_slot import ConnectionSlot
    from livesession.session.dispatcher import ConnectionOwner
    from livesession.session.state import SessionState

__all__ = ["FAILED_CLOSE", "ConnectionAttempt"]

SHORTEST = 0.01  # seconds for a part of an attempt, when the budget is all but used up
FAILED_CLOSE = 0.5  # seconds for the closing handshake of a connection that was refused


class ConnectionAttempt:
    """One attempt to put a new connection into a session's slot; `cancel()` ends it from any thread.

    Args:
        backend, setup, options, state: Those of the session.
        owner: Is told what becomes of the connection.
        number: The connection's number in its session, for observers.
        greet: Makes the message that stands before all those of the connection.
        budget: When it must be over, where that is before the time limits of `options`.
    """

    def __init__(
        self,
        backend: Backend,
        setup: LiveClientSetup,
        options: SessionOptions,
        state: SessionState,
        owner: ConnectionOwner,
        number: int,
        greet: Callable[[], LiveServerMessage] | None = None,
        budget: Deadline | None = None,
    ) -> None:
        # Here, and in run(): what makes `import livesession` dear, cattrs and websocket-client, waits for a connect.
        from livesession.session.dispatcher import MessageDispatcher

        self._backend = backend
        self._setup = setup
        self._options = options
        self._state = state
        self._number = number
        self._dispatcher = MessageDispatcher(state, options, owner, greet)
        self._budget = budget
        self._handshake: WebSocketHandshake | None = None
        self._observing: tuple[Observer, ...] = ()  # those that were told of the connection
        self._is_cancelled = False

    def run(self, slot: ConnectionSlot, resumption: SessionResumptionConfig | None) -> None:
        """Opens the connection and waits for `setupComplete`. Raises `ConnectError`."""
        from livesession.codec import encode
        from livesession.connection.handshake import WebSocketHandshake

        began = time.monotonic()
        setup = self._backend.adapt(attrs.evolve(self._setup, session_resumption=resumption))
        first_message = encode(setup)
        endpoint = self._backend.endpoint()
        self._dispatcher.redact = self._state.redact = endpoint.redact
        self._handshake = WebSocketHandshake(endpoint, self._within_budget(self._options.connect_timeout))
        if self._is_cancelled:
            self._handshake.abandon()
        self._state.log.info("connecting to %s, %s", endpoint.authority, type(self._backend).__name__)
        upgraded: UpgradedSocket | None = None
        connection: Connection | None = None
        try:
            upgraded = self._handshake.wait()
            self._handshake.hand_over()
            connection = self._make_connection(upgraded, endpoint)
            self._start(connection)
            self._set_up(connection, first_message)
            slot.connection = connection
        except BaseException:
            self._undo(upgraded, connection)
            raise
        connection.wake()  # if the queue filled up and was emptied before the slot held a connection to wake
        self._state.log.info("open: %s, after %.2f s", setup.model, time.monotonic() - began)

    def _within_budget(self, seconds: float) -> float:
        left = self._budget.remaining() if self._budget else None
        return seconds if left is None else max(SHORTEST, min(seconds, left))

    def _make_connection(self, upgraded: UpgradedSocket, endpoint: Endpoint) -> Connection:
        from livesession.connection.connection import Connection

        self._observing = observers = self._observers()
        if observers:
            tell(observers, Connected(self._number, endpoint.redact))
        return Connection(
            upgraded,
            on_messages=self._dispatcher.on_messages,
            announce=self._dispatcher.announce,
            may_read=self._dispatcher.may_read,
            on_ended=self._dispatcher.on_ended,
            on_end=self._dispatcher.on_end,
            max_message_bytes=self._options.max_message_bytes,
            ping_after=self._options.ping_after,
            dead_after=self._options.dead_after,
            redact=endpoint.redact,
            number=self._number,
            observers=observers,
            log=self._state.log,
        )

    def _observers(self) -> tuple[Observer, ...]:
        """Returns those of a new connection; whether frames go to the log is asked once for each."""
        if not self._state.log.isEnabledFor(logging.DEBUG):
            return tuple(self._state.observers)
        from livesession.connection.frame_log import FrameLog

        return (*self._state.observers, FrameLog(self._state.log))

    def _start(self, connection: Connection) -> None:
        try:
            connection.start()
        except (OSError, RuntimeError) as error:  # no descriptors, no threads
            raise ConnectError(f"There are no resources for another connection: {error}.", retryable=True) from error

    def _set_up(self, connection: Connection, first_message: bytes) -> None:
        deadline = Deadline(self._within_budget(self._options.setup_timeout))
        self._send_setup(connection, first_message)
        self._dispatcher.wait_for_setup(deadline)
        connection.setup_complete()

    def _send_setup(self, connection: Connection, first_message: bytes) -> None:
        timeout = self._options.setup_timeout
        try:
            connection.send_setup(first_message, timeout)
        except SessionClosedError:
            pass  # the reader knows why, and tells wait_for_setup()
        except SendTimeout as error:
            raise SetupTimeout(f"The setup could not be sent within {timeout:g} s.", retryable=True) from error

    def _undo(self, upgraded: UpgradedSocket | None, connection: Connection | None) -> None:
        """Leaves nothing behind of an attempt that failed, or was interrupted."""
        self._dispatcher.detach()
        if connection is not None and connection.is_read:
            connection.close(FAILED_CLOSE)
        elif self._handshake is not None:
            self._handshake.abandon()
            if upgraded is not None:  # whether or not it was handed over by then
                upgraded.socket.close()
            tell(self._observing, Disconnected(self._number, ABANDONED))

    def detach(self) -> None:
        """Makes the end of this connection count no more: the session goes on over another one."""
        self._dispatcher.detach()

    def join(self, timeout: float) -> None:
        """Waits, after `cancel()`, for the thread that was opening the connection."""
        if self._handshake is not None:
            self._handshake.join(timeout)

    def cancel(self) -> None:
        """Ends the attempt: `run()` raises `ConnectError`."""
        self._is_cancelled = True
        self._dispatcher.cancel()
        if self._handshake is not None:
            self._handshake.abandon()
