"""Starts threads so that Ctrl-C cannot come in the middle of it."""

from __future__ import annotations

import _thread
import threading

from livesession.sync.events import Event

__all__ = ["start"]

LONGEST = 30.0  # seconds for the system to start a thread


class Starting:
    """The start of one thread, on another one: `Thread.start()` waits on locks that an exception in it leaves taken."""

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread
        self._is_done = Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Starts the thread; on a helper thread, to which signals never come."""
        try:
            self._thread.start()
        except BaseException as error:
            self._error = error
        self._is_done.set()

    def wait(self) -> None:
        """Waits for `run()`. Raises what `Thread.start()` raised."""
        self._is_done.wait(LONGEST)
        if self._error is not None:
            raise self._error.with_traceback(None)


def start(thread: threading.Thread) -> None:
    """Starts a thread. Raises `RuntimeError` when the system gives none.

    On the main thread, where signals come, a helper does it: when Ctrl-C comes meanwhile, the thread is started or is
    about to be, and runs to its end.
    """
    if threading.get_ident() != threading.main_thread().ident:
        thread.start()
        return
    starting = Starting(thread)
    _thread.start_new_thread(starting.run, ())
    starting.wait()
