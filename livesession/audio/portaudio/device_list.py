"""The microphones and loudspeakers of this machine, and the choice of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from attrs import frozen

from livesession.audio.portaudio.library import Info, SoundDevice, reason
from livesession.audio.portaudio.thread import call
from livesession.errors import AudioDeviceError

__all__ = ["AudioDevice", "Direction", "Port", "find_port", "list_devices"]

Direction = Literal["input", "output"]
NAMES: dict[Direction, str] = {"input": "microphone", "output": "loudspeaker"}
SHOWN = 8


@frozen(kw_only=True)
class AudioDevice:
    """A device that PortAudio knows: a microphone, a loudspeaker, or both.

    Attributes:
        index: Its number, for `Microphone(index)` and `Speaker(index)`; it may be another one in the next process.
        name: Its name, for `Microphone(name)` and `Speaker(name)`.
        host_api: The system that it is reached through, such as `"ALSA"`, `"Core Audio"` or `"MME"`.
        input_channels: How many channels it records at the most; 0 when it is no microphone.
        output_channels: How many channels it plays at the most; 0 when it is no loudspeaker.
        default_rate: Samples a second that it works with where none are asked for.
        is_default_input: Whether `Microphone()` is this one.
        is_default_output: Whether `Speaker()` is this one.
    """

    index: int
    name: str
    host_api: str
    input_channels: int
    output_channels: int
    default_rate: int
    is_default_input: bool
    is_default_output: bool

    @property
    def directions(self) -> tuple[Direction, ...]:
        """`"input"` where it records, `"output"` where it plays."""
        channels: dict[Direction, int] = {"input": self.input_channels, "output": self.output_channels}
        return tuple(direction for direction, number in channels.items() if number)


@frozen(kw_only=True)
class Port:
    """One direction of a device, and in which form sound goes through it."""

    direction: Direction
    index: int
    name: str
    rate: int
    channels: int

    def __str__(self) -> str:
        return f"The {NAMES[self.direction]} {self.name!r}"


def list_devices() -> tuple[AudioDevice, ...]:
    """Lists all microphones and loudspeakers, in the order of their index; empty where there are none.

    The list is made when PortAudio starts, with the first use of it in this process: a device that was plugged in
    later is not in it. Callable from any thread; waits at most 10 seconds.

    Raises:
        MissingExtraError: The extra `audio` is not installed.
        AudioDeviceError: PortAudio is not installed, or does not answer.
    """
    return call(lambda sounddevice: tuple(devices(sounddevice)))


def devices(sounddevice: SoundDevice) -> Iterator[AudioDevice]:
    defaults = {direction: default_index(sounddevice, direction) for direction in NAMES}
    hosts = [str(host["name"]) for host in sounddevice.query_hostapis()]
    for index, info in enumerate(sounddevice.query_devices()):
        yield AudioDevice(
            index=index,
            name=str(info["name"]),
            host_api=hosts[int(info["hostapi"])],
            input_channels=int(info["max_input_channels"]),
            output_channels=int(info["max_output_channels"]),
            default_rate=round(float(info["default_samplerate"])),
            is_default_input=index == defaults["input"],
            is_default_output=index == defaults["output"],
        )


def default_index(sounddevice: SoundDevice, direction: Direction) -> int:
    """-1 where there is none."""
    try:
        return int(sounddevice.query_devices(None, direction)["index"])
    except sounddevice.PortAudioError:
        return -1


def find_port(direction: Direction, device: int | str | None, rate: int | None, channels: int) -> Port:
    """The device that is meant; `rate` None is the device's own.

    Raises:
        MissingExtraError: The extra `audio` is not installed.
        AudioDeviceError: There is no such device, or more than one.
    """
    info = call(lambda sounddevice: find(sounddevice, direction, device))
    return Port(
        direction=direction,
        index=int(info["index"]),
        name=str(info["name"]),
        rate=round(float(info["default_samplerate"])) if rate is None else rate,
        channels=channels,
    )


def find(sounddevice: SoundDevice, direction: Direction, device: int | str | None) -> Info:
    try:
        return sounddevice.query_devices(device, direction)
    except (ValueError, OverflowError, sounddevice.PortAudioError) as error:
        what = NAMES[direction]
        unknown = f"The {what} {device!r} is not known: {reason(error)}."
        problem = f"There is no default {what}." if device is None else unknown
        raise AudioDeviceError(f"{problem} {known(sounddevice, direction)}") from error


def known(sounddevice: SoundDevice, direction: Direction) -> str:
    """Names the devices that there are, for a message."""
    able = [each for each in devices(sounddevice) if direction in each.directions]
    names = ", ".join(f"{each.index} {each.name!r}" for each in able[:SHOWN]) or "none"
    more = f" and {len(able) - SHOWN} more" if len(able) > SHOWN else ""
    return f"There are: {names}{more}; see  livesession devices"
