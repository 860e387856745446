"""google-genai and livesession side by side: both talk to one real server, which keeps the frames that each sent."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import queue
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from google import genai
from google.oauth2.credentials import Credentials

from livesession import GoogleAI, LiveGenerativeModel, LiveSession, SessionResumptionConfig, VertexAI
from livesession.messages.fields import camel_case
from tests.kit.servers import PATIENCE, Peer, script_server

DEVELOPER, VERTEX = "developer", "vertex"
BOTH = (DEVELOPER, VERTEX)

USER_DATA = {"args", "parametersJsonSchema", "responseJsonSchema", "partMetadata", "default", "example"}
"""Members whose value is the user's own, or, as JSON Schema, spelt by another standard."""

BYTES = {"data", "imageData", "voiceSampleAudio", "consentAudio", "thoughtSignature"}


class Parity:
    """Runs the same configuration or the same send through both libraries."""

    def __init__(self, url: str, tls: ssl.SSLContext, heard: queue.Queue[list[dict]]) -> None:
        self._url = url
        self._tls = tls
        self._heard = heard
        self._clients: dict[str, genai.Client] = {}

    def theirs(
        self, back_end: str, model: str, config: dict[str, Any], talk: Callable[[Any], Awaitable[object]] | None = None
    ) -> list[dict]:
        """The frames of google-genai, normalised."""

        async def run() -> None:
            async with self._client(back_end).aio.live.connect(model=model, config=config) as session:
                if talk:
                    await talk(session)

        asyncio.run(asyncio.wait_for(run(), PATIENCE))
        if sys.version_info < (3, 11):
            gc.collect()  # asyncio warns of TLS transports: here, and not in somebody else's test
        return self._frames()

    def ours(
        self,
        back_end: str,
        model: str,
        config: dict[str, Any],
        talk: Callable[[LiveSession], object] | None = None,
        resumption: SessionResumptionConfig | None = None,
    ) -> list[dict]:
        """The frames of livesession, normalised."""
        made = LiveGenerativeModel(model, backend=self._backend(back_end), **config)
        with made.connect(session_resumption=resumption) as session:
            if talk:
                talk(session)
        return self._frames()

    def _frames(self) -> list[dict]:
        return [normalised(frame) for frame in self._heard.get(timeout=PATIENCE)]

    def _client(self, back_end: str) -> genai.Client:
        if back_end not in self._clients:
            options = genai.types.HttpOptions(base_url=f"https{self._url[3:]}", async_client_args={"ssl": self._tls})
            who: dict[str, Any] = {"api_key": "key"}
            if back_end == VERTEX:
                token = Credentials(token="token")
                who = {"vertexai": True, "project": "p", "location": "europe-west4", "credentials": token}
            self._clients[back_end] = genai.Client(http_options=options, **who)
        return self._clients[back_end]

    def _backend(self, back_end: str) -> GoogleAI | VertexAI:
        here: dict[str, Any] = {"base_url": self._url, "proxy": False, "ssl_context": self._tls}
        if back_end == VERTEX:
            return VertexAI(project="p", location="europe-west4", token="token", **here)
        return GoogleAI(api_key="key", **here)


@contextlib.contextmanager
def recording_server(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> Iterator[Parity]:
    """A server over TLS, because google-genai speaks nothing else, that accepts every setup and answers nothing."""
    heard: queue.Queue[list[dict]] = queue.Queue()

    def listen(peer: Peer) -> None:
        frames = [peer.read()]
        peer.send({"setupComplete": {}})
        try:
            while True:
                frames.append(peer.read())
        finally:
            heard.put(frames)

    with script_server(listen, server_tls) as server:
        yield Parity(server.url, client_tls, heard)


def normalised(value: Any, *path: str) -> Any:
    """JSON with one spelling: camelCase, no nulls, standard base64 with padding; user data as it is."""
    name = path[-1] if path else ""
    if name in USER_DATA or path[-2:] == ("functionResponses", "response"):
        return value
    if name in BYTES and isinstance(value, str):
        standard = value.translate(str.maketrans("-_", "+/")).rstrip("=")
        return standard + "=" * (-len(standard) % 4)
    if isinstance(value, list):
        return [normalised(item, *path) for item in value]
    if isinstance(value, dict) and name == "properties":  # of a schema: the keys are the user's
        return {key: normalised(inner) for key, inner in value.items()}
    if isinstance(value, dict):
        spelt = {camel_case(key): inner for key, inner in value.items() if inner is not None}
        return {key: normalised(inner, *path, key) for key, inner in spelt.items()}
    return value


def on_each_back_end(cases: dict[str, tuple[Any, Any, tuple[str, ...]]]) -> pytest.MarkDecorator:
    """Parametrises `theirs`, `ours` and `back_end`: each case on each back end on which google-genai allows it."""
    rows = [
        pytest.param(theirs, ours, back_end, id=f"{name}-{back_end}")
        for name, (theirs, ours, back_ends) in cases.items()
        for back_end in back_ends
    ]
    return pytest.mark.parametrize(("theirs", "ours", "back_end"), rows)
