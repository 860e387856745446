"""`SessionPool`: a session for each visitor of a web application, kept from request to request."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from livesession.errors import ConfigurationError, LiveSessionError
from livesession.web.answer_stream import AnswerEvents
from livesession.web.browser_voice import BrowserSocket, failure_note, talk, tell
from livesession.web.event_data import Describe, describe
from livesession.web.handle_waiter import HandleWaiter, OnHandle, log_errors
from livesession.web.leases import Leases
from livesession.web.reaper import Reaper
from livesession.web.session_opener import Connect, session_at

if TYPE_CHECKING:
    from livesession.messages.server import LiveServerMessage
    from livesession.session.live_session import LiveSession
    from livesession.session.requests import Request

__all__ = ["SessionPool", "all_pools"]

all_pools: weakref.WeakSet[SessionPool] = weakref.WeakSet()


class SessionPool:
    """Keeps a session for each visitor, and sees to it that one request at a time uses it.

    Make one at import, as the model: sessions are opened when they are first asked for, in the process that asks, so
    that workers may be forked at any time. All of it may be used from any thread and any greenlet. No lock is held
    while a session is being opened or closed; many visitors connect at the same time. Idle sessions are closed by the
    thread "livesession-web-pool", which runs while there are sessions; all are closed when the process exits.

    With more than one worker process, requests of one visitor come to different ones. A conversation can be open in
    one place only, so give `idle_timeout=0`: each request takes the conversation up by its resumption handle, and
    closes the session when the answer is complete. The handle has to be stored where all processes find it.

    Args:
        connect: Opens a session: `lambda handle: model.connect(session_resumption=SessionResumptionConfig(handle=
            handle))`. It is given None for a new conversation.
        limit: Sessions at a time, in each process, but for those that are just being closed; default 20.
        idle_timeout: Seconds after which a session that no request has used is closed; default 300. 0 closes it at
            the end of each request.
        evict_after: When there is no room, the session that was idle longest is closed for another visitor, if it was
            for so many seconds; default 30; `math.inf` for never.
        busy_timeout: Seconds for which a request waits for another one of the same visitor; default 5.
        handle_timeout: Seconds for which the end of a request waits for the handle that stands for its answer; the
            server sends it a moment after that; default 2.

    Raises:
        ConfigurationError: An option is out of range.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        limit: int = 20,
        idle_timeout: float = 300.0,
        evict_after: float = 30.0,
        busy_timeout: float = 5.0,
        handle_timeout: float = 2.0,
    ) -> None:
        if not callable(connect):
            raise TypeError(f"connect is a function that takes a handle or None, not {connect!r:.80}.")
        if not isinstance(limit, int) or limit < 1:
            raise ConfigurationError(f"limit is a whole number over 0, not {limit!r}.")
        times = {"idle_timeout": idle_timeout, "evict_after": evict_after, "busy_timeout": busy_timeout}
        for name, seconds in {**times, "handle_timeout": handle_timeout}.items():
            if not seconds >= 0:
                raise ConfigurationError(f"{name} is a number of seconds, 0 or more, not {seconds!r}.")
        self._connect = connect
        self._limit = limit
        self._idle_timeout = idle_timeout
        self._evict_after = evict_after
        self._busy_timeout = busy_timeout
        self._handle_timeout = handle_timeout
        self._by_process: dict[int, Reaper] = {}
        all_pools.add(self)

    def __repr__(self) -> str:
        return f"<SessionPool, {self.in_use} of {self._limit} places in use>"

    def __enter__(self) -> SessionPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def in_use(self) -> int:
        """The number of sessions that are open in this process, or being opened or closed."""
        return len(self._here.leases)

    @property
    def _here(self) -> Reaper:
        """The leases of this process. Its locks are made at the first use: gevent may be patched in after import."""
        pid = os.getpid()
        if pid not in self._by_process:
            self._by_process.setdefault(pid, Reaper(Leases(self._limit, self._evict_after), self._idle_timeout))
        return self._by_process[pid]

    # Requests.

    @contextmanager
    def lease(
        self, visitor: str, *, handle: str | None = None, on_handle: OnHandle | None = None, keep: bool = True
    ) -> Iterator[LiveSession]:
        """The visitor's session, for the `with` block; no other request uses it meanwhile.

        It is opened if there is none, or if the one that there is has ended, or knows nothing of `handle`, because the
        conversation went on in another process. A handle that the server does not know any more begins a new
        conversation, with a warning in the log. At the end of the block, the handle that stands for its last turn is
        waited for and stored. An error in the block leaves the session to the next request, and stores nothing; a
        generator that is closed inside it, as WSGI servers do when the browser has gone, has it closed.

        Args:
            visitor: Any text that tells visitors apart and that others cannot guess, such as a random one in the
                framework's session.
            handle: The handle that was stored after the visitor's last request; None if there is none.
            on_handle: Is called with the newest handle, to store it, before the session can be used by the next
                request; needed where there are several processes, or where conversations are to outlive the session.
            keep: False has the session closed at the end of the block.

        Raises:
            TypeError: `visitor` is no text, or empty; such visitors would share a session.
            PoolFullError: There is no room: answer 503, as `refusal()` does.
            SessionBusyError: Another request of the visitor's still uses it: 409.
            SessionClosedError: The pool was closed, or the visitor has left meanwhile.
            LiveSessionError: What `connect` raises.
        """
        if not isinstance(visitor, str) or not visitor:
            raise TypeError(f"A visitor is told from others by a text of their own, not by {visitor!r}.")
        reaper = self._here
        lease = reaper.take(visitor, self._busy_timeout)
        is_of_use = False
        try:
            session = session_at(lease, handle, self._connect)
            settling = HandleWaiter(session)
            is_of_use = keep
            yield session
            settling.wait(self._handle_timeout)
            if on_handle is not None and session.resumption_handle is not None:
                on_handle(session.resumption_handle)
        except GeneratorExit:
            is_of_use = False
            raise
        finally:
            if lease.session is not None:
                lease.note_handle(lease.session.resumption_handle)
            reaper.release(lease, keep=is_of_use)

    def answer(
        self,
        visitor: str,
        request: Request,
        *,
        handle: str | None = None,
        on_handle: OnHandle | None = None,
        heartbeat: float = 15.0,
        timeout: float | None = None,
        realtime_text: bool = False,
        describe: Describe = describe,
    ) -> Generator[str, None, None]:
        """Asks the visitor's session, and returns the answer as server-sent events: the body of a response.

        The question has been sent when it returns, so that what goes wrong until then can be answered with another
        status. From then on nothing is raised: a `failure` event tells the page. The session is let go of, and its
        handle stored, before the last event goes out, so that the page may ask on at once, in any process. When
        the browser goes in the middle of the answer, and the server closes the generator, the session is closed.
        Functions that the model may call have to be given to it as tools: no other code answers here.

        Args:
            visitor, handle, on_handle: As in `lease()`; `on_handle` is called on the thread that iterates, and what
                it raises is logged.
            request: Text, a part, or a sequence of both.
            heartbeat: Seconds without an event after which a comment is written; default 15. A closed tab shows on
                the second write after it at the latest.
            timeout: Seconds of silence of the model; default `SessionOptions.turn_timeout`, 60.
            realtime_text: Ask by `realtimeInput`, for models that answer only to that; the session is closed when the
                answer fails.
            describe: Makes the events of a message.

        Raises as `lease()` and as sending does; an `InvalidRequestError` for an empty question, too.
        """

        def events() -> Generator[str, None, None]:
            with self.lease(visitor, handle=handle, on_handle=log_errors(on_handle)) as session:
                answer = AnswerEvents(session, heartbeat, timeout, describe)
                answer.ask(request, realtime_text=realtime_text)
                yield ""
                last = yield from answer.follow()
            yield last

        begun = events()
        next(begun)
        return begun

    def talk(
        self,
        visitor: str,
        socket: BrowserSocket,
        *,
        handle: str | None = None,
        on_handle: OnHandle | None = None,
        on_message: Callable[[LiveServerMessage], None] | None = None,
    ) -> None:
        """Lets the visitor talk with the model over a browser's WebSocket; see `livesession.web.talk()`.

        Returns when the page has hung up, or the session has ended; the session is closed then. What goes wrong is
        logged, and the page is told in a `failure` message: it raises nothing of the session's.

        Args:
            visitor, handle, on_handle: As in `lease()`.
            socket: The browser's side, as flask-sock hands it to a view.
            on_message: Is told of every message of the model.
        """
        try:
            with self.lease(visitor, handle=handle, on_handle=on_handle, keep=False) as session:
                talk(session, socket, on_message=on_message)
        except LiveSessionError as error:
            tell(socket, failure_note(error))

    # Ending.

    def leave(self, visitor: str) -> None:
        """Closes the visitor's session, if there is one in this process; for a page that says that it is being left.

        Also while a request uses it, which ends then. Any thread; returns when it is closed.
        """
        self._here.leave(visitor)

    def close(self, *, grace: float = 0.0) -> None:
        """Closes all sessions of this process, at the same time; no more are opened. Any thread, any number of times.

        Args:
            grace: Seconds for which requests may go on that use one; idle ones are closed at once.

        Returns when that is done, after `grace` and some seconds at the latest. Never raises.
        """
        self._here.close(grace)

    def close_soon(self, *, grace: float = 0.0) -> None:
        """Begins to do as `close()` does, and returns at once; safe in signal handlers."""
        self._here.close_soon(grace)
