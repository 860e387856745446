"""`LiveSession`: an open conversation with the model."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, final

from livesession.backends import Backend
from livesession.connection.close_info import CloseInfo
from livesession.errors import (
    ConnectError,
    ResumptionError,
    SendTimeout,
    SessionClosedError,
)
from livesession.messages.client import (
    ActivityEnd,
    ActivityStart,
    LiveClientContent,
    LiveClientMessage,
    LiveClientRealtimeInput,
    LiveClientSetup,
)
from livesession.messages.config import SessionResumptionConfig
from livesession.messages.content import FunctionCall, FunctionResponse, GenerativeContentBlob
from livesession.messages.usage import UsageMetadata
from livesession.options import SessionOptions, check_timeout
from livesession.resumption.attempt import FAILED_CLOSE
from livesession.resumption.connection_slot import ConnectionSlot
from livesession.resumption.manager import ConnectionManager
from livesession.resumption.policy import LiveSessionResumed, check_resumption
from livesession.session import requests
from livesession.session.function_calls import ToolStatistics
from livesession.session.function_responder import FunctionResponder, SendMessage
from livesession.session.requests import Media, Request
from livesession.session.state import SessionState
from livesession.session.streams import MessageStream, TurnStream
from livesession.session.turn import Turn
from livesession.session.turn_tracker import AnswerWindow
from livesession.session.write_hooks import Activity, Asking, Interruption, Question, Spoken
from livesession.sync.deadline import Deadline

if TYPE_CHECKING:
    from livesession.recording.recorder import Recorder
    from livesession.recording.session_recording import SessionRecording
    from livesession.tools.runner import ToolRunner
    from livesession.tools.toolbox import Toolbox
    from livesession.video import VideoFrame, VideoStatistics

__all__ = ["LiveSession"]


@final
class LiveSession:
    """A conversation over one WebSocket; `LiveGenerativeModel.connect()` makes it.

    A background thread reads the socket and keeps what arrives until it is received. Any number of threads may send
    at a time; messages never mix. One consumer receives at a time. Use it as a context manager, or call `close()`.

    Every method raises `SessionClosedError` after `close()`, and `ForkedSessionError` in a process that was forked
    after `connect()`; properties go on working. Times are in seconds; `timeout=None` stands for the default in
    `SessionOptions`, except in `receive()`, where it means to wait without an end.

    Every method that sends may raise:

    - `InvalidRequestError`: the server would refuse the message; nothing was sent, the session goes on;
    - `SendTimeout`: it could not be written in time; its `session_ended` tells whether part of it went out;
    - `ConnectionClosedError`: the server or the network ended the session.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        raise TypeError("LiveSession is made by LiveGenerativeModel.connect(), not by its constructor.")

    def __init_subclass__(cls, **kwargs: object) -> None:
        raise TypeError(
            "LiveSession cannot be subclassed: wrap the session that LiveGenerativeModel.connect() returns."
        )

    _setup: LiveClientSetup
    _options: SessionOptions
    _lifeline: ConnectionManager
    _conversation: SessionState
    _resumption: SessionResumptionConfig | None
    _post: SendMessage
    _answering: FunctionResponder
    _functions: ToolRunner | None
    _hold_audio: float
    _is_in_conversation: bool
    _forget: weakref.finalize[
        [weakref.ref[LiveSession], ConnectionManager, SessionState, ToolRunner | None], LiveSession
    ]

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "open"
        return f"<LiveSession {state}, model {self._setup.model!r}>"

    def __enter__(self) -> LiveSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._conversation.is_of_this_process:
            self.close()

    # What the session is.

    @property
    def is_closed(self) -> bool:
        """True after `close()`, and at once when the server or the network has ended the session.

        False while the session is being resumed by itself.
        """
        return self._lifeline.is_closed or self._ending is not None

    @property
    def in_conversation(self) -> bool:
        """True while an `AudioConversationController` drives the session, and receives its messages."""
        return self._is_in_conversation

    @property
    def close_code(self) -> int | None:
        """The WebSocket close code; 1006 where no close frame came; None while the session is open."""
        return self._ending.code if self._ending else None

    @property
    def close_reason(self) -> str | None:
        """The reason in the close frame; None while the session is open."""
        return self._ending.reason if self._ending else None

    @property
    def session_id(self) -> str | None:
        """The server's name for the session, Vertex AI only (`setupComplete.sessionId`); no resumption handle."""
        return self._conversation.session_id

    @property
    def resumption_handle(self) -> str | None:
        """The newest handle for `connect(session_resumption=...)`, also in another process.

        None unless the session was made with a `SessionResumptionConfig`, and until the server has sent one. Kept
        by the reader thread as `sessionResumptionUpdate` messages arrive, whether or not anybody receives.
        """
        return self._conversation.resumption_handle

    @property
    def usage(self) -> UsageMetadata:
        """Token counts of the session: the turns added up, of each turn the last count that the server gave."""
        return self._conversation.usage.total

    @property
    def pending_calls(self) -> tuple[FunctionCall, ...]:
        """The function calls that wait for `send_function_responses()`, the oldest first.

        Not those that functions given as tools answer, nor those that the server has cancelled.
        """
        return tuple(call.call for call in self._conversation.calls.waiting)

    @property
    def tool_statistics(self) -> ToolStatistics:
        """What has become of the calls that functions given as tools answer."""
        return self._functions.statistics if self._functions else ToolStatistics()

    @property
    def _ending(self) -> CloseInfo | None:
        return self._lifeline.ending

    # Receiving.

    def receive(self, timeout: float | None = None) -> MessageStream:
        """Iterates over messages as they arrive, across turns, until the session ends.

        Yields `LiveServerContent`, `LiveServerToolCall`, `LiveServerToolCallCancellation`,
        `LiveServerGoingAwayNotice`, `LiveSessionResumptionUpdate` and the other kinds of `LiveServerMessage`; and,
        made here, `ToolResult` when a function has been run and `LiveSessionResumed` after a reconnect. When
        the server or the network ends the session, what had arrived comes first. Leaving the loop with `break` loses
        nothing: the next `receive()` goes on from there. One consumer at a time.

        Args:
            timeout: Seconds to wait for each message; None waits without an end, 0 polls.

        Raises (from the iterator, which goes on after the first two):
            ReceiveTimeout: No message within `timeout`.
            UnsupportedMessageError, ProtocolError: A message that could not be read.
            ConnectionClosedError: The session ended other than by `close()` or a server's close with code 1000.
            ConcurrentReceiveError: Another thread is receiving.
            SessionClosedError: At the call: after `close()`, and when the end has been reported before.
        """
        self._check_receivable()
        return MessageStream(self._conversation, check_timeout(timeout), self)

    def receive_turn(self, timeout: float | None = None) -> TurnStream:
        """Iterates over the messages of one turn; its `turn` is the `Turn` put together so far.

        Ends after the last message of the frame with `turnComplete` (not where `interactionStatus` is
        IN_PROGRESS); it goes on past a `LiveServerToolCall`, which can be answered meanwhile. What is left of an
        earlier turn, begun before the last request, is skipped.

        Args:
            timeout: Seconds of silence between two messages; default `SessionOptions.turn_timeout`, 60.

        Raises as `receive()` does, and `ConnectionClosedError` whenever the session ends before the turn, also with
        code 1000; it and `ReceiveTimeout` hold the turn so far in `turn`.
        """
        self._check_receivable()
        return self._turn_stream(timeout)

    def ask(self, request: Request, *, timeout: float | None = None) -> Turn:
        """Sends a complete turn and returns the answer, put together.

        Where the session is resumed meanwhile and the server knows nothing of the request, it is sent again.
        Functions given as tools run when the model calls them, and `ask()` goes on; the time that they take does not
        count as silence. At a call that is yours to answer, the turn so far is returned, with `complete=False`: answer
        `pending_calls` with `send_function_responses()` and go on with `receive_turn()`. What the model says later of a
        NON_BLOCKING function is a turn of its own, which the next `ask()` skips: use `receive()` for those.

        Args:
            request: Text, a part, or a sequence of both.
            timeout: Seconds of silence between two messages; default `SessionOptions.turn_timeout`, 60.

        Raises as sending and `receive_turn()` do. A frame that cannot be read is logged and kept in
        `Turn.problems`.
        """
        self._check_receivable()
        message = requests.client_content(request, turn_complete=True)
        stream = self._turn_stream(timeout)
        stream.claim()

        def ask_again(resumed: LiveSessionResumed) -> None:
            is_lost = any(lost is message for lost in resumed.lost)
            if others := resumed.lost_count - is_lost:  # which nobody else is told of
                self._conversation.log.warning(
                    "the session was resumed during ask(); other messages that were lost: %d", others
                )
            if is_lost:
                stream.answers(self._send_request(message, None))

        try:
            stream.answers(self._send_request(message, None))
            return stream.collect(ask_again)
        finally:
            stream.close()

    def _turn_stream(self, timeout: float | None) -> TurnStream:
        silence = self._options.turn_timeout if timeout is None else check_timeout(timeout)
        return TurnStream(self._conversation, silence, self)

    def _check_receivable(self) -> None:
        self._check_usable()
        self._conversation.check_not_reported()

    # Sending turns.

    def send(self, request: Request, turn_complete: bool = False, *, timeout: float | None = None) -> None:
        """Sends a turn of the user, or a piece of one (`clientContent`); any of them interrupts the model.

        Args:
            request: Text, a part, or a sequence of both; may be empty to complete an open turn.
            turn_complete: True asks for an answer. The default, False, leaves the turn open, and the model waits.
            timeout: Seconds to wait; default `SessionOptions.send_timeout`, 30.
        """
        message = requests.client_content(request, turn_complete)
        if turn_complete:
            self._send_request(message, timeout)
        else:
            self._send(message, timeout, Interruption(self._conversation))
            self._conversation.turn_left_open = self._conversation.open_turn_warning_due = True

    def interrupt(self, *, timeout: float | None = None) -> None:
        """Asks the model to stop (`clientContent` with nothing but `turnComplete: false`).

        The server answers with `interrupted` and then `turn_complete`. Not every model obeys: most do when they hear
        speech, or any new turn.
        """
        self._send(LiveClientContent(turn_complete=False), timeout, Interruption(self._conversation))

    def _send_request(self, message: LiveClientContent, timeout: float | None) -> AnswerWindow:
        """Sends what asks for an answer; where the answer will begin."""
        self._check_usable()
        asking = Question(self._conversation)
        self._send(message, timeout, asking)
        self._conversation.turn_left_open = self._conversation.open_turn_warning_due = False
        return asking.span

    def _send_history(self, history: LiveClientContent) -> None:
        """Sends what was said before, or ends the session: without it, it would be another one. For `connect()`."""
        try:
            self._send(history, None)
        except BaseException as error:
            self.close(timeout=FAILED_CLOSE)
            if isinstance(error, (SendTimeout, SessionClosedError)):
                retryable = getattr(error, "retryable", True)
                raise ConnectError(f"The history could not be sent: {error}", retryable=retryable) from error
            raise

    # Sending as it happens.

    def send_text_realtime(self, text: str, *, timeout: float | None = None) -> None:
        """Sends what the user typed (`realtimeInput.text`); under automatic detection it asks for an answer."""
        asks = requests.detects_activity(self._setup.generation_config)
        self._send_input(requests.text_input(text), timeout, Spoken(self._conversation, asks=asks))

    def send_audio_realtime(self, audio: Media, *, timeout: float | None = None) -> None:
        """Sends a piece of what the microphone hears (`realtimeInput.audio`).

        Args:
            audio: Plain bytes of mono PCM, 16-bit signed little-endian, 16,000 Hz; a `PcmAudio`, which goes out with
                its rate; or a blob whose `mime_type` says what it is. Pieces of 20 to 100 ms (640 to 3,200 bytes), at
                the pace of real time, work best.
            timeout: Seconds to wait; default `SessionOptions.send_timeout`, 30.
        """
        self._send_input(requests.audio_input(audio), timeout)

    def send_video_realtime(self, video: GenerativeContentBlob, *, timeout: float | None = None) -> None:
        """Sends one still image (`realtimeInput.video`), such as `image/jpeg`; at most one a second is looked at."""
        self._send_input(requests.video_input(video), timeout)

    def send_media_chunks(self, media_chunks: Iterable[Media], *, timeout: float | None = None) -> None:
        """Sends each chunk as a message of its own, in order.

        `audio/*` goes out as `realtimeInput.audio`, `image/*` and `video/*` as `realtimeInput.video`, anything else
        as `realtimeInput.mediaChunks`. All chunks are looked at before the first is sent.
        """
        self._check_usable()
        for message in [requests.media_input(chunk) for chunk in requests.chunks_of(media_chunks)]:
            self._send_input(message, timeout)

    def send_media_stream(self, media_chunk_stream: Iterable[Media], *, timeout: float | None = None) -> None:
        """Sends chunks as the iterable yields them, and returns when it ends; it sets the pace.

        Args:
            media_chunk_stream: Blobs, or bytes of PCM as in `send_audio_realtime()`; consumed lazily.
            timeout: Seconds to wait for each chunk to be written.

        Raises as sending does, and `InvalidRequestError` when the iterable raised: that error is its cause.
        """
        self._check_usable()  # also where the first chunk takes long, or there is none
        for chunk in requests.chunks_of(media_chunk_stream):
            self._send_input(requests.media_input(chunk), timeout)

    def send_video_stream(
        self, frames: Iterable[VideoFrame], fps: float = 1.0, *, live: bool | None = None, max_side: int | None = 768
    ) -> VideoStatistics:
        """Sends images as a camera gives them (`realtimeInput.video`), `fps` a second; returns when the iterable ends.

        To be run on a thread of its own beside a conversation: it receives nothing. It ends with the session, also
        while the iterable blocks, and with Ctrl-C. With automatic activity detection off, images belong between
        `send_activity_start()` and `send_activity_end()`.

        Args:
            frames: Each is the bytes of a JPEG, PNG or WebP file, or a `GenerativeContentBlob`, which go out as they
                are; or a PIL image or a numpy array, uint8, height x width (grey), height x width x 3 (red, green,
                blue) or height x width x 4 (the fourth, as all transparency, is left out), which is encoded as JPEG
                and needs the extra `video`. OpenCV has blue first: yield `frame[:, :, ::-1]`. A frame must not be
                changed any more once it is yielded. The iterable runs on the thread "livesession-video-source".
            fps: Images a second, over 0 and at most 30; the service looks at one a second.
            live: True for what goes on whether or not anybody looks, such as a camera: frames are taken as fast as
                they come, the newest is sent when one is due, and older ones are dropped, also while the network is
                slow or the session is being resumed. False for what waits, such as the frames of a file, or what is
                made when it is asked for, such as a picture of the screen: each is taken when it is due, and is sent.
                Default False for what has a length, such as a list, and True for everything else.
            max_side: Pixels of the longer side to which larger arrays and PIL images are scaled down; None leaves
                them as they are.

        Returns:
            How many frames were sent, which is taken by the system to be sent, and dropped.

        Raises as sending does, when the session ends as well, and:

        - `InvalidRequestError`: the iterable raised, and that error is the cause; or a frame is no image;
        - `ConfigurationError`: `fps` or `max_side` is out of range;
        - `MissingExtraError`: a frame has to be encoded, and Pillow is not installed.
        """
        from livesession.video.video_stream import VideoStream  # not before it is needed

        def send(image: LiveClientRealtimeInput, asking: Asking | None) -> None:
            self._send(image, None, asking)  # which, unlike the user's own input, completes no turn that was left open

        self._check_usable()
        return VideoStream(frames, fps, live, max_side, self._lifeline, self._conversation, send).run()

    def send_activity_start(self, *, timeout: float | None = None) -> None:
        """Says that the user begins to speak (`activityStart`); automatic detection must be off.

        Where the session is resumed before `send_activity_end()`, it is said again, before anything else is sent.
        """
        self._check_usable()
        requests.check_activity(self._setup.generation_config, manual=True, method="send_activity_start")
        activity = Activity(self._conversation, begins=True)
        self._send_input(LiveClientRealtimeInput(activity_start=ActivityStart()), timeout, activity)

    def send_activity_end(self, *, timeout: float | None = None) -> None:
        """Says that the user has spoken (`activityEnd`), which asks for an answer; automatic detection must be off."""
        self._check_usable()
        requests.check_activity(self._setup.generation_config, manual=True, method="send_activity_end")
        activity = Activity(self._conversation, begins=False)
        self._send_input(LiveClientRealtimeInput(activity_end=ActivityEnd()), timeout, activity)

    def send_audio_stream_end(self, *, timeout: float | None = None) -> None:
        """Says that the microphone pauses (`audioStreamEnd`); automatic detection must be on, as it is by default."""
        self._check_usable()
        requests.check_activity(self._setup.generation_config, manual=False, method="send_audio_stream_end")
        self._send_input(LiveClientRealtimeInput(audio_stream_end=True), timeout)

    def send_function_responses(
        self, function_responses: Iterable[FunctionResponse], *, timeout: float | None = None
    ) -> None:
        """Answers function calls by hand (`toolResponse`): one `FunctionResponse` a call, with the call's id.

        The name is filled in. The Developer API requires the id; elsewhere the oldest call of that name is meant, and
        its id is filled in.
        Answers to calls that were cancelled, or that the server has forgotten because the session was resumed from
        before them, are left out, with a warning in the log. `will_continue=True` lets further answers follow.

        Raises `InvalidRequestError` as well for an id that the model has not called in this session, that has been
        answered, or that a function given as a tool answers; nothing is sent then.
        """
        self._check_usable()
        self._answering.by_hand(function_responses, timeout)

    def _send_input(
        self, message: LiveClientRealtimeInput, timeout: float | None, asking: Asking | None = None
    ) -> None:
        if self._hold_audio and message.audio:
            self._check_usable()
            deadline = Deadline(self._options.send_timeout if timeout is None else check_timeout(timeout))
            if not self._conversation.calls.hold_back(self._hold_audio, deadline):
                raise SendTimeout("The audio was held back for a function call, and not sent.", session_ended=False)
            timeout = deadline.remaining()
        self._send(message, timeout, asking)
        self._conversation.turn_left_open = self._conversation.open_turn_warning_due = False

    def _send(self, message: LiveClientMessage, timeout: float | None, asking: Asking | None = None) -> None:
        self._check_usable()
        self._post(message, timeout, asking)

    # Ending, and going on.

    def close(self, *, timeout: float | None = None) -> None:
        """Ends the session; callable from any thread and any number of times.

        Returns when the closing handshake is done and functions that the model has called have returned, or within
        `timeout` (default `SessionOptions.close_timeout`, 5) plus half a second, whatever the server and other
        threads do. An iterator that is open yields what had arrived and stops; a send that is stuck raises; the
        `CancelToken`s of running functions are set. Never raises for the state of the network.
        """
        self._conversation.check_process()
        patience = self._options.close_timeout if timeout is None else check_timeout(timeout)
        if not self._lifeline.is_closed:
            deadline = Deadline(patience)
            self._forget.detach()
            self._conversation.calls.close()
            self._lifeline.close(patience)
            if self._functions is not None:
                self._functions.stop()
                if not self._lifeline.is_reader_thread:  # other sessions wait for that one
                    self._functions.join(deadline)

    def resume_session(self, session_resumption: SessionResumptionConfig | None = None) -> None:
        """Takes the conversation up again over a new connection; the old one is closed first.

        The setup stays the same. A `receive()` that is open goes on with what comes next. Allowed after the server
        or the network has ended the session, not after `close()`.

        Args:
            session_resumption: Default the configuration of `connect()` with the newest handle.

        Raises:
            ResumptionError: The session was made without `session_resumption`, there is no handle yet, it is being
                resumed already, or the new connection was refused, which is the cause then; the session has ended.
        """
        self._check_usable()
        check_resumption(session_resumption)
        config = self._resumption_config(session_resumption)
        self._lifeline.resume(config)

    def _resumption_config(self, given: SessionResumptionConfig | None) -> SessionResumptionConfig:
        if self._resumption is None:
            raise ResumptionError(
                "This session was made without resumption: use connect(session_resumption=SessionResumptionConfig())."
            )
        handle = given.handle if given and given.handle else self.resumption_handle
        if handle is None:
            raise ResumptionError("There is no resumption handle yet: the server sends the first one after a while.")
        return SessionResumptionConfig(handle=handle, transparent=self._resumption.transparent)

    def _check_usable(self) -> None:
        self._conversation.check_process()
        if self._lifeline.is_closed:
            raise SessionClosedError("This session has been closed and cannot be used; connect() a new one.")


