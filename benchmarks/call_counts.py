"""Calls and files of the library that one message passes: how far a reader of the code has to go.

python -m benchmarks.call_counts
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import livesession
from livesession import LiveGenerationConfig, LiveGenerativeModel, LiveServerContent
from livesession.emulator import LiveEmulator

LIBRARY = os.path.dirname(livesession.__file__) + os.sep
OTHERS = tuple(LIBRARY + name + os.sep for name in ("emulator", "cli", "notebook"))
AUDIO = b"\0" * 640
TEXT = LiveGenerationConfig(response_modalities="TEXT")


class Counter:
    """Counts calls of the library, and the files that they are in, on the thread with a name."""

    def __init__(self, thread: str) -> None:
        self._thread = thread
        self.calls = 0
        self.files: set[str] = set()

    def note(self, frame: FrameType, event: str, _: object) -> None:
        """Takes an event of the interpreter, as `sys.setprofile` gives it."""
        path = frame.f_code.co_filename
        is_library = path.startswith(LIBRARY) and not path.startswith(OTHERS)
        if event == "call" and is_library and threading.current_thread().name == self._thread:
            self.calls += 1
            self.files.add(path)

    def __str__(self) -> str:
        return f"{self.calls:4} calls in {len(self.files):2} files"


@contextmanager
def counting(thread: str) -> Iterator[Counter]:
    """Counts on this thread, and on those that are started meanwhile."""
    counter = Counter(thread)
    threading.setprofile(counter.note)
    sys.setprofile(counter.note)
    try:
        yield counter
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


def counted(action: Callable[[], object]) -> Counter:
    """Counts one action on this thread, when it has been done before."""
    action()
    with counting(threading.current_thread().name) as counter:
        action()
    return counter


def reading(emulator: LiveEmulator) -> str:
    """Counts what the reader thread does for each message of a long answer: the calls of all, divided."""
    model = LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend(), generation_config=TEXT)
    with counting("livesession-reader") as counter, model.connect() as session:
        before = counter.calls
        session.send("word " * 2_000, True)
        messages = sum(isinstance(each, LiveServerContent) for each in session.receive_turn())
    return f"{(counter.calls - before) / messages:4.0f} calls in {len(counter.files):2} files, those of connecting too"


def main() -> None:
    """Prints the figures, beside those of before the code was moved into rooms."""
    with LiveEmulator() as emulator:
        model = LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend(), generation_config=TEXT)
        with model.connect() as session:
            print('send("x", True):            ', counted(lambda: session.send("x", True)), "  (41 in 17)")
            print("send_audio_realtime(20 ms): ", counted(lambda: session.send_audio_realtime(AUDIO)), "  (27 in 13)")
        print("one message, reader thread: ", reading(emulator), "  (48 in 14)")


if __name__ == "__main__":
    main()
