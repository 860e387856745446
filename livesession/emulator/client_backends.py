"""The client's side of an emulator: back ends that lead to it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Collection
from typing import TYPE_CHECKING, get_args
from urllib.parse import urlsplit

from livesession.emulator.protocol.routes import BackEndKind

if TYPE_CHECKING:
    from livesession.backends import FirebaseAI, GoogleAI, VertexAI


def key_of(api_keys: Collection[str] | None) -> str:
    """Return a key or token that is let in; None lets any in."""
    return next(iter(api_keys), "") if api_keys is not None else "no-key-needed"


def environment_for(url: str, key: str) -> dict[str, str]:
    """Return the variables that lead a program to `url`; those that would lead it elsewhere are empty.

    The host is taken out of what an HTTP proxy is for.
    """
    address = url.replace("wss://", "https://")
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    host = urlsplit(url).hostname or ""
    empty = ("GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION")
    return {
        **dict.fromkeys(empty, ""),
        "GEMINI_API_KEY": key,
        "GOOGLE_GEMINI_BASE_URL": address,
        "GOOGLE_VERTEX_BASE_URL": address,
        "no_proxy": ",".join(filter(None, [direct, host])),
    }


def backend_at(
    url: str, kind: BackEndKind, key: str, ssl_context: ssl.SSLContext | None
) -> GoogleAI | VertexAI | FirebaseAI:
    """Return a back end of `kind` whose service is at `url`, with `key` as its key or token."""
    from livesession.backends import FirebaseAI, GoogleAI, VertexAI

    if kind not in get_args(BackEndKind):
        raise ValueError(f"There is no back end {kind!r}; there are {', '.join(get_args(BackEndKind))}.")
    if kind == "google":
        return GoogleAI(api_key=key, base_url=url, proxy=False, ssl_context=ssl_context)
    if kind == "vertex":
        return VertexAI(
            project="emulator",
            location="us-central1",
            token=lambda: key,
            base_url=url,
            proxy=False,
            ssl_context=ssl_context,
        )
    return FirebaseAI(
        api_key=key,
        project="emulator",
        base_url=url,
        proxy=False,
        flavour="google" if kind == "firebase" else "vertex",
        ssl_context=ssl_context,
    )
