"""Closes what is still open when the process ends, before sounddevice frees what is in use."""

from __future__ import annotations

import atexit
import ctypes
import functools
from collections.abc import Callable

from livesession.audio.portaudio.library import SoundDevice, import_sounddevice
from livesession.audio.portaudio.thread import call
from livesession.errors import AudioDeviceError

__all__ = ["forget", "remember"]

Close = Callable[[SoundDevice], None]

CLOSE_WITHIN = 2.0  # seconds
OPEN: set[Close] = set()  # only touched on PortAudio's thread


def remember(close: Close) -> None:
    """Has it called at exit, on PortAudio's thread. To be called there, too, and so is `forget`."""
    close_at_exit()
    OPEN.add(close)


def forget(close: Close) -> None:
    """Forgets a stream that is closed already."""
    OPEN.discard(close)


@functools.cache
def close_at_exit() -> None:
    atexit.register(close_all)  # later than sounddevice's own, and so called earlier


def close_all() -> None:
    try:
        call(close_each, CLOSE_WITHIN)
    except AudioDeviceError:
        # The sound system hangs, and so would PortAudio's own end, with the process. Without that, its threads go on
        # to the last moment, and must not find their code unloaded: ctypes, unlike sounddevice, never unloads it.
        sounddevice = import_sounddevice()
        ctypes.CDLL(sounddevice._libname)
        atexit.unregister(sounddevice._exit_handler)


def close_each(sounddevice: SoundDevice) -> None:
    for close in OPEN.copy():
        close(sounddevice)