def connect_session(
    backend: Backend,
    setup: LiveClientSetup,
    options: SessionOptions,
    toolbox: Toolbox,
    resumption: SessionResumptionConfig | None,
    history: LiveClientContent | None = None,
    recorder: Recorder | None = None,
) -> LiveSession:
    """The one way to a session, for `LiveGenerativeModel.connect()`."""
    from livesession.codec import encode  # not before the first connect: it takes a third of the import

    first_setup = setup
    if history is not None:
        encode(history)  # what cannot be written is to be said before anything is sent
        first_setup = requests.with_history(setup, announced=True)
        setup = requests.with_history(setup, announced=False)  # no other connection of the session gets any
    session: LiveSession = object.__new__(LiveSession)
    session._setup = setup
    session._options = options
    line = ConnectionSlot()
    is_transparent = resumption is not None and bool(resumption.transparent)
    session._conversation = SessionState(options.inbox_bytes, line.wake, transparent=is_transparent)
    session._resumption = resumption
    handle = session._conversation.resumption_handle = resumption.handle if resumption else None
    session._conversation.is_seeding = requests.seeds_history(setup.generation_config) and handle is None
    session._lifeline = ConnectionManager(backend, setup, first_setup, options, resumption, session._conversation, line)
    session._post = post = poster(session._lifeline, encode, options)
    ids_required = backend.requires_function_response_ids
    session._answering = FunctionResponder(session._conversation, post, ids_required=ids_required)
    session._functions = toolbox.open(
        session._conversation, session._answering, in_parts=backend.takes_answers_in_parts
    )
    session._is_in_conversation = False
    session._hold_audio = toolbox.options.hold_audio
    if recorder is not None:
        session._conversation.recording = open_recording(recorder, backend, setup.model, session._conversation)
    session._lifeline.open()
    this = weakref.ref(session)
    session._forget = weakref.finalize(
        session, warn_forgotten, this, session._lifeline, session._conversation, session._functions
    )
    if history is not None:
        session._send_history(history)
    return session


