"""`livesession devices`: lists the microphones and loudspeakers of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console

from livesession.cli.console import clean, new_console

if TYPE_CHECKING:
    from livesession.audio import AudioDevice

__all__ = ["devices"]


@click.command(short_help="The microphones and loudspeakers of this machine.")
def devices() -> None:
    """List the microphones and loudspeakers of this machine; needs the extra audio.

    A device is chosen by its number or by a part of its name; the one with the * is the default.

    \b
    livesession devices
    """
    from livesession.audio import list_devices

    console = new_console()
    found = list_devices()
    show(console, "Microphones", [row(each, each.input_channels, each.is_default_input) for each in found])
    show(console, "Loudspeakers", [row(each, each.output_channels, each.is_default_output) for each in found])


def row(device: AudioDevice, channels: int, is_default: bool) -> str:
    """The line of a device; empty where it has no channels in that direction."""
    many = "1 channel" if channels == 1 else f"{channels} channels"
    form = f"({device.host_api}, {many}, {device.default_rate} Hz)"
    return f"{'*' if is_default else ' '} {device.index:>2}  {clean(device.name)}  {form}" if channels else ""


def show(console: Console, heading: str, rows: list[str]) -> None:
    console.print(heading, style="bold")
    for line in filter(None, rows):
        console.print(line, soft_wrap=True)
    if not any(rows):
        console.print("  none")
