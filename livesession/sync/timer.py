"""The timer of the process: one thread calls every function at its time, however many are set.

The thread, a daemon named "livesession-timer", starts when a timer is set and none was, and ends as soon as none is
left. It calls the functions one after the other, so a function **must not wait**: not for a socket, nor for a lock
that another thread holds for long. One that has to wait hands its work to another thread.

Timers may be set and cancelled on any thread, in signal handlers, in finalizers and in the functions that are called:
nothing here waits, and no lock is held. A child of `fork` starts without timers; those of the parent stay there.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["TimerHandle", "join_idle_timer", "set_timer"]

NEXT_LOOK = 0.01  # seconds after which a caller that waits for the thread to end looks whether it has got new timers

logger = logging.getLogger("livesession")


class TimerHandle:
    """One timer that was set."""

    __slots__ = ("_number", "_timers")

    def __init__(self, timers: ProcessTimer, number: int) -> None:
        self._timers = timers
        self._number = number

    def cancel(self) -> None:
        """Prevents the call of the function; does nothing once the call has begun, and when repeated."""
        self._timers.cancel(self._number)


class ProcessTimer:
    """The timers that are set, and the thread that serves them.

    There is no lock: a signal handler or a finalizer may come on top of any line here, in the same thread, and set or
    cancel timers itself. So whatever several threads touch is one operation that the interpreter does not divide.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count()  # goes on in a child of fork, where the parent's handles must match nothing
        self.forget()

    def forget(self) -> None:
        """Drops all timers, in a child of fork: the thread that would serve them has stayed with the parent."""
        # Time on the monotonic clock, and function, by number.
        self._timers: dict[int, tuple[float, Callable[[], object]]] = {}
        self._notifier = Notifier()  # notified when a timer comes before all others, and when none is left
        self._wakes_at = -math.inf  # the time until which the thread sleeps
        self._thread: threading.Thread | None = None  # the last one that was started
        self._is_running = threading.Lock()  # held as long as there is a thread; never waited for

    def set(self, seconds: float, callback: Callable[[], object]) -> TimerHandle:
        """Has a function called; raises `RuntimeError` when the system gives no thread."""
        number, at = next(self._numbers), time.monotonic() + seconds
        self._timers[number] = (at, callback)
        if self._is_running.acquire(blocking=False):
            self._start(number)
        elif at < self._wakes_at:
            self._notifier.notify()
        return TimerHandle(self, number)

    def cancel(self, number: int) -> None:
        self._timers.pop(number, None)
        if not self._timers:
            self._notifier.notify()

    def join_if_idle(self, deadline: Deadline) -> None:
        """Waits for the thread to end if no timer is left; not when called on it."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        while thread.is_alive() and not self._timers and not deadline.expired():
            thread.join(deadline.within(NEXT_LOOK))

    def _start(self, number: int) -> None:
        self._thread = threading.Thread(target=self._run, name="livesession-timer", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._timers.pop(number, None)  # those that others have set meanwhile are served by the next thread
            self._is_running.release()
            raise

    # On the thread.

    def _run(self) -> None:
        while True:
            while self._timers:
                self._call_due()
                self._sleep()
            self._is_running.release()
            # A timer that was set just before that relied on this thread; one set after that has started another.
            if not self._timers or not self._is_running.acquire(blocking=False):
                return

    def _call_due(self) -> None:
        now = time.monotonic()
        # A copy, as other threads set and cancel timers meanwhile; making one is a single operation.
        due = sorted((at, number) for number, (at, _) in self._timers.copy().items() if at <= now)
        for _, number in due:
            timer = self._timers.pop(number, None)
            if timer is not None:  # else one that was called before it has cancelled it
                call(timer[1])

    def _sleep(self) -> None:
        # The notifier looks once more before it waits, so a timer set at any moment is either seen by that look, or
        # its setter sees _wakes_at, and notifies.
        self._wakes_at = self._nearest()
        self._notifier.wait(self._has_news, max(0.0, self._wakes_at - time.monotonic()))

    def _has_news(self) -> bool:
        return not self._timers or self._nearest() < self._wakes_at

    def _nearest(self) -> float:
        # Looked for among all: it takes some 0.1 ms for a thousand timers, and most are cancelled before their time.
        return min((at for at, _ in self._timers.copy().values()), default=math.inf)


def call(callback: Callable[[], object]) -> None:
    """Calls a function; what it raises is logged, for the functions after it are to be called as well."""
    try:
        callback()
    except BaseException as error:
        with suppress(Exception):  # the fault of a log handler
            logger.error("a function that the timer called failed", exc_info=error)


process_timer = ProcessTimer()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=process_timer.forget)


def set_timer(seconds: float, callback: Callable[[], object]) -> TimerHandle:
    """Has a function, which must not wait, called after a number of seconds on the thread "livesession-timer".

    Two functions are called in the order of their times. What a function raises is logged by the logger `livesession`.
    Raises `RuntimeError` when the system gives no thread; the function is not called then.
    """
    return process_timer.set(seconds, callback)


def join_idle_timer(deadline: Deadline) -> None:
    """Waits for the timer's thread to end, where no timer is left that would keep it."""
    process_timer.join_if_idle(deadline)
