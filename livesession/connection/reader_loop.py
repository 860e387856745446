"""The one thread that reads all connections of the process.

Measured against a thread for each connection: beyond some hundred sessions those collapse, because each wakes up by
itself and they fight for the interpreter lock; here one wake-up serves whatever is ready (BENCHMARKS.md).

A loop lives as long as it has connections: the thread is started for the first one and ends after the last. Nothing
that it calls may wait, for the others would wait too.
"""

from __future__ import annotations

import heapq
import itertools
import math
import os
import selectors
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import NamedTuple, Protocol

from attrs import define, field

from livesession.sync.thread_start import start

__all__ = ["Channel", "Plan", "ReaderLoop", "join_loop"]

SERVED_AT_ONCE = 50  # channels before their consumers are told
SCRATCH_BYTES = 64 * 1024  # for what is read; a larger one is not faster

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Plan(NamedTuple):
    """The plan of a channel: when to serve it again.

    Attributes:
        interest: READ, WRITE, both or 0: what to wait for on its socket.
        deadline: And not later than this, on the monotonic clock.
        again: There is more to do at once; the others come first.
    """

    interest: int
    deadline: float | None = None
    again: bool = False


@define(order=True)
class Timer:
    """The timer of a channel, which is None once it is not needed any more."""

    at: float
    number: int
    channel: Channel | None = field(order=False)


class Channel(Protocol):
    """A socket and its handler, which the loop serves on its thread.

    Attributes:
        followed: The loop's note of the plan that it follows; None at first.
        loop: The loop that has taken it; None before.
    """

    followed: Plan | None
    loop: ReaderLoop | None

    @property
    def socket(self) -> socket.socket: ...

    def serve(self, scratch: memoryview) -> Plan | None:
        """Does what can be done without waiting; None when it is over, and the socket need not be watched any more.

        The same object as the last time costs the least: with many channels, what is kept of each is in no cache.
        """

    def announce(self) -> None:
        """Tells consumers of what was read, once other channels that were ready have been served as well."""

    def on_removed(self) -> None:
        """The loop has forgotten it."""

    def fail(self, error: BaseException) -> None:
        """Serving it raised, or the loop failed; it is over."""