def open_recording(recorder: Recorder, backend: Backend, model: str, conversation: SessionState) -> SessionRecording:
    """Opens its files, before anything is sent. Raises `ConfigurationError`."""
    from livesession.recording.session_recording import SessionRecording  # most sessions have none

    return SessionRecording(recorder, backend.service, model, conversation.log)


def poster(
    lifeline: ConnectionManager, encode: Callable[[LiveClientMessage], bytes], options: SessionOptions
) -> SendMessage:
    """Encodes and sends. It does not hold the session, so that functions that still run do not keep it alive."""

    def post(message: LiveClientMessage, timeout: float | None, asking: Asking | None = None) -> None:
        patience = options.send_timeout if timeout is None else check_timeout(timeout)
        lifeline.send(message, encode(message), patience, asking)

    return post


def warn_forgotten(
    reference: weakref.ref[LiveSession],
    lifeline: ConnectionManager,
    conversation: SessionState,
    functions: ToolRunner | None,
) -> None:
    """A session that nobody holds any more is ended without a word; at exit, where it is still held, the system does.

    Ending it at exit would only make the waits of daemon threads raise while the interpreter goes down.
    """
    if not conversation.is_of_this_process:
        return
    if conversation.recording is not None and reference() is None:
        conversation.recording.finish()
    if lifeline.ending is None:
        if reference() is None:
            lifeline.abandon()
            if functions is not None:
                functions.stop()
        warnings.warn("a LiveSession was not closed: use `with`, or call close()", ResourceWarning, stacklevel=2)
