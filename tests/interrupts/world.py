"""What the operations work on: a server, sessions with it, and checks of what is left behind."""

from __future__ import annotations

import gc
import os
import ssl
import threading
import time
from collections.abc import Callable
from itertools import count

from livesession import (
    GoogleAI,
    LiveGenerativeModel,
    LiveSession,
    LiveSessionError,
    SessionOptions,
    SessionResumptionConfig,
)
from tests.interrupts.numbered_server import NumberedServer

LIMIT = 1.0  # seconds that each step of the library may take, by its options
PATIENCE = float(os.environ.get("INTERRUPTS_PATIENCE", "2.5"))  # seconds in which what should come about does
BOUND = 4.0  # seconds after which a try hangs
DESCRIPTORS = "/proc/self/fd"


class Fault(Exception):
    """What the library may not do."""


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    pause = 0.0001
    while not condition():
        if time.monotonic() > deadline:
            raise Fault(what)
        time.sleep(pause)
        pause = min(2 * pause, 0.01)


def own_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("livesession")]


def descriptors() -> int:
    return len(os.listdir(DESCRIPTORS)) if os.path.isdir(DESCRIPTORS) else 0


class World:
    """A server and how to connect to it."""

    def __init__(self, certificate: str | None = None, ca_file: str | None = None) -> None:
        self.is_tls = certificate is not None
        self.server = NumberedServer(certificate)
        context = ssl.create_default_context(cafile=ca_file) if ca_file else None
        options = SessionOptions(
            connect_timeout=LIMIT, setup_timeout=LIMIT, send_timeout=LIMIT, turn_timeout=LIMIT, close_timeout=LIMIT / 2
        )
        backend = GoogleAI(api_key="test-key", base_url=self.server.url, proxy=False, ssl_context=context)
        self.model = LiveGenerativeModel("test-model", backend=backend, options=options)
        self._names = count(1)
        self._descriptors = 0

    def name(self) -> str:
        """A text that was not sent before."""
        return f"m{next(self._names)}"

    def connect(self, *, resumable: bool = False) -> LiveSession:
        if not resumable:
            return self.model.connect()
        session = self.model.connect(session_resumption=SessionResumptionConfig())
        wait_until(lambda: session.resumption_handle, "no handle came")
        return session

    def settle(self) -> None:
        """Takes the present number of descriptors for what there is without a session."""
        self.check_nothing_is_left()
        self._descriptors = descriptors()

    def check_nothing_is_left(self) -> None:
        """Neither a thread, nor a connection, nor a descriptor, once all sessions are closed."""
        wait_until(lambda: not own_threads(), f"a thread stays: {own_threads()}")
        wait_until(lambda: not self.server.open_connections, "a connection stays open")
        self.server.forget_ended()
        if self._descriptors and descriptors() > self._descriptors:
            gc.collect()
            wait_until(lambda: descriptors() <= self._descriptors, "a descriptor stays open")

    def check_later_connect(self) -> None:
        """Another session can be had in this process."""
        try:
            session = self.connect()
            question = self.name()
            if session.ask(question).text is None:
                raise Fault("a later session gets no answer")
            session.close()
        except LiveSessionError as error:
            raise Fault(f"a later connect() fails: {type(error).__name__}: {error}") from None

    def check_frames(self) -> None:
        if faults := self.server.faults():
            raise Fault(f"the server got a broken frame: {faults[0]}")
