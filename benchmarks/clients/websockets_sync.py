"""websockets' threaded client, by hand."""

from __future__ import annotations

from collections.abc import Sequence

from websockets.sync.client import ClientConnection, connect

from benchmarks.clients.by_hand import HandMadeSession, watch_in_threads
from benchmarks.clients.client import Arrivals, Client
from benchmarks.loopback import Where
from benchmarks.server.jobs import Job

__all__ = ["WebsocketsClient"]


class WebsocketsSession(HandMadeSession):
    """A connection of the library."""

    def __init__(self, connection: ClientConnection) -> None:
        super().__init__(connection.send, connection.recv)
        self._connection = connection

    def close(self) -> None:
        self._connection.close()


class WebsocketsClient(Client[WebsocketsSession]):
    """A thread a session, beside the library's own."""

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        self._tls = where.tls

    def connect(self, job: Job) -> WebsocketsSession:
        session = WebsocketsSession(connect(self.where.url, ssl=self._tls, max_size=None))
        session.set_up(job)
        return session

    def watch(self, sessions: Sequence[WebsocketsSession], arrivals: Arrivals) -> None:
        watch_in_threads(sessions, arrivals)
