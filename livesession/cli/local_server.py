"""The server that `livesession emulator` and `livesession replay` run: the options of its address, and its start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from livesession.errors import ConfigurationError

if TYPE_CHECKING:
    from livesession.emulator import LiveEmulator

__all__ = ["address_options", "start_server"]

C = TypeVar("C", bound=Callable[..., object])


def address_options(command: C) -> C:
    """Adds `--host` and `--port`; the command gets them under these names."""
    host = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
    port = click.option("--port", type=click.IntRange(0, 65_535), default=0, help="The port; default any free one.")
    return host(port(command))


def start_server(server: LiveEmulator, address: str) -> None:
    """Starts the server. Raises `ConfigurationError` where the address cannot be listened on."""
    try:
        server.start()
    except OSError as error:
        reason = (error.strerror or str(error)).rpartition(": ")[2]
        raise ConfigurationError(f"{address} cannot be listened on: {reason}. Try another --host or --port.") from error
