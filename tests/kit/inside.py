"""Looks inside a session, for tests of what cannot be brought about from outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from livesession import LiveSession
from livesession.connection.writer import FrameWriter
from livesession.session.live_session import core_of

__all__ = ["busy", "core_of", "writer_busy"]


def writer_busy(session: LiveSession) -> AbstractContextManager[None]:
    """Holds the write lock on another thread, as a large message on a slow network does."""
    return busy(core_of(session).manager._slot.present._writer)


@contextmanager
def busy(writer: FrameWriter) -> Iterator[None]:
    """Holds a writer's lock on another thread."""
    lock = writer._write_lock
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        lock.take(has_it := [])
        assert has_it
        taken.set()
        done.wait()
        lock.release()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()
