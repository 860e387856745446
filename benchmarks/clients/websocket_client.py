"""websocket-client, by hand."""

from __future__ import annotations

from collections.abc import Sequence

from websocket import WebSocket, create_connection

from benchmarks.clients.by_hand import HandMadeSession, watch_in_threads
from benchmarks.clients.client import Arrivals, Client
from benchmarks.loopback import Where
from benchmarks.server.jobs import Job

__all__ = ["WebsocketClient"]


class WebsocketClientSession(HandMadeSession):
    """A connection of the library."""

    def __init__(self, connection: WebSocket) -> None:
        super().__init__(connection.send, connection.recv)
        self._connection = connection

    def close(self) -> None:
        self._connection.close()


class WebsocketClient(Client[WebsocketClientSession]):
    """A thread a session."""

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        self._tls = where.tls

    def connect(self, job: Job) -> WebsocketClientSession:
        session = WebsocketClientSession(create_connection(self.where.url, sslopt={"context": self._tls}))
        session.set_up(job)
        return session

    def watch(self, sessions: Sequence[WebsocketClientSession], arrivals: Arrivals) -> None:
        watch_in_threads(sessions, arrivals)
