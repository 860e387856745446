"""What is interrupted, and what must be so afterwards.

Each operation keeps a session for as long as it is usable. `prepare()` brings about what `run()` needs; `run()` is
interrupted at one place; `check()` raises `Fault`. What `run()` gets of the library is collected by C code
(`list.extend`): what a method of the library has returned is in `self.got` for certain, also when the interruption
comes right behind it.
"""

from __future__ import annotations

import contextlib
import time
from itertools import islice, starmap

from livesession import LiveSession, LiveSessionError, ReceiveTimeout, ResumptionError
from tests.interrupts.numbered_server import answer_text
from tests.interrupts.world import LIMIT, Fault, World, wait_until

ARRIVAL = 0.0005  # seconds for what the server sends to be read; nothing tells of that, and a miss is another place


class Operation:
    """One operation of the library.

    Attributes:
        world: Where it takes place.
        session: The session that it is done with, where there is one before it.
        got: What it returned.
        may_raise: Whether it may raise an error of the library, beside being interrupted.
    """

    resumable = False
    may_raise = False
    timeout = LIMIT  # seconds for the next call

    def __init__(self, world: World) -> None:
        self.world = world
        self.session: LiveSession | None = None
        self.got: list = []

    def prepare(self) -> None:
        self.got = []
        if self.session is None or self.session.is_closed:
            self.close()
            self.session = self.world.connect(resumable=self.resumable)
            self.connected()
        self.ready()

    def connected(self) -> None:
        """There is a new session."""

    def ready(self) -> None:
        """The session is usable; what else is needed?"""

    def run(self) -> None:
        raise NotImplementedError

    def interrupt(self) -> None:
        """What the signal handler does."""
        raise KeyboardInterrupt

    def check(self, *, whole: bool) -> None:
        """`whole`: it was neither interrupted nor did it raise."""
        raise NotImplementedError

    def close(self) -> None:
        """Closes the session, which must leave nothing."""
        session, self.session = self.session, None
        if session is not None:
            session.close()
            self.world.check_nothing_is_left()

    def give_up(self) -> None:
        """After a fault, nothing of the session can be relied upon."""
        self.session = None

    def check_sends(self) -> bool:
        """Whether the session goes on: a send gets through whole, or raises that the session has ended."""
        assert self.session is not None
        name = self.world.name()
        try:
            self.session.send(name, timeout=self.timeout)
        except LiveSessionError as error:
            if not self.session.is_closed:
                raise Fault(f"the next send() raises {type(error).__name__} though the session is open") from None
            return False
        wait_until(lambda: self.world.server.heard(name) or self.session.is_closed, "what the next send() sent is lost")
        self.world.check_frames()
        return not self.session.is_closed

    def check_asks(self) -> None:
        """The session's next question gets its own answer, unless the session has ended."""
        assert self.session is not None
        name = self.world.name()
        try:
            text = self.session.ask(name, timeout=LIMIT).text
        except ReceiveTimeout:
            raise Fault("the next ask() gets no answer") from None
        except LiveSessionError as error:
            if not self.session.is_closed:
                raise Fault(f"the next ask() raises {type(error).__name__} though the session is open") from None
            return
        if text != answer_text(name):
            raise Fault(f"the next ask() gets {text!r} instead of {answer_text(name)!r}")

    def check_sent(self, name: str, *, whole: bool) -> None:
        times = self.world.server.heard(name)
        if times > 1 or (whole and times == 0):
            raise Fault(f"the server has the message {times} times")


class Send(Operation):
    def ready(self) -> None:
        self.name = self.world.name()

    def run(self) -> None:
        self.session.send(self.name)

    def check(self, *, whole: bool) -> None:
        if self.check_sends() or whole:
            wait_until(lambda: not whole or self.world.server.heard(self.name), "what was sent is lost")
        self.check_sent(self.name, whole=whole)


class SendResumable(Send):
    """The same with a session that notes what it may have to send again."""

    resumable = True
    timeout = 3 * LIMIT  # a torn message has the connection replaced

    def ready(self) -> None:
        super().ready()
        self.check_asks()  # a connection on which no turn was completed is replaced later and later


class SendLarge(Operation):
    """A message of many pieces."""

    size = 300_000

    def ready(self) -> None:
        self.name = self.world.name() + "x" * self.size

    def run(self) -> None:
        self.session.send(self.name)

    check = Send.check


class Ask(Operation):
    def ready(self) -> None:
        self.name = self.world.name()

    def run(self) -> None:
        self.got.extend(map(self.session.ask, (self.name,)))

    def check(self, *, whole: bool) -> None:
        if self.got and self.got[0].text != answer_text(self.name):
            raise Fault(f"ask() gets {self.got[0].text!r} instead of {answer_text(self.name)!r}")
        if whole and not self.got:
            raise Fault("ask() returned nothing")
        self.check_asks()
        self.check_sent(self.name, whole=whole)


