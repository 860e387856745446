"""Who is measured: livesession with and without its accelerators, the floor, and other clients."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from attrs import frozen

from benchmarks.clients.client import Client, clear_proxies
from benchmarks.loopback import Where

__all__ = ["ACCELERATORS", "CONTENDERS", "FLOOR", "OURS", "PEERS", "Contender"]

ACCELERATORS = ("orjson", "pybase64", "msgspec", "websockets.speedups", "wsaccel")
"""What the extra `speed` may bring; a default install has none of it."""


@frozen
class Contender:
    """A client in one of its installations.

    Attributes:
        module: Of `benchmarks.clients`.
        client: The class there.
        imports: What its users import; for the floor, what livesession cannot do without.
        blocked: Modules that it is to take for missing.
    """

    name: str
    module: str
    client: str
    imports: str
    blocked: tuple[str, ...] = ()

    def block(self) -> None:
        """Makes this process one in which those modules are not installed; before anything is imported."""
        for name in self.blocked:
            sys.modules[name] = None  # type: ignore[assignment]

    def make(self, where: Where) -> Client[Any]:
        """The client, aimed at the load server; imports it."""
        self.block()
        clear_proxies()
        module = importlib.import_module(f"benchmarks.clients.{self.module}")
        return getattr(module, self.client)(where)


FLOOR = "floor"
OURS = ("livesession", "livesession-speed")
PEERS = ("google-genai", "websockets", "websocket-client")

CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender(FLOOR, "floor", "FloorClient", "attrs, cattrs, websocket"),
        Contender("livesession", "sdk", "SdkClient", "livesession", ACCELERATORS),
        Contender("livesession-speed", "sdk", "SdkClient", "livesession"),
        Contender("google-genai", "google_genai", "GenaiClient", "google.genai"),
        Contender("websockets", "websockets_sync", "WebsocketsClient", "websockets.sync.client"),
        Contender("websocket-client", "websocket_client", "WebsocketClient", "websocket"),
    )
}
