"""The extra's packages, imported at first use, with an error that names the extra where one is absent."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from types import ModuleType
from typing import Protocol, cast

_NEEDED = ("websockets", "webrtcvad", "soxr")


class ResampleStream(Protocol):
    """The part of `soxr.ResampleStream` that is used: whole PCM buffers in and out, as numpy arrays."""

    def resample_chunk(self, x: object, last: bool = ...) -> object: ...


def require_extra() -> None:
    """Raise `livesession.errors.MissingExtraError` unless every package of the extra `emulator` is there."""
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            from livesession.errors import MissingExtraError

            raise MissingExtraError(f"the emulator (which needs {name})", "emulator")


def new_vad(mode: int) -> Callable[[bytes], bool]:
    """Return webrtcvad's judgement of one frame of 16 kHz mono PCM16; `mode`: 0 (lenient) to 3 (strict)."""
    vad = _module("webrtcvad").Vad(mode)
    return lambda frame: bool(vad.is_speech(frame, 16_000))


def new_resampler(source: int, target: int) -> ResampleStream:
    """Return a streaming mono PCM16 resampler between two rates in Hz."""
    return cast(ResampleStream, _module("soxr").ResampleStream(source, target, 1, dtype="int16"))


def pcm_array(pcm: bytes) -> object:
    """Return whole little-endian PCM16 as the array that a resampler takes."""
    return _module("numpy").frombuffer(pcm, dtype="<i2")


def _module(name: str) -> ModuleType:
    # By name, because none of them is annotated and two ship no stubs.
    return importlib.import_module(name)