class Next(Operation):
    """`next()` of `receive()`, where a message is waiting already."""

    verb = "feed"

    def connected(self) -> None:
        self.stream = self.session.receive(timeout=LIMIT)
        self.following = 0

    def ready(self) -> None:
        self.session.send(f"{self.verb} 2")
        if self.verb == "feed":
            wait_until(self._is_fed, "the server does not feed")
            time.sleep(ARRIVAL)

    def _is_fed(self) -> bool:
        """Whether something waits to be received, as far as that can be told from outside."""
        return any(each.heard and each.heard[-1].startswith("feed") for each in self.world.server.served)

    def run(self) -> None:
        self.got.extend(islice(self.stream, 1))

    def check(self, *, whole: bool) -> None:
        numbers = [int(message.text) for message in self.got]
        self.session.send("feed 1")
        last = self.following + 2
        while not numbers or numbers[-1] < last:
            try:
                self.got.clear()
                self.got.extend(islice(self.stream, 1))
            except ReceiveTimeout:
                raise Fault(f"messages are lost: {numbers} came, {last} is the last") from None
            if not self.got:
                raise Fault("the iterator has ended")
            numbers += [int(message.text) for message in self.got]
        expected = list(range(self.following, last + 1))
        self.following = last + 1
        if numbers != expected:
            raise Fault(f"messages are lost or doubled: {numbers} instead of {expected}")


class NextThatWaits(Next):
    """`next()` where the message comes while it waits."""

    verb = "late"


class Receive(Next):
    """`receive()` and its first `next()`: another iterator takes over, in the same thread."""

    def run(self) -> None:
        self.stream = self.session.receive(timeout=LIMIT)
        self.got.extend(islice(self.stream, 1))

    def check(self, *, whole: bool) -> None:
        self.stream = self.session.receive(timeout=LIMIT)
        super().check(whole=whole)


class ReceiveTurn(Operation):
    def ready(self) -> None:
        self.name = self.world.name()
        self.streams: list = []  # here, as a storm may come before the first line of run()
        self.session.send(self.name, turn_complete=True)

    def run(self) -> None:
        streams = self.streams
        streams.extend(starmap(self.session.receive_turn, ((LIMIT,),)))
        self.got.extend(streams[0])

    def check(self, *, whole: bool) -> None:
        stream = self.streams[0] if self.streams else self.session.receive_turn(LIMIT)
        try:
            self.got.extend(stream)
        except LiveSessionError as error:
            raise Fault(f"the turn does not go on: {type(error).__name__}") from None
        text = "".join(message.text or "" for message in self.got)
        if text != answer_text(self.name):
            raise Fault(f"the turn is {text!r} instead of {answer_text(self.name)!r}")
        self.check_asks()


class Connect(Operation):
    """`connect()` in a process that has no other session."""

    def prepare(self) -> None:
        self.got = []

    def run(self) -> None:
        self.got.extend(starmap(self.world.model.connect, ((),)))

    def check(self, *, whole: bool) -> None:
        if self.got:
            self.session = self.got.pop()
            self.check_asks()
            self.close()
        elif whole:
            raise Fault("connect() returned nothing")
        self.world.check_nothing_is_left()
        self.world.check_later_connect()


class ConnectBeside(Connect):
    """`connect()` while another session is open, whose reader thread it shares."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.other: LiveSession | None = None

    def prepare(self) -> None:
        super().prepare()
        self.other = self.world.connect()

    def check(self, *, whole: bool) -> None:
        other, self.other = self.other, None
        name = self.world.name()
        if other.ask(name, timeout=LIMIT).text != answer_text(name):
            raise Fault("the other session gets another answer")
        other.close()
        super().check(whole=whole)


class Close(Operation):
    def run(self) -> None:
        self.session.close()

    def check(self, *, whole: bool) -> None:
        session = self.session
        if not whole:
            session.close()
        if not session.is_closed:
            raise Fault("the session is not closed")
        with contextlib.suppress(LiveSessionError):
            session.send("x")
            raise Fault("a closed session sends")
        self.session = None
        self.world.check_nothing_is_left()


class LeaveWith(Close):
    """The end of a `with` block."""

    def run(self) -> None:
        self.session.__exit__(None, None, None)


class CloseAndDrop(Close):
    """close(), which is not called again after the interruption: the session is dropped."""

    def check(self, *, whole: bool) -> None:
        self.session = None
        self.world.check_nothing_is_left()


class Resume(Operation):
    resumable = True

    def run(self) -> None:
        self.session.resume_session()

    def check(self, *, whole: bool) -> None:
        if self.check_sends():
            self.check_asks()
        elif whole:
            raise Fault("the session has ended")
        try:
            self.session.resume_session()
        except ResumptionError as error:
            if "already" in str(error):
                raise Fault("the session counts as being resumed, for ever") from None
        except LiveSessionError as error:
            raise Fault(f"resume_session() raises {type(error).__name__}: {error}") from None
        else:
            wait_until(lambda: self.session.resumption_handle, "no handle came")
            if not self.check_sends():
                raise Fault("the session that was resumed again has ended")
        wait_until(lambda: self.world.server.open_connections <= 1, "another connection stays open")


OPERATIONS: dict[str, type[Operation]] = {
    "send": Send,
    "send-resumable": SendResumable,
    "send-large": SendLarge,
    "ask": Ask,
    "next": Next,
    "next-that-waits": NextThatWaits,
    "receive": Receive,
    "receive-turn": ReceiveTurn,
    "connect": Connect,
    "connect-beside": ConnectBeside,
    "close": Close,
    "leave-with": LeaveWith,
    "close-and-drop": CloseAndDrop,
    "resume": Resume,
}
