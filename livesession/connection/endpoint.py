"""The endpoint of a connection: address, headers, proxy and TLS settings, as data."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from attrs import field, frozen

from livesession.errors import ConfigurationError

if TYPE_CHECKING:
    from livesession.connection.secret import Secret

__all__ = ["Endpoint"]

SHORTEST_SECRET = 6
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Halves of surrogate pairs are what Python makes of an environment variable that is not UTF-8.
HEADER_VALUE = re.compile(r"[^\r\n\0\ud800-\udfff]*")
RESOURCE = re.compile(r"[^\0-\x20\x7f\ud800-\udfff]+")


@frozen
class Endpoint:
    """One WebSocket address with its headers.

    Attributes:
        url: `ws://` or `wss://`, with path; keys are not in it.
        headers: HTTP headers of the upgrade request; their values do not print.
        proxy: The proxy's URL; `False` for none; None for what the environment says.
        ssl_context: TLS settings; None for the system's certificates.
        ca_file: A bundle of certificates to trust instead of the system's.
    """

    url: str
    headers: Mapping[str, Secret] = field(factory=dict)
    proxy: Secret | bool | None = None
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    ca_file: str | None = None

    @property
    def parts(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def host(self) -> str:
        return self.parts.hostname or ""

    @property
    def is_tls(self) -> bool:
        return self.parts.scheme == "wss"

    @property
    def port(self) -> int:
        return self.parts.port or (443 if self.is_tls else 80)

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.parts.port is None else f"{host}:{self.port}"

    @property
    def resource(self) -> str:
        """Path and query."""
        path = self.parts.path or "/"
        return f"{path}?{self.parts.query}" if self.parts.query else path

    def redact(self, text: str) -> str:
        """The text without the headers' values, should a server repeat them."""
        for value in self.headers.values():
            for secret in (value.reveal(), value.reveal().rpartition(" ")[2]):
                if len(secret) >= SHORTEST_SECRET:
                    text = text.replace(secret, "<secret>")
        return text

    def check(self) -> None:
        """Raises `ConfigurationError` for an address or a header that cannot be used."""
        fault = ""
        try:
            is_websocket = self.parts.scheme in ("ws", "wss") and self.host and self.port
            usable = bool(is_websocket and RESOURCE.fullmatch(self.resource))
        except ValueError as error:
            usable, fault = False, f" ({error})"
        if not usable:
            raise ConfigurationError(
                f"Not a WebSocket address: {self.url!r}{fault}. It must look like wss://host[:port]."
            )
        for name, value in self.headers.items():
            if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value.reveal()):
                raise ConfigurationError(f"The HTTP header {name!r} has characters that a header cannot hold.")
