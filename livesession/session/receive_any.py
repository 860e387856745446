"""`receive_any()`: the messages of many sessions, in one thread."""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Callable, Iterable

from attrs import frozen

from livesession.errors import ProtocolError, ReceiveTimeout, ResumptionError, SessionClosedError
from livesession.messages.server import LiveServerMessage
from livesession.options import check_timeout
from livesession.session.live_session import LiveSession, core_of
from livesession.session.streams import MessageStream
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["LiveSessionEnded", "SessionsStream", "receive_any"]

numbers = itertools.count()


@frozen
class LiveSessionEnded:
    """The last thing that `receive_any()` yields of a session.

    Attributes:
        error: Why it ended, as `receive()` would have raised it; None after `close()`, and after a server's close
            with code 1000.
    """

    error: SessionClosedError | ResumptionError | None = None


News = LiveServerMessage | ProtocolError | LiveSessionEnded


class Ready:
    """The numbers of sessions that have news, each once, in the order in which they came; used by all threads."""

    def __init__(self) -> None:
        self.notifier = Notifier()
        self._numbers: deque[int] = deque()
        self._queued: set[int] = set()

    def push(self, number: int) -> None:
        if number not in self._queued:
            self._queued.add(number)
            self._numbers.append(number)
            self.notifier.notify()

    def pop(self) -> int | None:
        if not self._numbers:
            return None
        number = self._numbers.popleft()
        self._queued.discard(number)  # before its inbox is looked into, so that what comes after that is told anew
        return number

    def is_any(self) -> bool:
        return bool(self._numbers)


class Feed(MessageStream):
    """One session's part in the iterator over many."""

    __slots__ = ("_ended", "queue", "session")

    def __init__(self, session: LiveSession) -> None:
        core = core_of(session)
        super().__init__(core.state, 0, session)
        self.session = session
        self.queue = core.state.queue
        self._ended: LiveSessionEnded | None = None
        try:
            core.check_receivable()
            self.claim()
        except (SessionClosedError, ResumptionError) as error:
            self._ended = LiveSessionEnded(error)

    def poll(self) -> News | None:
        """Takes the next message without waiting; None when there is none."""
        if self._ended is not None:
            return self._ended
        self._is_new = True  # in between, the session may have been asked something in this thread
        if self.queue.empty():
            return None
        try:
            return next(self)
        except ReceiveTimeout:
            return None
        except ProtocolError as problem:
            return problem
        except StopIteration:
            return LiveSessionEnded()
        except (SessionClosedError, ResumptionError) as error:
            return LiveSessionEnded(error)


class SessionsStream:
    """The iterator that `receive_any()` returns: over pairs `(session, message)`.

    Iterate in one thread at a time; `add()` and `close()` may be called from any.
    """

    def __init__(self, sessions: Iterable[LiveSession], timeout: float | None) -> None:
        self._timeout = check_timeout(timeout)
        self._ready = Ready()
        self._feeds: dict[int, Feed] = {}
        self._pushers: dict[int, Callable[[], None]] = {}
        for session in sessions:
            self.add(session)

    def __repr__(self) -> str:
        return f"<SessionsStream of {len(self._feeds)} sessions>"

    def __iter__(self) -> SessionsStream:
        return self

    def add(self, session: LiveSession) -> None:
        """Receives from one more session; callable from any thread, also after the others have ended.

        Raises `ConcurrentReceiveError` when another thread is receiving from it.
        """
        feed, number = Feed(session), next(numbers)
        self._feeds[number] = feed
        push = self._pushers[number] = functools.partial(self._ready.push, number)
        # It holds no session, so that a stream that is dropped lets go of all of them at once.
        feed.queue.add_listener(push)
        self._ready.push(number)

    def __next__(self) -> tuple[LiveSession, News]:
        """The next message of any session, of each in turn.

        Raises:
            StopIteration: All sessions have ended, or the stream was closed; it goes on when one is added.
            ReceiveTimeout: No message of any session within the time; the iterator goes on.
            ConcurrentReceiveError: Another thread has begun to receive from one of them.
        """
        deadline: Deadline | None = None
        while self._feeds:
            number = self._ready.pop()
            if number is None:
                deadline = deadline or Deadline(self._timeout)
                self._wait(deadline)
            elif (feed := self._feeds.get(number)) and (news := self._poll(number, feed)):
                return feed.session, news
        raise StopIteration

    def _wait(self, deadline: Deadline) -> None:
        if not self._ready.notifier.wait_until(lambda: self._ready.is_any() or not self._feeds, deadline):
            raise ReceiveTimeout(
                f"No message of any of {len(self._feeds)} sessions came within {self._timeout:g} s; they go on."
            )

    def _poll(self, number: int, feed: Feed) -> News | None:
        news = feed.poll()
        if isinstance(news, LiveSessionEnded):
            self._stop_listening(number, feed)
            self._feeds.pop(number, None)
        elif not feed.queue.empty():
            self._ready.push(number)  # at the end, so that the others have their turn first
        return news

    def _stop_listening(self, number: int, feed: Feed) -> None:
        push = self._pushers.pop(number, None)
        if push is not None:
            feed.queue.remove_listener(push)

    def close(self) -> None:
        """Ends the iterator and lets go of all sessions, which stay open; nothing that arrived is lost."""
        feeds, self._feeds = self._feeds, {}
        for number, feed in feeds.items():
            self._stop_listening(number, feed)
            feed.close()
        self._ready.notifier.notify()


def receive_any(sessions: Iterable[LiveSession], timeout: float | None = None) -> SessionsStream:
    """Iterates over the messages of many sessions in one thread, of each in turn.

    Yields `(session, message)` pairs as messages arrive. A session's end is yielded too, as
    `(session, LiveSessionEnded(error))`, and a message that could not be read as its `ProtocolError`: neither is
    raised, so one session does not stop the others. Ends when all sessions have ended.

        for session, message in receive_any(sessions):
            if isinstance(message, LiveSessionEnded):
                print("ended:", message.error)
            elif isinstance(message, LiveServerContent):
                print(message.text)

    Each session is received from by this iterator only, as with `session.receive()`; meanwhile any thread may send,
    and this one may use `ask()`. Leaving the loop loses nothing: another `receive_any()` or `receive()` goes on.

    Args:
        sessions: Of one that has ended already, that is yielded; more can be added with `add()`.
        timeout: Seconds to wait for a message of any session; None waits without an end, 0 polls.

    Raises:
        ConcurrentReceiveError: Another thread is receiving from one of them.
        ReceiveTimeout: From the iterator, which goes on: no message came within `timeout`.
    """
    return SessionsStream(sessions, timeout)
