"""The journal of what clients did, for tests to look at and wait for: handshakes and messages. Any thread may read."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

from attrs import evolve, frozen

from livesession.emulator.protocol.routes import BackEndKind


@frozen
class Received:
    """One message of a client."""

    connection: int
    """Number of the connection, from 1 in the order of the upgrades."""
    message: dict[str, object]
    """The message as it was written: no key is renamed, nothing is filled in."""
    opcode: Literal["text", "binary"]
    at: float
    """When it arrived, in seconds of `time.monotonic`."""


@frozen
class Handshake:
    """The beginning of a connection."""

    connection: int
    path: str
    """The request target as the client sent it, with repeated slashes and query."""
    headers: dict[str, str]
    """Header names in lower case."""
    kind: BackEndKind
    """The back end that the path belongs to."""
    setup: dict[str, object] | None = None
    """The `setup` as it was written; None until it has come."""


class Journal:
    """Keeps the last `keep` messages and every handshake."""

    def __init__(self, keep: int) -> None:
        # Guards the three attributes below it; held only to copy or append, never while a predicate runs.
        self._changed = threading.Condition()
        self._records: deque[Received] = deque(maxlen=keep)
        self._count = 0
        self._handshakes: dict[int, Handshake] = {}

    def open(self, path: str, headers: Mapping[str, str], kind: BackEndKind) -> int:
        """Enter a handshake and return the number of its connection."""
        with self._changed:
            number = len(self._handshakes) + 1
            self._handshakes[number] = Handshake(number, path, dict(headers), kind)
            return number

    def record(self, connection: int, message: dict[str, object], *, text: bool) -> None:
        entry = Received(connection, message, "text" if text else "binary", time.monotonic())
        setup = message.get("setup")
        with self._changed:
            known = self._handshakes[connection]
            if known.setup is None and isinstance(setup, dict):
                self._handshakes[connection] = evolve(known, setup=setup)
            self._records.append(entry)
            self._count += 1
            self._changed.notify_all()

    def received(self) -> tuple[Received, ...]:
        with self._changed:
            return tuple(self._records)

    def handshakes(self) -> tuple[Handshake, ...]:
        with self._changed:
            return tuple(self._handshakes.values())

    def wait_for(self, predicate: Callable[[Received], object], timeout: float) -> Received:
        """Return the first record, past or to come, that satisfies `predicate`; `TimeoutError` after `timeout` s."""
        deadline = time.monotonic() + timeout
        seen = 0
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: self._count > seen, deadline - time.monotonic()):  # noqa: B023
                    raise TimeoutError(self._report(timeout))
                fresh = list(self._records)[-(self._count - seen) :]
                seen = self._count
            for record in fresh:
                if predicate(record):
                    return record

    def _report(self, timeout: float) -> str:
        last = ", ".join("/".join(record.message) for record in list(self._records)[-5:]) or "nothing"
        return f"No message satisfied the predicate within {timeout:g} s; {self._count} came, the last ones: {last}."