class ReaderLoop:
    """Serves channels on a thread of its own; `join_loop()` finds or makes the process's one."""

    def __init__(self) -> None:
        # Guards _channels and _is_over; nothing else is called while it is held. A signal handler may run on top, and
        # close a session.
        self._lock = threading.RLock()
        self._channels: set[Channel] = set()
        self._is_over = False
        self._woken: deque[Channel] = deque()  # appended to by any thread, without the lock: also by finalizers
        self._wake_send, self._wake_recv = socket.socketpair()
        self._wake_send.setblocking(False)
        self._wake_recv.setblocking(False)
        self._watched: dict[Channel, int] = {}
        self._timers: list[Timer] = []  # a heap
        self._due: dict[Channel, Timer] = {}  # the one of each that is still needed
        self._numbers = itertools.count()
        self._thread = threading.Thread(target=self._run, name="livesession-reader", daemon=True)

    @property
    def is_current_thread(self) -> bool:
        """Whether the caller is in a callback of the loop, and must not wait for it."""
        return threading.current_thread() is self._thread

    def add(self, channel: Channel) -> bool:
        """Takes a channel; False when the loop is over."""
        with self._lock:
            if self._is_over:
                return False
            channel.loop = self  # first, so that a channel which the loop has knows it
            self._channels.add(channel)
        self.wake(channel)
        return True

    def start(self) -> None:
        """Starts the thread. Raises `RuntimeError` when the system gives none; then the loop is over."""
        try:
            start(self._thread)
        except BaseException as error:
            if self._thread.ident is None:  # else Ctrl-C came when it was running already, and it goes on
                self._end(error)
            raise

    def wake(self, channel: Channel) -> None:
        """Serves a channel soon; callable from any thread, and from finalizers."""
        self._woken.append(channel)
        with suppress(OSError):  # full: a wake-up is on its way; closed: the loop is over
            self._wake_send.send(b"\0")

    def join_if_over(self, timeout: float) -> None:
        """Waits for the thread of a loop that is ending, if it was ever started."""
        if self._is_over and self._thread.ident is not None and not self.is_current_thread:
            self._thread.join(timeout)

    # On the loop's thread.

    def _run(self) -> None:
        scratch = memoryview(bytearray(SCRATCH_BYTES))
        failure: BaseException | None = None
        try:
            with selectors.DefaultSelector() as self._selector:
                self._selector.register(self._wake_recv, READ)
                while self._channels or self._has_work():
                    self._serve_all(self._ready(), scratch)
        except BaseException as error:  # a fault of this library: no channel may be left waiting
            failure = error
        finally:
            self._end(failure)

    def _has_work(self) -> bool:
        """Looked at once more with the lock held, so that none can be added to a loop that ends."""
        with self._lock:
            self._is_over = not self._channels
        return not self._is_over

    def _ready(self) -> list[Channel]:
        """Waits; each channel that is woken, has waited long enough, or whose socket is ready, once."""
        events = self._selector.select(self._patience())
        found: dict[Channel | None, None] = dict.fromkeys([key.data for key, _ in events])
        if None in found:
            self._drain_wakeups()
            del found[None]
        while self._woken:
            channel = self._woken.popleft()
            if channel in self._channels:
                found[channel] = None
        while self._timers and (self._timers[0].channel is None or self._timers[0].at <= time.monotonic()):
            timed = heapq.heappop(self._timers).channel
            if timed is not None:
                del self._due[timed]
                timed.followed = None
                found[timed] = None
        return [channel for channel in found if channel is not None]

    def _patience(self) -> float | None:
        if self._woken:
            return 0
        return max(0.0, self._timers[0].at - time.monotonic()) if self._timers else None

    def _drain_wakeups(self) -> None:
        with suppress(BlockingIOError):
            self._wake_recv.recv(4096)

    def _serve_all(self, ready: list[Channel], scratch: memoryview) -> None:
        for first in range(0, len(ready), SERVED_AT_ONCE):
            some = ready[first : first + SERVED_AT_ONCE]
            for channel in some:
                self._serve(channel, scratch)
            for channel in some:
                self._announce(channel)

    def _announce(self, channel: Channel) -> None:
        try:
            channel.announce()
        except BaseException as error:
            self._fail(channel, error)

    def _serve(self, channel: Channel, scratch: memoryview) -> None:
        try:
            plan = channel.serve(scratch)
            if plan is not None:
                if plan is not channel.followed:
                    self._follow(channel, plan)
                return
        except BaseException as error:  # of a callback, such as a log handler: the other channels go on
            self._fail(channel, error)
            return
        self._forget(channel)
        channel.on_removed()

    def _fail(self, channel: Channel, error: BaseException) -> None:
        self._forget(channel)
        with suppress(Exception):  # the same fault once more, as of a log handler that always fails
            channel.fail(error)

    def _follow(self, channel: Channel, plan: Plan) -> None:
        channel.followed = None if plan.again else plan
        if plan.interest != self._watched.get(channel, 0):
            self._watch(channel, plan.interest)
        if plan.deadline is not None:
            self._set_timer(channel, plan.deadline)
        if plan.again:
            self._woken.append(channel)

    def _set_timer(self, channel: Channel, at: float) -> None:
        """Sets the timer of a channel, or keeps an earlier one: a channel that is served too early plans anew."""
        due = self._due.get(channel)
        if at < (math.inf if due is None else due.at):
            self._cancel_timer(channel)
            timer = self._due[channel] = Timer(at, next(self._numbers), channel)
            heapq.heappush(self._timers, timer)

    def _cancel_timer(self, channel: Channel) -> None:
        """Cancels the timer, which stays in the heap until its time: to search for it would cost more."""
        timer = self._due.pop(channel, None)
        if timer is not None:
            timer.channel = None

    def _watch(self, channel: Channel, interest: int) -> None:
        before = self._watched.pop(channel, 0)
        if before and interest:
            self._selector.modify(channel.socket, interest, channel)
        elif interest:
            self._selector.register(channel.socket, interest, channel)
        elif before:
            self._selector.unregister(channel.socket)
        if interest:
            self._watched[channel] = interest

    def _forget(self, channel: Channel) -> None:
        self._watch(channel, 0)
        self._cancel_timer(channel)
        with self._lock:
            self._channels.discard(channel)
            self._is_over = not self._channels

    def _end(self, failure: BaseException | None) -> None:
        with self._lock:
            self._is_over = True
            left, self._channels = self._channels, set()
        for channel in left:
            with suppress(Exception):  # the others are to hear of it as well
                channel.fail(failure or RuntimeError("the reader loop has ended"))
        self._wake_send.close()
        self._wake_recv.close()


class SharedLoop:
    """The loop of this process; a child of `fork` makes one of its own."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        # Guards `_loop`; held while a thread is started, so that Ctrl-C leaves no loop behind that was never started.
        self._lock = threading.RLock()
        self._loop: ReaderLoop | None = None

    def join(self, channel: Channel) -> None:
        """Gives a channel to the loop, which is made anew where there is none. Raises `OSError` and `RuntimeError`."""
        with self._lock:
            if self._loop is not None and self._loop.add(channel):
                return
            loop = ReaderLoop()
            loop.add(channel)
            loop.start()
            self._loop = loop


shared_loop = SharedLoop()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared_loop.forget)


def join_loop(channel: Channel) -> None:
    """Gives a channel to the loop of this process. Raises `OSError` and `RuntimeError` where there can be none."""
    shared_loop.join(channel)
