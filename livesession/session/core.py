"""The working parts of one session, put together; `LiveSession` is the face of it.

What stands beside the session, such as audio conversations, video, web pools and `receive_any()`, uses this object and
not the private attributes of the face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from livesession.connection.close_info import GRACE
from livesession.errors import ConnectError, ResumptionError, SendTimeout, SessionClosedError
from livesession.messages.config import SessionResumptionConfig
from livesession.options import SessionOptions, check_timeout
from livesession.resumption.attempt import FAILED_CLOSE
from livesession.resumption.connection_slot import ConnectionSlot
from livesession.resumption.manager import ConnectionManager
from livesession.resumption.policy import ResumptionPolicy
from livesession.session import requests
from livesession.session.function_responder import FunctionResponder
from livesession.session.state import SessionState
from livesession.session.write_hooks import ClientHook, RequestHook
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.backends.backend import Backend
    from livesession.logs import SessionLog
    from livesession.messages.client import (
        LiveClientContent,
        LiveClientMessage,
        LiveClientRealtimeInput,
        LiveClientSetup,
    )
    from livesession.observers import Observer
    from livesession.session.function_calls import ToolStatistics
    from livesession.session.turn_tracker import AnswerWindow

__all__ = ["SessionCore", "SessionFunctions"]

LAST_RECORDED = 1.0  # seconds for a recording to be completed when there was no connection


class SessionFunctions(Protocol):
    """The functions that were given as tools, at work for one session."""

    @property
    def statistics(self) -> ToolStatistics:
        """The counts of their calls, by outcome."""

    def stop(self) -> None:
        """Runs no more calls; does not wait."""

    def join(self, deadline: Deadline) -> None:
        """Waits for those that run, after `stop()`."""


class SessionRecorder(Protocol):
    """A recording, which observes the session and has files to complete."""

    def finish(self) -> None:
        """Notes that no other connection will come; does not wait."""

    def close(self, timeout: float) -> None:
        """Returns when all is written, or after `timeout` seconds."""


class SessionCore:
    """Sends for a session, ends it, and holds its parts.

    Args:
        backend: Where the session is.
        setup: The setup of every connection but the first.
        options: Time limits and memory limits.
        resumption: What makes the session resumable; None where it is not.
        first_setup: The setup of the first connection, where it is another one.
        log: Where all records of the session go.
        observers: Observe the session.
        recorder: The one of them that records it.
        hold_audio: Seconds after a function call for which audio waits for the answer; 0 for none.

    Attributes:
        state: The phase of the session, its queue, turns and calls.
        manager: The way out, whichever connection there is.
        responder: Sends the answers to function calls.
        functions: The functions given as tools; None where all calls are answered by hand.
        is_in_conversation: Whether an audio conversation drives the session.
    """

    def __init__(
        self,
        backend: Backend,
        setup: LiveClientSetup,
        options: SessionOptions,
        resumption: SessionResumptionConfig | None = None,
        *,
        first_setup: LiveClientSetup | None = None,
        log: SessionLog | None = None,
        observers: Sequence[Observer] = (),
        recorder: SessionRecorder | None = None,
        hold_audio: float = 0.0,
    ) -> None:
        from livesession.codec import encode  # not before the first connect: it takes a third of the import

        self._encode: Callable[[LiveClientMessage], bytes] = encode
        self.setup = setup
        self.options = options
        self.resumption = resumption
        self.functions: SessionFunctions | None = None
        self.is_in_conversation = False
        self._is_closing = False
        self._is_closed_down = False
        self._recorder = recorder
        self._hold_audio = hold_audio
        slot = ConnectionSlot()
        handle = resumption.handle if resumption else None
        seeds_history = requests.seeds_history(setup.generation_config)
        self.state = SessionState(
            options.inbox_bytes,
            slot.wake_reader,
            unacknowledged_bytes=(options.resumption or ResumptionPolicy()).unacknowledged_bytes,
            transparent=resumption is not None and bool(resumption.transparent),
            handle=handle,
            seeds_history=seeds_history and handle is None,
            log=log,
            observers=observers,
        )
        self.manager = ConnectionManager(
            backend,
            setup,
            first_setup or setup,
            options,
            resumption,
            self.state,
            slot,
            seeds_history=seeds_history,
        )
        ids_required = backend.requires_function_response_ids
        self.responder = FunctionResponder(self.state, self.post, ids_required=ids_required)

    def open(self) -> None:
        """Opens the first connection. Raises `ConnectError`."""
        try:
            self.manager.open()
        except BaseException:
            self.abandon()
            if self._recorder is not None:
                self._recorder.close(LAST_RECORDED)
            raise

    # Looking whether it can be used.

    def check_usable(self) -> None:
        """Raises `ForkedSessionError`, and `SessionClosedError` after `close()`."""
        self.state.check_not_closed()

    def check_receivable(self) -> None:
        """Raises as `check_usable()`, and the end of the session once more where a consumer has been told of it."""
        self.check_usable()
        self.state.check_not_reported()

    # Sending.

    def post(self, message: LiveClientMessage, timeout: float | None, hook: ClientHook | None = None) -> None:
        """Encodes and sends a message; after `close()` too, where the error says so.

        Args:
            message: The message.
            timeout: Seconds to wait; None for `SessionOptions.send_timeout`.
            hook: Counts the message when it is about to be written.
        """
        patience = self.options.send_timeout if timeout is None else check_timeout(timeout)
        self.manager.send(message, self._encode(message), patience, hook)

    def send(self, message: LiveClientMessage, timeout: float | None, hook: ClientHook | None = None) -> None:
        """Sends a message of the user's; takes the same as `post()`."""
        self.state.check_not_closed()
        patience = self.options.send_timeout if timeout is None else check_timeout(timeout)
        self.manager.send(message, self._encode(message), patience, hook)

    def send_request(self, message: LiveClientContent, timeout: float | None) -> AnswerWindow:
        """Sends what asks for an answer, and returns where the answer will begin."""
        hook = RequestHook(self.state)
        self.send(message, timeout, hook)
        self.state.user.complete_turn()
        return hook.window

    def send_input(
        self, message: LiveClientRealtimeInput, timeout: float | None, hook: ClientHook | None = None
    ) -> None:
        """Sends realtime input of the user's."""
        if self._hold_audio and message.audio:
            self.check_usable()
            deadline = Deadline(self.options.send_timeout if timeout is None else check_timeout(timeout))
            if not self.state.calls.hold_back(self._hold_audio, deadline):
                raise SendTimeout("The audio was held back for a function call, and not sent.", session_ended=False)
            timeout = deadline.remaining()
        self.send(message, timeout, hook)
        self.state.user.complete_turn()

    def send_history(self, history: LiveClientContent) -> None:
        """Sends what was said before, or ends the session: without it, it would be another one. For `connect()`."""
        try:
            self.send(history, None)
        except BaseException as error:
            self.close(FAILED_CLOSE)
            if isinstance(error, (SendTimeout, SessionClosedError)):
                retryable = getattr(error, "retryable", True)
                raise ConnectError(f"The history could not be sent: {error}", retryable=retryable) from error
            raise

    # Ending, and going on.

    def close(self, timeout: float | None) -> None:
        """Ends the session, as `LiveSession.close()` says; goes on with what an interrupted `close()` left."""
        patience = self.options.close_timeout if timeout is None else check_timeout(timeout)
        if not self.state.close() and (self._is_closing or self._is_closed_down):
            return
        try:
            self._is_closing = True
            self._close_down(patience)
            self._is_closed_down = True
        finally:
            self._is_closing = False

    def _close_down(self, patience: float) -> None:
        deadline, last = Deadline(patience), Deadline(patience + GRACE)
        self.state.calls.close()
        if self._recorder is not None:
            self._recorder.finish()
        self.manager.close(patience)
        if self.functions is not None:
            self.functions.stop()
        if not self.manager.is_reader_thread:  # other sessions wait for that one
            if self._recorder is not None:
                self._recorder.close(last.remaining() or 0.0)
            if self.functions is not None:
                self.functions.join(deadline)

    def abandon(self) -> None:
        """Has everything ended by other threads, without waiting; for finalisers, which may run on any thread."""
        self.state.close()
        if self._recorder is not None:
            self._recorder.finish()
        if self.functions is not None:
            self.functions.stop()
        self.manager.drop()

    @property
    def needs_warning(self) -> bool:
        """Whether the session goes on though the last reference to it is gone."""
        return self.state.is_of_this_process and not self.state.is_over

    def resume(self, session_resumption: SessionResumptionConfig | None) -> None:
        """Takes the conversation up again over a new connection, as `LiveSession.resume_session()` says."""
        self.manager.resume(self._resumption_config(session_resumption))

    def _resumption_config(self, given: SessionResumptionConfig | None) -> SessionResumptionConfig:
        if self.resumption is None:
            raise ResumptionError(
                "This session was made without resumption: use connect(session_resumption=SessionResumptionConfig())."
            )
        handle = given.handle if given and given.handle else self.state.resumption_handle
        if handle is None:
            raise ResumptionError("There is no resumption handle yet: the server sends the first one after a while.")
        return SessionResumptionConfig(handle=handle, transparent=self.resumption.transparent)
