"""The package sounddevice as far as it is used here: its types, which it does not have itself, and its import."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Protocol, cast, overload

from livesession.errors import AudioDeviceError, MissingExtraError

__all__ = ["Info", "RawStream", "SoundDevice", "Status", "TimeInfo", "import_sounddevice", "reason"]

NO_LIBRARY = (
    "The system library PortAudio is missing ({error}). On Debian and Ubuntu run  "
    "sudo apt-get install libportaudio2  ; elsewhere the package is called portaudio."
)


class Info(Protocol):
    """A device or a host API as PortAudio describes it: a dictionary."""

    def __getitem__(self, key: str, /) -> str | int | float: ...


class RawStream(Protocol):
    """A stream of bytes that sounddevice has opened."""

    @property
    def latency(self) -> float: ...

    def start(self) -> None: ...

    def abort(self) -> None: ...

    def close(self) -> None: ...


class SoundDevice(Protocol):
    """The module `sounddevice`."""

    PortAudioError: type[Exception]
    RawInputStream: Callable[..., RawStream]
    RawOutputStream: Callable[..., RawStream]
    _exit_handler: Callable[[], None]  # ends PortAudio at exit
    _libname: str  # the file of PortAudio

    @overload
    def query_devices(self) -> Sequence[Info]: ...

    @overload
    def query_devices(self, device: int | str | None, kind: str) -> Info: ...

    def query_hostapis(self) -> Sequence[Info]: ...


class TimeInfo(Protocol):
    """The time at which the device took the first sample of a block, in seconds; 0 where PortAudio does not know."""

    inputBufferAdcTime: float  # noqa: N815  -- the name that it has in C


class Status(Protocol):
    """The faults since the callback before."""

    @property
    def input_overflow(self) -> bool: ...


def import_sounddevice() -> SoundDevice:
    """The module, which starts PortAudio when it is imported first.

    Raises:
        MissingExtraError: The package is not installed.
        AudioDeviceError: The system's library is not there, or does not start.
    """
    try:
        return cast(SoundDevice, importlib.import_module("sounddevice"))
    except ImportError as error:
        raise MissingExtraError("Using a microphone or a loudspeaker", "audio") from error
    except OSError as error:
        raise AudioDeviceError(NO_LIBRARY.format(error=error)) from error
    except Exception as error:  # of a class that only the module has, which could not be imported
        raise AudioDeviceError(f"The sound system does not start: {reason(error)}.") from error


def reason(error: Exception) -> str:
    """Returns PortAudio's words for an error, in one line and without the name of the function that failed."""
    line = " ".join(str(error).split())
    return line.partition(": ")[2] if line.startswith("Error opening") else line
