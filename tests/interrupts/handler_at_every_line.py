"""Has a signal handler close a session at each place of the library in turn, on top of what the main thread does there.

    python tests/interrupts/handler_at_every_line.py --operation send --mode signal

The handler may neither hang nor make hang what it interrupts. Options and output are those of `every_line.py`.
"""

from __future__ import annotations

import sys
import time
from itertools import islice, starmap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from livesession import LiveSession, LiveSessionError
from tests.interrupts.numbered_server import answer_text
from tests.interrupts.operations import Operation
from tests.interrupts.walker import main
from tests.interrupts.world import LIMIT, Fault, World

CLOSE_TIMEOUT = 0.3
SLACK = 1.0  # half a second that close() may take beyond its timeout, and the noise of a busy machine
TOO_MUCH = 9_000_000  # bytes, more than the system takes for a server that does not read
SHORT = 0.05  # seconds for what cannot be sent


class OnTop(Operation):
    """An operation of a session that a signal handler closes meanwhile."""

    may_raise = True  # that the session is closed

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.target: LiveSession | None = None
        self.took: float | None = None

    def prepare(self) -> None:
        super().prepare()
        self.target, self.took = self.session, None

    def interrupt(self) -> None:
        began = time.monotonic()
        self.target.close(timeout=CLOSE_TIMEOUT)
        self.took = time.monotonic() - began

    def check(self, *, whole: bool) -> None:
        self.world.server.hear()
        if self.took is None:  # it came to no interruption
            self.close()
            return
        if self.took > CLOSE_TIMEOUT + SLACK:
            raise Fault(f"close() took {self.took:.2f} s")
        if not self.target.is_closed:
            raise Fault("the session is not closed")
        self.check_result(whole=whole)
        self.session = self.target = None
        self.world.check_nothing_is_left()
        self.world.check_later_connect()
        self.world.check_frames()

    def check_result(self, *, whole: bool) -> None:
        """What the operation itself returned."""


class Send(OnTop):
    def run(self) -> None:
        self.session.send("x")


class SendTooMuch(OnTop):
    """A send that times out, in the middle of a message that the server does not read."""

    def ready(self) -> None:
        self.session.send("deaf")

    def run(self) -> None:
        self.session.send("x" * TOO_MUCH, timeout=SHORT)


class Ask(OnTop):
    def run(self) -> None:
        self.session.ask("a question")


class Next(OnTop):
    """`next()` that waits, and one that finds a message."""

    def ready(self) -> None:
        self.stream = self.session.receive(timeout=LIMIT)

    def run(self) -> None:
        self.session.send("late 3")
        self.got.extend(islice(self.stream, 3))

    def check_result(self, *, whole: bool) -> None:
        numbers = [int(message.text) for message in self.got]
        try:
            numbers += [int(message.text) for message in self.stream]
        except LiveSessionError as error:
            raise Fault(f"the open iterator raises {type(error).__name__} after close()") from None
        if numbers != list(range(len(numbers))):
            raise Fault(f"messages are lost or doubled: {numbers}")


class Connect(OnTop):
    """`connect()`, while the handler closes another session."""

    may_raise = False

    def run(self) -> None:
        self.got.extend(starmap(self.world.model.connect, ((),)))

    def check(self, *, whole: bool) -> None:
        if self.got:
            session, name = self.got.pop(), self.world.name()
            if session.ask(name).text != answer_text(name):
                raise Fault("the new session gets another answer")
            session.close()
        elif whole:
            raise Fault("connect() returned nothing")
        super().check(whole=whole)


class Close(OnTop):
    def run(self) -> None:
        self.session.close(timeout=CLOSE_TIMEOUT)


class Resume(OnTop):
    resumable = True

    def run(self) -> None:
        self.session.resume_session()


OPERATIONS: dict[str, type[Operation]] = {
    "send": Send,
    "send-too-much": SendTooMuch,
    "ask": Ask,
    "next": Next,
    "connect": Connect,
    "close": Close,
    "resume": Resume,
}

if __name__ == "__main__":
    sys.exit(main(__file__, __doc__, OPERATIONS))
