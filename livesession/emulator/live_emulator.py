"""`LiveEmulator`: the Live service on loopback, on a background thread, for code that blocks."""

from __future__ import annotations

import ssl
import time
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from livesession.emulator.client_backends import backend_at, environment_for, key_of
from livesession.emulator.emulated_connection import EmulatedConnection
from livesession.emulator.event_loop import LoopThread
from livesession.emulator.extra_imports import require_extra
from livesession.emulator.gateway import Gateway, Work, drop
from livesession.emulator.journal import Journal
from livesession.emulator.journal_queries import JournalQueries
from livesession.emulator.replay.mismatch import ReplayMismatch
from livesession.emulator.replay.player import Replay, ReplayManner
from livesession.emulator.replay.recorded_session import RecordingSource, load_recording
from livesession.emulator.responder import Responder
from livesession.emulator.scripting.script_methods import ScriptMethods
from livesession.emulator.service import Service

if TYPE_CHECKING:
    from livesession.backends import FirebaseAI, GoogleAI, VertexAI

_CONTROL_TIMEOUT = 5.0


class LiveEmulator(ScriptMethods, JournalQueries):
    """A real WebSocket server that behaves like the Live service of all three back ends. No key, no network.

    Use it as a context manager, or call `start` and `stop`. Its methods and properties may be used from any
    thread, but not from inside its own event loop.
    """

    def __init__(
        self,
        responder: Responder | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        api_keys: Collection[str] | None = None,
        connection_limit: float | None = None,
        go_away_notice: float = 10.0,
        chunk_ms: int = 40,
        pace: float = 0.0,
        keep_received: int = 10_000,
        strict: bool = False,
    ) -> None:
        """
        Args:
            responder: Answers the turns that nothing is scripted for, see `Responder`; None is `echo`.
            host: The address to listen on.
            port: 0 for any free one.
            ssl_context: The server's side of TLS; None is plain `ws://`.
            api_keys: The keys and tokens that are let in; None lets any in that is not empty.
            connection_limit: Seconds after its setup at which a connection is closed with 1011; None is never.
            go_away_notice: Seconds before the limit at which `goAway` is sent.
            chunk_ms: Milliseconds of audio in each message that goes out.
            pace: Seconds of audio that go out in a second; 0 sends a whole answer at once, which leaves nothing
                to interrupt, 1 plays in real time.
            keep_received: How many of the last messages `received` keeps.
            strict: Whether a turn that nothing is scripted for is a mistake: its connection is closed with 1008, and
                the end of the `with` block raises an `AssertionError` with the `problems`.
        """
        super().__init__(responder, strict=strict)
        if chunk_ms < 1 or pace < 0 or go_away_notice < 0:
            raise ValueError("chunk_ms must be at least 1, pace and go_away_notice at least 0.")
        self._address = (host, port)
        self._ssl_context = ssl_context
        self._api_keys = api_keys
        self._journal = Journal(keep_received)
        self._service = Service(
            self._responder,
            self._journal,
            chunk_ms,
            pace,
            connection_limit,
            go_away_notice,
            arrivals=self._arrivals,
            report=self._problems.append,
        )
        self._replay: Replay | None = None
        self._thread: LoopThread | None = None
        self._gateway: Gateway | None = None

    @classmethod
    def replay(
        cls,
        recording: RecordingSource,
        *,
        session: str | None = None,
        pace: float = 0.0,
        strict: bool = True,
        compare_audio: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        api_keys: Collection[str] | None = None,
    ) -> LiveEmulator:
        """Return an emulator that plays a recorded session to those who connect, on whatever back end.

        A server frame is sent as it was recorded, in a binary frame, when the client has sent what had been sent
        before it. Each client gets the recording's next connection, after the last one the first again; where the
        recording's server closed, it is closed, else it stays open.

        A client that sends something else is closed with 1008, and the end of the `with` block raises a
        `ReplayMismatch`, an `AssertionError` that shows the difference; so it does where the client did not send
        all that was recorded. Messages are compared by what they mean: neither the order of keys nor the way
        numbers are written counts, nor how realtime audio is cut into pieces, nor in which order threads that send
        audio, pictures, text, turns and answers to functions took turns. What the client's code raised is not
        lost: an error that comes from the departure is the mismatch's cause, any other goes on, caused by it.

        Args:
            recording: A recording of `connect(record=...)`, a file of JSON lines with one session each, or one such
                session as a mapping; see `RecordingSource` and docs/recordings.md.
            session: Which one, by name, where the file holds several.
            pace: Seconds of the recording that pass in a second: 1 plays it as it was, 0 as fast as the client goes.
            strict: False takes any message of the client for the next one, and never raises.
            compare_audio: False for sound from a microphone, which is another each time: server frames come when as
                much was heard as in the recording, whatever it was, or when the client has gone on.

        Raises:
            ValueError: For a file in another format, or a choice that is missing or ambiguous (it lists the names).
            OSError: If the file, or a WAV file that belongs to it, cannot be read.
        """
        if pace < 0:
            raise ValueError(f"pace must be at least 0, not {pace!r}.")
        emulator = cls(host=host, port=port, ssl_context=ssl_context, api_keys=api_keys)
        return emulator._playing(Replay(load_recording(recording, session), ReplayManner(pace, strict, compare_audio)))

    def _playing(self, replay: Replay) -> LiveEmulator:
        """Has a recording played, and nothing scripted."""
        self._replay = replay
        self._replays = True
        return self

    def __repr__(self) -> str:
        return f"<LiveEmulator {self.url}>" if self._thread else "<LiveEmulator stopped>"

    # Life.

    def start(self) -> LiveEmulator:
        """Listen, and return the emulator itself; it does nothing when it is listening already.

        Raises:
            MissingExtraError: Without the packages of the extra `emulator`.
            OSError: If the address cannot be listened on.
        """
        if self._thread is None:
            require_extra()
            gateway = Gateway(self._service, self._api_keys, self._replay)
            thread = LoopThread("livesession-emulator")
            try:
                thread.run(gateway.listen(*self._address, self._ssl_context), _CONTROL_TIMEOUT)
            except BaseException:
                thread.stop(_CONTROL_TIMEOUT)
                raise
            self._thread, self._gateway = thread, gateway
        return self

    def stop(self, timeout: float = 5.0) -> None:
        """Close every connection with 1001 and end the threads, within `timeout` seconds; again does nothing.

        Responders are told by `UserTurn.interrupted`; one that goes on regardless is left on its daemon thread.
        `received` and `handshakes` stay readable, and `start` may be called again.
        """
        thread, gateway = self._thread, self._gateway
        self._thread = self._gateway = None
        if thread is None or gateway is None:
            return
        deadline = time.monotonic() + timeout
        try:
            thread.run(gateway.shut_down(timeout / 2), timeout)
        finally:
            thread.stop(max(0.1, deadline - time.monotonic()))
            for responder in self._service.threads:
                responder.thread.join(max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> LiveEmulator:
        if self._thread is None:  # what went wrong in an earlier block was told at its end
            self._problems.clear()
            if self._replay is not None:
                self._replay.begin()
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._replay is not None and error is None:
            self._replay.wait_for_the_last()
        self.stop()
        if error is None:
            self._judge()
        if self._replay is not None:
            self._replay.judge(error)

    # Where it is.

    @property
    def port(self) -> int:
        """The port that is listened on; `RuntimeError` when not started."""
        return self._running()[1].port

    @property
    def url(self) -> str:
        """The base URL for clients, such as `ws://127.0.0.1:40123`; `RuntimeError` when not started."""
        host = f"[{self._address[0]}]" if ":" in self._address[0] else self._address[0]
        return f"{'wss' if self._ssl_context else 'ws'}://{host}:{self.port}"

    def backend(
        self,
        kind: Literal["google", "vertex", "firebase", "firebase-vertex"] = "google",
        *,
        ssl_context: ssl.SSLContext | None = None,
    ) -> GoogleAI | VertexAI | FirebaseAI:
        """Return the client's side: a back end that leads here, with a credential that is let in.

        Args:
            kind: Which of the services the emulator is to be.
            ssl_context: The client's side of TLS, for an emulator that was given one.
        """
        return backend_at(self.url, kind, key_of(self._api_keys), ssl_context)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead a program here unchanged, in its default back end: the base URLs, a key
        that is let in, no proxy. Those that would lead it elsewhere, such as GOOGLE_API_KEY and GOOGLE_CLOUD_PROJECT,
        are empty, which counts as not set. `RuntimeError` when not started.
        """
        return environment_for(self.url, key_of(self._api_keys))

    @property
    def connections(self) -> tuple[int, ...]:
        """The numbers of the connections that are open, oldest first."""
        gateway = self._gateway
        return gateway.numbers if gateway is not None else ()

    @property
    def mismatch(self) -> ReplayMismatch | None:
        """The departure of a client from the recording that is replayed, as soon as there is one; else None."""
        return self._replay.mismatch if self._replay is not None else None

    # Controls.

    def send(self, frame: Mapping[str, object] | str | bytes, connection: int | None = None) -> None:
        """Push a server frame to one connection, or to all.

        Args:
            frame: A mapping goes out as pretty-printed JSON in a binary frame and bytes as they are in a binary
                frame; a str goes out in a text frame.
            connection: A number from `connections`; None is all of them.

        Raises:
            LookupError: If that connection is not open.
            TimeoutError: If a client takes nothing for 5 seconds.
        """
        self._control(lambda client: client.send(frame), connection)

    def cancel_calls(self, ids: Collection[str] | None = None) -> list[str]:
        """Cancel function calls that are pending, and tell their clients so by `toolCallCancellation`.

        A responder that waits for such a call gets the answers to the others. A client whose answer crosses the
        cancellation is closed with 1008, as by the service.

        Args:
            ids: Which; None is all those of all connections.

        Returns:
            The ids of those that were pending.
        """
        cancelled: list[str] = []

        async def cancel(client: EmulatedConnection) -> None:
            cancelled.extend(await client.cancel_calls(ids))

        self._control(cancel)
        return cancelled

    def go_away(self, time_left: float) -> None:
        """Send `goAway` to every connection, and close it with 1011 in `time_left` seconds."""
        self._control(lambda client: client.go_away(time_left))

    def close_connections(self, code: int = 1000, reason: str = "") -> None:
        """Close every connection with this code and reason (at most 123 bytes of UTF-8)."""
        self._control(lambda client: client.socket.close(code, reason))

    def drop_connections(self) -> None:
        """Cut every TCP connection without a close frame."""
        self._control(drop)

    def _control(self, work: Work, number: int | None = None) -> None:
        thread, gateway = self._running()
        thread.run(gateway.each(work, number), _CONTROL_TIMEOUT)

    def _running(self) -> tuple[LoopThread, Gateway]:
        thread, gateway = self._thread, self._gateway
        if thread is None or gateway is None:
            raise RuntimeError("The emulator is not running: use it in a with statement, or call start().")
        return thread, gateway
