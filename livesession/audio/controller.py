"""The controller of an audio conversation, which the user holds meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Literal, final

from livesession.audio.answer_tracker import AnswerTracker
from livesession.audio.message_router import MessageRouter
from livesession.audio.statistics import ConversationStatistics
from livesession.audio.switch import Switch
from livesession.audio.uplink import SPEECH_LEVEL, Uplink
from livesession.errors import AudioDeviceError, SendTimeout
from livesession.session.live_session import LiveSession, core_of
from livesession.sync.deadline import Deadline
from livesession.sync.events import Event

if TYPE_CHECKING:
    from livesession.audio.call_handler import CallHandler
    from livesession.audio.downlink import Downlink
    from livesession.audio.transcripts import SpokenText
    from livesession.messages.server import LiveServerMessage
    from livesession.session.streams import MessageStream

__all__ = ["TICK", "AudioConversationController"]

Hear = Callable[[Callable[[bytes], None], Callable[["BaseException | None"], None]], Uplink]

TICK = 0.1  # seconds after which it is looked whether the conversation is over, when nothing comes
RELEASE = 2.0  # seconds for threads of devices to end


@final
class AudioConversationController:
    """An audio conversation that is going on; `start_audio_conversation()` makes it.

    It receives all messages of the session until it is over: by `stop()`, at the end of its `with` block, when the
    session ends, when a device fails, or when an input that ends, such as a file, has been answered: 2 seconds after
    the model's last word, or `SessionOptions.turn_timeout` without one. Then devices and session are free again. Any
    thread may use it.
    """

    def __init__(
        self,
        session: LiveSession,
        stream: MessageStream,
        hear: Hear,
        speaking: Downlink,
        calls: CallHandler,
        on_transcript: Callable[[SpokenText], None] | None,
        on_message: Callable[[LiveServerMessage], None] | None,
    ) -> None:
        self._session = session
        self._core = core_of(session)
        self._log = self._core.state.log
        self._stream = stream
        self._speaking = speaking
        self._calls = calls
        self._answer = AnswerTracker(self._core.options.turn_timeout)
        self._messages = MessageRouter(stream, speaking, calls, self._answer, self._log, on_transcript, on_message)
        self._hearing = hear(self._send, self._input_ended)
        self._switch = Switch(session, self._hearing)
        self._thread = threading.Thread(target=self._run, name="livesession-audio", daemon=True)
        self._is_receiving = Event()
        self._over = Event()
        self._lock = threading.Lock()  # guards _error; no other lock is taken inside
        self._error: BaseException | None = None
        self._is_stopping = False
        self._has_input_ended = False

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
        if self._over.is_set:
            return "over"
        return "speaking" if self._speaking.playback.is_playing else "listening"

    @property
    def muted(self) -> bool:
        """Whether the microphone is not sent; may be set. The server is told that it pauses (`audioStreamEnd`).

        In push to talk it is not sent between `end_talking()` and `begin_talking()` either, whatever is set here.
        """
        return not self._hearing.is_open

    @muted.setter
    def muted(self, is_muted: bool) -> None:
        self._switch.mute(is_muted)

    def begin_talking(self) -> None:
        """Push to talk: the user begins to speak (`activityStart`); from here on the microphone is sent.

        For sessions whose automatic activity detection is off, in which nothing is sent before this. Does nothing when
        he speaks already, and when the conversation is over. Raises `InvalidRequestError` in others, and as sending
        does.
        """
        self._switch.begin()

    def end_talking(self) -> None:
        """Push to talk: the user has spoken (`activityEnd`). Does nothing when he does not speak; raises the same."""
        if self._switch.end():
            self._answer.asked()

    @property
    def input_level(self) -> float:
        """The loudness of the user, from 0.0 to 1.0: the root mean square of the last block."""
        return self._hearing.level

    @property
    def output_level(self) -> float:
        """The loudness of the model, from 0.0 to 1.0."""
        return self._speaking.playback.level

    @property
    def statistics(self) -> ConversationStatistics:
        """The numbers of the conversation so far."""
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
        """The error that ended the conversation, if one did: of a device, or of the session."""
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
        if not self._core.state.is_of_this_process:
            return  # devices and threads are those of the process that was forked
        self._is_stopping = True
        self._stream.close()
        self._hearing.close()
        if not self._is_own_thread:
            self._over.wait(timeout)

    @property
    def _is_own_thread(self) -> bool:
        """Whether this is called by a callback, for which the end would have to wait."""
        parts = (self._hearing, self._speaking, self._calls)
        return threading.current_thread() is self._thread or any(part.is_current_thread for part in parts)

    # The parts, and the thread that receives.

    def _start(self) -> None:
        """Raises `AudioDeviceError`, when the loudspeaker is refused, or the system gives no thread."""
        self._speaking.start(self._fail)
        self._core.is_in_conversation = True
        self._log.info("an audio conversation begins")
        try:
            self._thread.start()
            # From now on it is refused to other consumers in this thread, too.
            self._is_receiving.wait(RELEASE)
            self._hearing.start()
        except BaseException as error:
            self._abandon()
            if isinstance(error, RuntimeError):
                raise AudioDeviceError(f"There is no thread for the conversation: {error}.") from error
            raise

    def _abandon(self) -> None:
        self._is_stopping = True
        self._stream.close()
        if self._thread.is_alive():
            self._over.wait(RELEASE)
        else:
            self._speaking.close()
            self._core.is_in_conversation = False

    def _fail(self, error: BaseException) -> None:
        """Any thread: it cannot go on."""
        with self._lock:
            self._error = self._error or error
        self._is_stopping = True
        self._stream.close()

    def _send(self, pcm: bytes) -> None:
        is_loud = self._hearing.level > SPEECH_LEVEL
        if any(pcm):
            self._answer.heard(is_loud=is_loud)
            if is_loud and not self._speaking.is_heard:
                self._speaking.heard_at = time.monotonic()
        try:
            self._session.send_audio_realtime(pcm)
        except SendTimeout as error:
            if error.session_ended:
                raise
            self._log.warning("the microphone was not heard for a while: %s", error)

    def _input_ended(self, error: BaseException | None) -> None:
        if self._is_stopping:
            return
        if error is not None and not self._session.is_closed:  # else the consumer is told why
            self._fail(error)
        elif self._switch.input_ended():
            self._answer.asked()
        self._messages.last_at = time.monotonic()
        self._has_input_ended = True

    def _run(self) -> None:
        try:
            if not self._is_stopping:
                self._stream.claim()
            self._is_receiving.set()
            while not (self._is_stopping or (self._has_input_ended and self._messages.is_answered())):
                self._messages.receive()
        except StopIteration:
            pass
        except BaseException as error:
            self._fail(error)
        finally:
            self._release()

    def _release(self) -> None:
        deadline = Deadline(RELEASE)
        self._is_stopping = True
        self._is_receiving.set()
        self._stream.close()
        self._hearing.close()
        self._speaking.close()
        self._hearing.join(deadline)
        self._switch.close()
        self._calls.close(deadline)
        self._messages.close()
        self._core.is_in_conversation = False
        self._log.info("the audio conversation has ended%s", f": {self._error!r}" if self._error else "")
        self._over.set()
