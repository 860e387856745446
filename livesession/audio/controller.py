"""What drives an audio conversation, and is in the user's hands meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Literal, TypeVar, final

from attrs import frozen

from livesession import requests
from livesession.audio.handling import CallHandler
from livesession.audio.hearing import SPEECH_LEVEL, Hearing
from livesession.audio.speaking import Speaking
from livesession.audio.transcripts import SpokenText, Transcripts
from livesession.connection.deadline import Deadline
from livesession.connection.latch import Latch
from livesession.conversation import logger
from livesession.errors import LiveSessionError, ProtocolError, ReceiveTimeout, SendTimeout
from livesession.receiving import MessageStream
from livesession.types.server import LiveServerContent, LiveServerMessage, LiveServerToolCall

if TYPE_CHECKING:
    from livesession.session import LiveSession

__all__ = ["TICK", "AudioConversationController", "ConversationStatistics"]

Hear = Callable[[Callable[[bytes], None], Callable[["BaseException | None"], None]], Hearing]
T = TypeVar("T")

TICK = 0.1  # seconds after which it is looked whether the conversation is over, when nothing comes
QUIET = 2.0  # seconds without a message after which it is over, when the input has ended and nothing is played
RELEASE = 2.0  # seconds for threads of devices to end


@frozen(kw_only=True)
class ConversationStatistics:
    """What has passed in an audio conversation so far; times in milliseconds.

    Attributes:
        sent_ms: Sound that was sent.
        held_ms: Sound that was heard and not sent, or silence in its place: muted, or while the model spoke.
        dropped_ms: Sound that the input lost because the network was slow.
        played_ms: What the model was heard to say.
        cut_ms: What it had said and was not played, because the user cut in.
        underruns: How often the loudspeaker ran dry in the middle of a turn.
        interruptions: How often the user cut in.
        response_ms: From the last sound of the user to the first of the model, at its last turn; None before.
    """

    sent_ms: float
    held_ms: float
    dropped_ms: float
    played_ms: float
    cut_ms: float
    underruns: int
    interruptions: int
    response_ms: float | None


@final
class AudioConversationController:
    """An audio conversation that is going on; `start_audio_conversation()` makes it.

    It receives all messages of the session until it is over: by `stop()`, at the end of its `with` block, when the
    session ends, when a device fails, or when an input that ends, such as a file, has been answered. Then devices and
    session are free again. Any thread may use it.
    """

    def __init__(
        self,
        session: LiveSession,
        stream: MessageStream,
        hear: Hear,
        speaking: Speaking,
        calls: CallHandler,
        on_transcript: Callable[[SpokenText], None] | None,
        on_message: Callable[[LiveServerMessage], None] | None,
    ) -> None:
        self._session = session
        self._stream = stream
        self._speaking = speaking
        self._calls = calls
        self._on_transcript = on_transcript
        self._on_message = on_message
        self._transcripts = Transcripts()
        self._hearing = hear(self._send, self._input_ended)
        self._thread = threading.Thread(target=self._run, name="livesession-audio", daemon=True)
        self._over = Latch()
        self._lock = threading.Lock()  # guards _error; no other lock is taken inside
        self._error: BaseException | None = None
        self._is_stopping = False
        self._has_input_ended = False
        self._last_message_at = time.monotonic()

    def __repr__(self) -> str:
        return f"<AudioConversationController, {self.state}>"

    def __enter__(self) -> AudioConversationController:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    # What is in the user's hands.

    @property
    def state(self) -> Literal["listening", "speaking", "over"]:
        """Whether the model is heard now, or listens."""
        if self._over.has_happened:
            return "over"
        return "speaking" if self._speaking.playback.is_playing else "listening"

    @property
    def muted(self) -> bool:
        """Whether the microphone is not sent; may be set. The server is told that it pauses (`audioStreamEnd`)."""
        return not self._hearing.is_open

    @muted.setter
    def muted(self, is_muted: bool) -> None:
        if is_muted != self.muted:
            self._hearing.is_open = not is_muted
            if is_muted and self._is_detecting:
                self._tell(self._session.send_audio_stream_end)

    def begin_talking(self) -> None:
        """Push to talk: the user begins to speak (`activityStart`); from here on the microphone is sent.

        For sessions whose automatic activity detection is off, in which nothing is sent before this. Raises
        `InvalidRequestError` in others, and as sending does.
        """
        self._session.send_activity_start()
        self._hearing.is_open = True

    def end_talking(self) -> None:
        """Push to talk: the user has spoken (`activityEnd`). Raises the same."""
        self._hearing.is_open = False
        self._session.send_activity_end()

    @property
    def input_level(self) -> float:
        """How loud the user is, from 0.0 to 1.0: the root mean square of the last block."""
        return self._hearing.level

    @property
    def output_level(self) -> float:
        """How loud the model is, from 0.0 to 1.0."""
        return self._speaking.playback.level

    @property
    def statistics(self) -> ConversationStatistics:
        """What has passed so far."""
        playback = self._speaking.playback
        return ConversationStatistics(
            sent_ms=self._hearing.sent_ms,
            held_ms=self._hearing.held_ms,
            dropped_ms=self._hearing.dropped_ms,
            played_ms=playback.played_ms,
            cut_ms=playback.dropped_ms,
            underruns=playback.underruns,
            interruptions=self._speaking.interruptions,
            response_ms=self._speaking.response_ms,
        )

    @property
    def error(self) -> BaseException | None:
        """Why it ended, if by an error: of a device, or of the session."""
        return self._error

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is over, at most `timeout` seconds; whether it is.

        Raises:
            AudioDeviceError: A device failed; the session is open still.
            ConnectionClosedError, ResumptionError: The session has ended.
        """
        is_over = self._over.wait(timeout)
        if is_over and self._error is not None:
            raise self._error.with_traceback(None)
        return is_over

    def stop(self, timeout: float = 5.0) -> None:
        """Ends the conversation, releases the devices and gives the session back; it stays open.

        Returns when that is done, or after `timeout` seconds; from a callback of the conversation at once. Never
        raises. What has arrived and was not consumed stays for `receive()`.
        """
        self._is_stopping = True
        self._stream.close()
        self._hearing.close()
        if threading.current_thread() is not self._thread:
            self._over.wait(timeout)

    # The parts, and the thread that receives.

    def _start(self, *, is_open: bool) -> None:
        """Raises `AudioDeviceError`, when the loudspeaker is refused."""
        self._hearing.is_open = is_open
        self._speaking.start(self._fail)
        self._session._is_in_conversation = True
        self._thread.start()
        self._hearing.start()

    @property
    def _is_detecting(self) -> bool:
        return requests.detects_activity(self._session._setup.generation_config)

    def _fail(self, error: BaseException) -> None:
        """Any thread: it cannot go on."""
        with self._lock:
            self._error = self._error or error
        self._is_stopping = True
        self._stream.close()

    def _send(self, pcm: bytes) -> None:
        if any(pcm) and self._hearing.level > SPEECH_LEVEL and not self._speaking.is_heard:
            self._speaking.heard_at = time.monotonic()
        try:
            self._session.send_audio_realtime(pcm)
        except SendTimeout as error:
            if error.session_ended:
                raise
            logger.warning("the microphone was not heard for a while: %s", error)

    def _input_ended(self, error: BaseException | None) -> None:
        if self._is_stopping:
            return
        if error is not None and not self._session.is_closed:  # else whoever receives is told why
            self._fail(error)
        elif self._is_detecting:
            self._tell(self._session.send_audio_stream_end)
        elif self._hearing.is_open:
            self._tell(self.end_talking)
        self._last_message_at = time.monotonic()
        self._has_input_ended = True

    def _tell(self, send: Callable[[], None]) -> None:
        try:
            send()
        except LiveSessionError as error:
            logger.debug("in an audio conversation: %s", error)  # whoever receives is told of the session's end

    def _run(self) -> None:
        try:
            while not self._is_stopping and not self._is_quiet():
                self._receive()
        except StopIteration:
            pass
        except BaseException as error:
            self._fail(error)
        finally:
            self._release()

    def _is_quiet(self) -> bool:
        """Whether the input has ended, and all that was said to it has been heard."""
        if not self._has_input_ended or self._speaking.is_heard or self._session.pending_calls:
            return False
        return time.monotonic() - self._last_message_at > QUIET

    def _receive(self) -> None:
        try:
            message = next(self._stream)
        except ReceiveTimeout:
            return
        except ProtocolError as error:
            logger.warning("in an audio conversation: %s", error)
            return
        self._last_message_at = time.monotonic()
        if isinstance(message, LiveServerContent):
            self._speaking.play(message)
            for text in self._transcripts.add(message):
                call_back(self._on_transcript, text)
        elif isinstance(message, LiveServerToolCall):
            self._calls.take(message)
        call_back(self._on_message, message)

    def _release(self) -> None:
        deadline = Deadline(RELEASE)
        self._is_stopping = True
        self._stream.close()
        self._hearing.close()
        self._speaking.close()
        self._hearing.join(deadline)
        self._calls.close(deadline)
        self._session._is_in_conversation = False
        self._over.happened()


def call_back(callback: Callable[[T], None] | None, value: T) -> None:
    """What fails in the user's code does not end the conversation."""
    if callback is not None:
        try:
            callback(value)
        except Exception as error:
            logger.error("a callback of the audio conversation failed", exc_info=error)
