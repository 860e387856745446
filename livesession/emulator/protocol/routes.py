"""The routes: the back end of a request path, and whether the credentials let a client in. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from livesession.emulator.protocol.refusal import CloseRefusal, HttpRefusal

BackEndKind = Literal["google", "vertex", "firebase", "firebase-vertex"]
"""The back ends that the emulator serves; the `firebase` ones are Firebase AI Logic's two flavours."""

EPHEMERAL_PREFIX = "auth_tokens/"
INVALID_KEY = "API key not valid. Please pass a valid API key."
UNREGISTERED = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API."
)

_PATHS: tuple[tuple[BackEndKind, re.Pattern[str]], ...] = (
    (
        "google",
        re.compile(
            r"/ws/google\.ai\.generativelanguage\.(?P<version>v1beta|v1alpha|v1)"
            r"\.GenerativeService\.BidiGenerateContent(?P<constrained>Constrained)?"
        ),
    ),
    (
        "vertex",
        re.compile(r"/ws/google\.cloud\.aiplatform\.(?P<version>v1beta1|v1)\.LlmBidiService/BidiGenerateContent"),
    ),
    (
        "firebase",
        re.compile(r"/ws/google\.firebase\.vertexai\.(?P<version>v1beta)\.GenerativeService/BidiGenerateContent"),
    ),
    (
        "firebase-vertex",
        re.compile(
            r"/ws/google\.firebase\.vertexai\.(?P<version>v1beta)"
            r"\.LlmBidiService/BidiGenerateContent/locations/(?P<location>[\w-]+)"
        ),
    ),
)


@frozen
class Route:
    """The back end and method that a request path asks for."""

    kind: BackEndKind
    version: str
    constrained: bool = False
    """The Developer API's method for ephemeral tokens."""
    verbatim: bool = False
    """The bare URL that google-genai's Vertex mode uses for a gateway: no credentials, model name as it is."""

    @property
    def vertex(self) -> bool:
        """Whether the Vertex dialect is spoken, rather than the Developer API's."""
        return self.kind in ("vertex", "firebase-vertex")


@frozen
class Credentials:
    """The credentials of a request, each "" when absent."""

    key: str
    """From `?key=` or `x-goog-api-key`."""
    token: str
    """From `?access_token=` or an `Authorization` header with any scheme."""

    @property
    def ephemeral(self) -> bool:
        return self.token.startswith(EPHEMERAL_PREFIX)


def find_route(target: str) -> Route | None:
    """Return the route of a request target (path and query; repeated slashes count as one), None if there is none."""
    path = re.sub("/{2,}", "/", split_target(target)[0])
    if path in ("", "/"):
        return Route("vertex", "v1beta1", verbatim=True)
    for kind, pattern in _PATHS:
        match = pattern.fullmatch(path)
        if match is not None:
            return Route(kind, match["version"], constrained=bool(match.groupdict().get("constrained")))
    return None


def read_credentials(target: str, headers: Mapping[str, str]) -> Credentials:
    """Collect the credentials of a request; `headers` has lower-case names."""
    query = parse_qs(split_target(target)[1])
    key = query.get("key", [""])[0] or headers.get("x-goog-api-key", "")
    scheme, _, value = headers.get("authorization", "").partition(" ")
    known = scheme.lower() in ("bearer", "token", "firebase")
    return Credentials(key, query.get("access_token", [""])[0] or (value.strip() if known else ""))


def admit(route: Route, shown: Credentials, accepted: Collection[str] | None) -> HttpRefusal | CloseRefusal | None:
    """Return how to turn the caller away: on the upgrade, by a close after it, or None for not at all.

    `accepted` None lets any credential in that the method takes.
    """
    if route.verbatim:
        return None
    if route.kind == "vertex":
        return _admit_vertex(shown, accepted)
    if route.kind == "google":
        return _admit_google(route, shown, accepted)
    return _admit_firebase(shown, accepted)


def _admit_google(
    route: Route, shown: Credentials, accepted: Collection[str] | None
) -> HttpRefusal | CloseRefusal | None:
    if not shown.key and not shown.token:
        return HttpRefusal(403, "PERMISSION_DENIED", UNREGISTERED)
    if route.constrained != shown.ephemeral:
        # A token offered as a key is read as a key, and is not one.
        return (
            CloseRefusal(1007, INVALID_KEY)
            if shown.key.startswith(EPHEMERAL_PREFIX)
            else CloseRefusal(1008, UNREGISTERED)
        )
    if shown.key.startswith(EPHEMERAL_PREFIX) or not _accepted(shown.token or shown.key, accepted):
        return CloseRefusal(1007, INVALID_KEY)
    return None


def _admit_vertex(shown: Credentials, accepted: Collection[str] | None) -> HttpRefusal | None:
    if _accepted(shown.token or shown.key, accepted):
        return None
    return HttpRefusal(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")


def _admit_firebase(shown: Credentials, accepted: Collection[str] | None) -> HttpRefusal | CloseRefusal | None:
    if not shown.key:
        return HttpRefusal(403, "PERMISSION_DENIED", UNREGISTERED)
    return None if _accepted(shown.key, accepted) else CloseRefusal(1007, INVALID_KEY)


def _accepted(credential: str, accepted: Collection[str] | None) -> bool:
    return bool(credential) and (accepted is None or credential in accepted)


def split_target(target: str) -> tuple[str, str]:
    """Return path and query; a path that begins with two slashes is not a host."""
    path, _, query = target.partition("?")
    return (urlsplit(path).path if "://" in path else path), query
