"""The client's side of an emulator: back ends that lead to it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, get_args

from livesession.emulator.routes import BackEndKind

if TYPE_CHECKING:
    from livesession.backends import FirebaseAI, GoogleAI, VertexAI


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
