"""The thread on which all functions of PortAudio are called.

PortAudio wants to be called by one thread, the one that started it, and some of its functions hang as long as a sound
server hangs. So they are called here, one after the other, while those who want the result wait as long as they like.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from queue import SimpleQueue
from typing import TypeVar

from livesession.audio.portaudio.library import SoundDevice, import_sounddevice
from livesession.errors import AudioDeviceError

__all__ = ["call", "submit"]

Result = TypeVar("Result")
Work = Callable[[SoundDevice], Result]


class PortAudioThread:
    """Starts with the first request and lasts as long as the process; a child process gets one of its own."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._requests: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def put(self, request: Callable[[], None]) -> None:
        if not self._is_running():  # else without the lock, which a signal handler on top, in close(), would not get
            with self._starting:
                if not self._is_running():
                    self._start()
        self._requests.put(request)

    def _start(self) -> None:
        self._requests = SimpleQueue()  # after a fork, the old one may be locked for ever
        self._thread = threading.Thread(target=serve, args=[self._requests], name="portaudio", daemon=True)
        self._thread.start()

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def is_current(self) -> bool:
        return threading.current_thread() is self._thread


THREAD = PortAudioThread()


def serve(requests: SimpleQueue[Callable[[], None]]) -> None:
    while True:
        requests.get()()


def submit(work: Work[Result]) -> Future[Result]:
    """Has the work done, after all that was submitted before."""
    future: Future[Result] = Future()
    THREAD.put(lambda: fulfil(future, work))
    return future


def fulfil(future: Future[Result], work: Work[Result]) -> None:
    try:
        result = work(import_sounddevice())
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)


def call(work: Work[Result], within: float = 10.0) -> Result:
    """Has the work done, and waits for its result or its error.

    It is done even when that takes longer than `within` seconds, which raises `AudioDeviceError`.
    """
    if THREAD.is_current():  # the garbage collector closes a forgotten stream wherever it happens to run
        return work(import_sounddevice())
    try:
        return submit(work).result(within)
    except FutureTimeout:
        raise AudioDeviceError(f"The sound system has not answered for {within:g} seconds.") from None
