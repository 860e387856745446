"""`LiveSession`: an open conversation with the model."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, final

from livesession.messages.client import ActivityEnd, ActivityStart, LiveClientContent, LiveClientRealtimeInput
from livesession.options import check_timeout
from livesession.resumption.policy import check_resumption
from livesession.session import requests
from livesession.session.function_calls import ToolStatistics
from livesession.session.question import Question
from livesession.session.streams import MessageStream, TurnStream
from livesession.session.write_hooks import ActivityHook, InputHook, InterruptionHook

if TYPE_CHECKING:
    from livesession.messages.config import SessionResumptionConfig
    from livesession.messages.content import FunctionCall, FunctionResponse, GenerativeContentBlob
    from livesession.messages.usage import UsageMetadata
    from livesession.session.core import SessionCore
    from livesession.session.requests import Media, Request
    from livesession.session.turn import Turn
    from livesession.video.images import VideoFrame
    from livesession.video.video_stream import VideoStatistics

__all__ = ["LiveSession", "core_of", "face_of"]


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

    _core: SessionCore
    _finalizer: weakref.finalize[[weakref.ref[LiveSession], SessionCore], LiveSession]

    @classmethod
    def _of(cls, core: SessionCore) -> LiveSession:
        """Makes the face of a core, for `connect()`; the core is abandoned when the last reference is gone."""
        session: LiveSession = object.__new__(cls)
        return session._adopt(core)

    def _adopt(self, core: SessionCore) -> LiveSession:
        self._core = core
        self._finalizer = weakref.finalize(self, on_forgotten, weakref.ref(self), core)
        return self

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "open"
        return f"<LiveSession {state}, model {self._core.setup.model!r}>"

    def __enter__(self) -> LiveSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._core.state.is_of_this_process:
            self.close()

    # What the session is.

    @property
    def is_closed(self) -> bool:
        """True after `close()`, and at once when the server or the network has ended the session.

        False while the session is being resumed by itself.
        """
        return self._core.state.is_over

    @property
    def in_conversation(self) -> bool:
        """True while an `AudioConversationController` drives the session, and receives its messages."""
        return self._core.is_in_conversation

    @property
    def close_code(self) -> int | None:
        """The WebSocket close code; 1006 where no close frame came; None while the session is open."""
        info = self._core.state.close_info
        return info.code if info else None

    @property
    def close_reason(self) -> str | None:
        """The reason in the close frame; None while the session is open."""
        info = self._core.state.close_info
        return info.reason if info else None

    @property
    def session_id(self) -> str | None:
        """The server's name for the session, Vertex AI only (`setupComplete.sessionId`); no resumption handle."""
        return self._core.state.session_id

    @property
    def resumption_handle(self) -> str | None:
        """The newest handle for `connect(session_resumption=...)`, also in another process.

        None unless the session was made with a `SessionResumptionConfig`, and until the server has sent one. Kept
        by the reader thread as `sessionResumptionUpdate` messages arrive, whether or not a consumer receives.
        """
        return self._core.state.resumption_handle

    @property
    def usage(self) -> UsageMetadata:
        """Token counts of the session: the turns added up, of each turn the last count that the server gave."""
        return self._core.state.usage.total

    @property
    def pending_calls(self) -> tuple[FunctionCall, ...]:
        """The function calls that wait for `send_function_responses()`, the oldest first.

        Not those that functions given as tools answer, nor those that the server has cancelled.
        """
        return tuple(call.call for call in self._core.state.calls.waiting)

    @property
    def tool_statistics(self) -> ToolStatistics:
        """The counts of the calls that functions given as tools answer, by outcome."""
        functions = self._core.functions
        return functions.statistics if functions else ToolStatistics()

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
        self._core.check_receivable()
        return MessageStream(self._core.state, check_timeout(timeout), self)

    def receive_turn(self, timeout: float | None = None) -> TurnStream:
        """Iterates over the messages of one turn; its `turn` is the `Turn` put together so far.

        Ends after the last message of the frame that ends the turn: with `interactionStatus` IDLE where the server
        gives one, else with `turnComplete`. It goes on past a `LiveServerToolCall`, which can be answered meanwhile,
        and, where the model ends the turn without waiting for a function, on to the turn in which it speaks of the
        answer; if it says nothing within `timeout`, the iterator ends. What is left of an earlier turn, begun before
        the last request, is skipped.

        Args:
            timeout: Seconds of silence between two messages; default `SessionOptions.turn_timeout`, 60.

        Raises as `receive()` does, and `ConnectionClosedError` whenever the session ends before the turn, also with
        code 1000; it and `ReceiveTimeout` hold the turn so far in `turn`.
        """
        self._core.check_receivable()
        return self._turn_stream(timeout)

    def ask(self, request: Request, *, timeout: float | None = None) -> Turn:
        """Sends a complete turn and returns the answer, put together.

        Where the session is resumed meanwhile and the server knows nothing of the request, it is sent again.
        Functions given as tools run when the model calls them, and `ask()` goes on until the model has spoken of their
        answers, be it in a turn of its own, as today's models do; what it said before is part of the `Turn`, and a
        SILENT answer is not waited for. The time that a function takes does not count as silence, unless it is declared
        as NON_BLOCKING. Where the model has ended its turn and says nothing more within `timeout`, the turn so far is
        returned; what it says later of a function is skipped by the next `ask()`. At a call that is yours to answer,
        the turn so far is returned, with `complete=False`: answer `pending_calls` with `send_function_responses()` and
        go on with `receive_turn()`.

        Args:
            request: Text, a part, or a sequence of both.
            timeout: Seconds of silence between two messages; default `SessionOptions.turn_timeout`, 60.

        Raises as sending and `receive_turn()` do. A frame that cannot be read is logged and kept in
        `Turn.problems`.
        """
        self._core.check_receivable()
        message = requests.client_content(request, turn_complete=True)
        stream = self._turn_stream(timeout)
        stream.claim()
        try:
            return Question(self._core, message, stream).ask()
        finally:
            stream.close()

    def _turn_stream(self, timeout: float | None) -> TurnStream:
        silence = self._core.options.turn_timeout if timeout is None else check_timeout(timeout)
        return TurnStream(self._core.state, silence, self)

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
            self._core.send_request(message, timeout)
        else:
            self._core.send(message, timeout, InterruptionHook(self._core.state))
            self._core.state.user.leave_turn_open()

    def interrupt(self, *, timeout: float | None = None) -> None:
        """Asks the model to stop (`clientContent` with nothing but `turnComplete: false`).

        The server answers with `interrupted` and then `turn_complete`. Not every model obeys: most do when they hear
        speech, or any new turn.
        """
        self._core.send(LiveClientContent(turn_complete=False), timeout, InterruptionHook(self._core.state))

    # Sending as it happens.

    def send_text_realtime(self, text: str, *, timeout: float | None = None) -> None:
        """Sends what the user typed (`realtimeInput.text`); under automatic detection it asks for an answer."""
        asks = requests.detects_activity(self._core.setup.generation_config)
        self._core.send_input(requests.text_input(text), timeout, InputHook(self._core.state, asks=asks))

    def send_audio_realtime(self, audio: Media, *, timeout: float | None = None) -> None:
        """Sends a piece of what the microphone hears (`realtimeInput.audio`).

        Args:
            audio: Plain bytes of mono PCM, 16-bit signed little-endian, 16,000 Hz; a `PcmAudio`, which goes out with
                its rate; or a blob whose `mime_type` says what it is. Pieces of 20 to 100 ms (640 to 3,200 bytes), at
                the pace of real time, work best.
            timeout: Seconds to wait; default `SessionOptions.send_timeout`, 30.
        """
        self._core.send_input(requests.audio_input(audio), timeout)

    def send_video_realtime(self, video: GenerativeContentBlob, *, timeout: float | None = None) -> None:
        """Sends one still image (`realtimeInput.video`), such as `image/jpeg`; at most one a second is looked at."""
        self._core.send_input(requests.video_input(video), timeout)

    def send_media_chunks(self, media_chunks: Iterable[Media], *, timeout: float | None = None) -> None:
        """Sends each chunk as a message of its own, in order.

        `audio/*` goes out as `realtimeInput.audio`, `image/*` and `video/*` as `realtimeInput.video`, anything else
        as `realtimeInput.mediaChunks`. All chunks are looked at before the first is sent.
        """
        self._core.check_usable()
        for message in [requests.media_input(chunk) for chunk in requests.chunks_of(media_chunks)]:
            self._core.send_input(message, timeout)

    def send_media_stream(self, media_chunk_stream: Iterable[Media], *, timeout: float | None = None) -> None:
        """Sends chunks as the iterable yields them, and returns when it ends; it sets the pace.

        Args:
            media_chunk_stream: Blobs, or bytes of PCM as in `send_audio_realtime()`; consumed lazily.
            timeout: Seconds to wait for each chunk to be written.

        Raises as sending does, and `InvalidRequestError` when the iterable raised: that error is its cause.
        """
        self._core.check_usable()  # also where the first chunk takes long, or there is none
        for chunk in requests.chunks_of(media_chunk_stream):
            self._core.send_input(requests.media_input(chunk), timeout)

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
            live: True for what goes on without being looked at, such as a camera: frames are taken as fast as
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

        self._core.check_usable()
        return VideoStream(self._core, frames, fps, live, max_side).run()

    def send_activity_start(self, *, timeout: float | None = None) -> None:
        """Says that the user begins to speak (`activityStart`); automatic detection must be off.

        Where the session is resumed before `send_activity_end()`, it is said again, before anything else is sent.
        """
        self._core.check_usable()
        requests.check_activity(self._core.setup.generation_config, manual=True, method="send_activity_start")
        activity = ActivityHook(self._core.state, begins=True)
        self._core.send_input(LiveClientRealtimeInput(activity_start=ActivityStart()), timeout, activity)

    def send_activity_end(self, *, timeout: float | None = None) -> None:
        """Says that the user has spoken (`activityEnd`), which asks for an answer; automatic detection must be off."""
        self._core.check_usable()
        requests.check_activity(self._core.setup.generation_config, manual=True, method="send_activity_end")
        activity = ActivityHook(self._core.state, begins=False)
        self._core.send_input(LiveClientRealtimeInput(activity_end=ActivityEnd()), timeout, activity)

    def send_audio_stream_end(self, *, timeout: float | None = None) -> None:
        """Says that the microphone pauses (`audioStreamEnd`); automatic detection must be on, as it is by default."""
        self._core.check_usable()
        requests.check_activity(self._core.setup.generation_config, manual=False, method="send_audio_stream_end")
        self._core.send_input(LiveClientRealtimeInput(audio_stream_end=True), timeout)

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
        self._core.check_usable()
        self._core.responder.answer_by_hand(function_responses, timeout)

    # Ending, and going on.

    def close(self, *, timeout: float | None = None) -> None:
        """Ends the session; callable from any thread and any number of times.

        Returns when the closing handshake is done and functions that the model has called have returned, or within
        `timeout` (default `SessionOptions.close_timeout`, 5) plus half a second, whatever the server and other
        threads do. An iterator that is open yields what had arrived and stops; a send that is stuck raises; the
        `CancelToken`s of running functions are set. Never raises for the state of the network.
        """
        self._core.state.check_process()
        self._core.close(timeout)
        self._finalizer.detach()  # not before: Ctrl-C may come in close()

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
        self._core.check_usable()
        check_resumption(session_resumption)
        self._core.resume(session_resumption)


def face_of(core: SessionCore) -> LiveSession:
    """Returns the session of a core, which is abandoned when the last reference is gone. For `connect()`."""
    return LiveSession._of(core)  # the constructor refuses, so that users come to connect()


def core_of(session: LiveSession) -> SessionCore:
    """Returns the working parts of a session, for the packages of this library that stand beside it."""
    return session._core  # the one place that looks inside: what is public is what users see


def on_forgotten(reference: weakref.ref[LiveSession], core: SessionCore) -> None:
    """Ends a session whose last reference is gone, without a word; at exit, where it is still held, the system does.

    Ending it at exit would only make the waits of daemon threads raise while the interpreter goes down. This may run on
    any thread, also on the reader thread in the middle of its work: it only sets flags and wakes.
    """
    if core.needs_warning:
        if reference() is None:
            core.abandon()
        warnings.warn("a LiveSession was not closed: use `with`, or call close()", ResourceWarning, stacklevel=2)
    elif core.state.is_of_this_process and reference() is None:
        core.abandon()
