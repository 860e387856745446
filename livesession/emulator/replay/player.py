"""Plays a recording to whoever connects, and judges in the end whether they did what the recording's client did."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen

from livesession.emulator.journal import Journal
from livesession.emulator.protocol.parser import parse_message
from livesession.emulator.protocol.refusal import CloseRefusal, truncate_reason
from livesession.emulator.replay.matcher import LooseMatcher, Matcher, StrictMatcher
from livesession.emulator.replay.mismatch import DEPARTED, Departure, ReplayMismatch, departed, not_sent
from livesession.emulator.replay.recorded_session import RecordedConnection, RecordedEnd, Recording

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

_NOT_TO_BE_SENT = {1005, 1006, 1015}
_LAST_MESSAGES = 1.0
"""Seconds at the end of the block for messages that are still on their way."""


@frozen
class ReplayManner:
    """The manner in which a recording is played; see `LiveEmulator.replay`."""

    pace: float = 0.0
    strict: bool = True
    compare_audio: bool = True


class Replay:
    """A recording for the clients of one emulator: each gets the next connection, after the last the first again.

    `play` belongs to the loop's thread, the rest to any.
    """

    def __init__(self, recording: Recording, manner: ReplayManner) -> None:
        self._recording = recording
        self._manner = manner
        self._handles = frozenset(_handles(recording))
        self._changed = threading.Condition()  # guards the three below; held for moments
        self._plays: list[Matcher] = []
        self._open = 0  # connections that are being played
        self.mismatch: ReplayMismatch | None = None
        """The first departure of a client, as soon as it is known."""

    def begin(self) -> None:
        """Forget what the clients of an earlier block did."""
        with self._changed:
            self._plays.clear()
            self.mismatch = None

    async def play(self, socket: ServerConnection, number: int, journal: Journal, *, vertex: bool) -> None:
        """Play the next connection; ends with the connection."""
        with self._changed:
            position = len(self._plays) % len(self._recording.connections)
            connection = self._recording.connections[position]
            matcher = self._matcher(connection, vertex=vertex)
            self._plays.append(matcher)
            self._open += 1
        news = asyncio.Event()
        speaking = asyncio.ensure_future(_Speaker(socket, connection, matcher, news, self._manner.pace).speak())
        try:
            await self._listen(socket, number, journal, matcher, news)
        except Departure as departure:
            with self._changed:
                self.mismatch = self.mismatch or departed(self._recording.session, position + 1, departure)
                self._changed.notify_all()
            await socket.close(1008, truncate_reason(departure.reason))
        finally:
            speaking.cancel()
            with suppress(asyncio.CancelledError):
                await speaking
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def _matcher(self, connection: RecordedConnection, *, vertex: bool) -> Matcher:
        if not self._manner.strict:
            return LooseMatcher(connection)
        return StrictMatcher(
            connection,
            recorded_on_vertex=self._recording.backend == "vertex",
            vertex=vertex,
            handles=self._handles,
            compare_audio=self._manner.compare_audio,
        )

    async def _listen(
        self, socket: ServerConnection, number: int, journal: Journal, matcher: Matcher, news: asyncio.Event
    ) -> None:
        while True:
            data = await socket.recv()
            try:
                message = parse_message(data)
            except CloseRefusal as refusal:
                await socket.close(refusal.code, refusal.reason)
                return
            journal.record(number, message, text=isinstance(data, str))
            with self._changed:
                matcher.take(message)
                self._changed.notify_all()
            news.set()

    # The judgement.

    def wait_for_the_last(self) -> None:
        """Give what clients have sent the time to arrive."""
        with self._changed:
            self._changed.wait_for(lambda: self.mismatch or not self._open or not self._missing(), _LAST_MESSAGES)

    def judge(self, error: BaseException | None) -> None:
        """Raise `ReplayMismatch` where a client did not do what was recorded; `error` is what the user's code raised.

        An error that the departure has brought about is its cause. Any other goes its way, with the departure as
        the cause of the first of its chain; that the rest was not sent is no news then, but where a wait was in vain.
        """
        mismatch = self.mismatch
        if mismatch is None and (error is None or isinstance(error, TimeoutError)):
            mismatch = self._missing()
        if mismatch is None:
            return
        if error is None:
            raise mismatch
        if isinstance(error, Exception) and any(DEPARTED in str(each) for each in _chain(error)):
            raise mismatch from error
        *_, first = _chain(error)
        first.__cause__ = mismatch

    def _missing(self) -> ReplayMismatch | None:
        """The first message that no client has sent, where the recording is to be followed."""
        if not self._manner.strict:
            return None
        connections = self._recording.connections
        matchers = [*self._plays]
        unplayed = -len(matchers) % len(connections) if matchers else len(connections)
        matchers += [self._matcher(each, vertex=False) for each in connections[len(connections) - unplayed :]]
        for count, matcher in enumerate(matchers):
            if expected := matcher.missing:
                return not_sent(self._recording.session, count % len(connections) + 1, expected)
        return None


class _Speaker:
    """Sends the server's frames of one connection, each after what the client had sent before it."""

    def __init__(
        self,
        socket: ServerConnection,
        connection: RecordedConnection,
        matcher: Matcher,
        news: asyncio.Event,
        pace: float,
    ) -> None:
        self._socket = socket
        self._connection = connection
        self._matcher = matcher
        self._news = news
        self._pace = pace
        self._clock = asyncio.get_running_loop().time
        self._at = self._clock()
        self._last: float | None = None

    async def speak(self) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            for index, frame in enumerate(self._connection.frames):
                if frame.sender == "server":
                    await self._turn(index, frame.at)
                    await self._socket.send(frame.text.encode("utf-8", "surrogateescape"))
                self._last = frame.at
            if (end := self._connection.end) is not None and end.by != "client":
                await self._turn(len(self._connection.frames), end.at)
                await self._end(end)
        except ConnectionClosed:
            return

    async def _turn(self, index: int, at: float | None) -> None:
        """Wait until the client has done its part, and then for as long as it took in the recording."""
        while not self._matcher.has_come(index):
            self._news.clear()
            await self._news.wait()
            self._at = self._clock()
        if self._pace and at is not None and self._last is not None:
            self._at += max(0.0, at - self._last) / self._pace
            await asyncio.sleep(max(0.0, self._at - self._clock()))

    async def _end(self, end: RecordedEnd) -> None:
        if end.by == "network":
            self._socket.transport.abort()
        else:
            await self._socket.close(1000 if end.code in _NOT_TO_BE_SENT else end.code, truncate_reason(end.reason))


def _handles(recording: Recording) -> Iterator[str]:
    """The handles that the recording's server gave."""
    for frame in recording.frames:
        if frame.sender == "server" and "newHandle" in frame.text:
            with suppress(ValueError):
                update = json.loads(frame.text).get("sessionResumptionUpdate", {})
                yield str(update.get("newHandle"))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what brought it about."""
    seen: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in seen:
        yield each
        seen.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
