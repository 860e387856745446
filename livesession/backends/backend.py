"""The back ends' common base: address, headers and the model's full name."""

from __future__ import annotations

import os
import ssl
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from livesession.connection.endpoint import Endpoint
from livesession.connection.secret import Secret
from livesession.errors import ConfigurationError
from livesession.messages.client import LiveClientSetup
from livesession.messages.fields import Compact
from livesession.version import __version__

__all__ = ["Backend"]


def hide_values(headers: Mapping[str, str | Secret] | None) -> Mapping[str, Secret]:
    """An attrs converter for headers; their values are hidden already in what is evolved."""
    if headers is not None and not isinstance(headers, Mapping):
        raise TypeError(f"headers is a mapping of names to values, not {type(headers).__name__}.")
    return {name: hide_value(name, value) for name, value in (headers or {}).items()}


def hide_value(name: str, value: str | Secret) -> Secret:
    if not isinstance(name, str) or not isinstance(value, (str, Secret)):
        kinds = f"{type(name).__name__} and {type(value).__name__}"
        raise TypeError(f"Name and value of the HTTP header {name!r} have to be str, not {kinds}.")
    return value if isinstance(value, Secret) else Secret(value)


def hide_proxy(proxy: str | bool | None) -> Secret | bool | None:
    return Secret(proxy) if isinstance(proxy, str) else proxy


@frozen(kw_only=True, repr=False)
class Backend(Compact, ABC):
    """The address of a service and its credentials. Values only: one object serves many sessions, from any thread.

    Attributes:
        base_url: Another address than Google's: `ws://`, `wss://`, `http://` or `https://`, with a path if need be.
        api_version: The version in the path; each back end has its default.
        headers: Further HTTP headers for the upgrade request; they win over this library's.
        proxy: A proxy's URL (`http://user:password@host:port`, or `socks5h://...` with the extra `socks`), False to
            go directly, None for HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY of the environment.
        ssl_context: TLS settings; default those of the system, or SSL_CERT_FILE and SSL_CERT_DIR.
        ca_file: A file of CA certificates to trust instead.
    """

    base_url: str | None = None
    api_version: str | None = None
    headers: Mapping[str, Secret] = field(factory=dict, converter=hide_values)
    proxy: Secret | bool | None = field(default=None, converter=hide_proxy)
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    ca_file: str | None = None

    @property
    def service(self) -> Literal["developer", "vertex"]:
        """The service that answers: Gemini's Developer API or Vertex AI; their messages differ a little."""
        return "developer"

    @property
    def requires_function_response_ids(self) -> bool:
        """Whether an answer to a function call must carry the call's id."""
        return False

    @property
    def takes_answers_in_parts(self) -> bool:
        """Whether a function may answer a call several times (`willContinue`)."""
        return False

    @abstractmethod
    def endpoint(self) -> Endpoint:
        """The address and the headers for a connection now; asks for credentials anew."""

    @abstractmethod
    def model_resource(self, model: str) -> str:
        """The model's name as `setup.model` wants it."""

    def adapt(self, setup: LiveClientSetup) -> LiveClientSetup:
        """The setup as this back end wants it."""
        return setup

    def make_endpoint(self, host: str, path: str, headers: Mapping[str, Secret]) -> Endpoint:
        """An endpoint at `base_url`, else at Google's `host`, with the headers that all back ends share."""
        return Endpoint(
            url=websocket_url(self.base_url or f"wss://{host}").rstrip("/") + path,
            headers=merge(client_headers(), headers, self.headers),
            proxy=self.proxy,
            ssl_context=self.ssl_context,
            ca_file=self.ca_file,
        )


def websocket_url(url: str) -> str:
    """The same address with a WebSocket scheme."""
    for scheme, websocket in (("https://", "wss://"), ("http://", "ws://")):
        if url.startswith(scheme):
            return websocket + url[len(scheme) :]
    return url


def client_headers() -> dict[str, Secret]:
    client = f"livesession/{__version__} gl-python/{'.'.join(map(str, sys.version_info[:3]))}"
    return {"User-Agent": Secret(client), "x-goog-api-client": Secret(client)}


def merge(*several: Mapping[str, Secret]) -> dict[str, Secret]:
    """One set of headers; later ones win, whatever the case of their names."""
    merged: dict[str, tuple[str, Secret]] = {}
    for headers in several:
        merged.update({name.lower(): (name, value) for name, value in headers.items()})
    return dict(merged.values())


def check_model(model: str) -> str:
    """The model's name, if it can be one."""
    if not isinstance(model, str) or not model.strip("/") or ".." in model or set(model) & set("?& \t\r\n"):
        raise ConfigurationError(f"{model!r} is not the name of a model.")
    return model


def publisher_model(model: str) -> str:
    """A bare or `publisher/model` name in Vertex AI's form; longer forms as they are."""
    if model.startswith(("projects/", "models/", "publishers/")):
        return model
    publisher, slash, name = model.partition("/")
    return f"publishers/{publisher}/models/{name}" if slash else f"publishers/google/models/{model}"


def from_environment(name: str) -> str | None:
    """An environment variable; None where it is missing or empty."""
    return os.environ.get(name) or None


def key_from_environment() -> str:
    """The API key of the environment; `""` where there is none."""
    return from_environment("GOOGLE_API_KEY") or from_environment("GEMINI_API_KEY") or ""
