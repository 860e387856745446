"""A server whose model calls functions, and what it hears back."""

from __future__ import annotations

import contextlib
import functools
import queue
from collections.abc import Iterator

from livesession import LiveSession
from tests.kit.servers import PATIENCE, Peer, ScriptServer, script_server

DONE = {"serverContent": {"turnComplete": True}}


def said(text: str) -> dict:
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}}}


def call(name: str, id: str | None = "1", /, **args: object) -> dict:
    return {"name": name, "args": args} | ({"id": id} if id else {})


def tool_call(*calls: dict) -> dict:
    return {"toolCall": {"functionCalls": list(calls)}}


def cancellation(*ids: str) -> dict:
    return {"toolCallCancellation": {"ids": list(ids)}}


class Model:
    """The server's side of one session, in the test's hands."""

    def __init__(self) -> None:
        self._peers: queue.Queue[Peer] = queue.Queue()
        self._heard: queue.Queue[dict] = queue.Queue()
        self._setups: queue.Queue[dict] = queue.Queue()

    def serve(self, peer: Peer) -> None:
        self._setups.put(peer.accept())
        self._peers.put(peer)
        while True:
            self._heard.put(peer.read())

    @functools.cached_property
    def setup(self) -> dict:
        return self._setups.get(timeout=PATIENCE)

    @functools.cached_property
    def peer(self) -> Peer:
        return self._peers.get(timeout=PATIENCE)

    def say(self, *messages: object) -> None:
        self.peer.send(*messages)

    def hears(self) -> dict:
        """The client's next message."""
        return self._heard.get(timeout=PATIENCE)

    def hears_nothing_before(self, session: LiveSession) -> None:
        """Asserts that nothing was sent before: a message that is sent now arrives next."""
        session.send("a mark")
        assert "clientContent" in self.hears()

    def answers(self, count: int = 1) -> list[dict]:
        """The next function responses, from as many messages as they take."""
        found: list[dict] = []
        while len(found) < count:
            found += self.hears()["toolResponse"]["functionResponses"]
        return found

    def answer(self) -> dict:
        """The next one, whose message holds no other."""
        [answer] = self.answers()
        return answer


@contextlib.contextmanager
def calling_model() -> Iterator[tuple[Model, ScriptServer]]:
    """Serves one session; `server.model(tools=...)` connects to it."""
    model = Model()
    with script_server(model.serve) as server:
        yield model, server


@contextlib.contextmanager
def session_with(*tools: object, **kwargs: object) -> Iterator[tuple[Model, LiveSession]]:
    """A session whose model may call these, and that model."""
    with calling_model() as (model, server), server.model(tools=tools, **kwargs).connect() as session:
        yield model, session


def answer_of(tool: object, /, **args: object) -> dict:
    """Has the tool called once; returns the answer."""
    with session_with(tool) as (model, _):
        [declared] = model.setup["tools"][0]["functionDeclarations"]
        model.say(tool_call(call(declared["name"], **args)))
        return model.answer()["response"]
