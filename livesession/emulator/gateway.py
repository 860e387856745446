"""The server itself, on the event loop: upgrades judged, connections opened, counted and ended."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import weakref
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from livesession.emulator.emulated_connection import EmulatedConnection
from livesession.emulator.faults import Close, Delay, Drop
from livesession.emulator.protocol.refusal import HttpRefusal
from livesession.emulator.protocol.routes import Route, admit, find_route, read_credentials
from livesession.emulator.replay.player import Replay
from livesession.emulator.service import Service

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

_MAX_MESSAGE = 128 * 1024 * 1024
_LONGEST_OPENING = 3600.0
"""Seconds that a handshake may take: a scripted delay is to reach the client's time limit, not this one."""

_NO_ROUTE = HttpRefusal(404, "NOT_FOUND", "The requested URL was not found on this server.")

Work = Callable[[EmulatedConnection], Coroutine[object, object, None]]


class Gateway:
    """Listens, and serves each client. Its coroutines belong to the loop's thread, its properties to any."""

    def __init__(self, service: Service, api_keys: Collection[str] | None, replay: Replay | None) -> None:
        self._service = service
        self._api_keys = api_keys
        self._replay = replay
        self._connections: dict[int, EmulatedConnection] = {}
        self._accepted: weakref.WeakSet[ServerConnection] = weakref.WeakSet()
        self._to_be_closed: dict[ServerConnection, Close] = {}
        self._stopping = asyncio.Event()
        self._server: Server | None = None
        self.port = 0
        """The port that is listened on, once `listen` is done."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The connections that are open, oldest first."""
        return tuple(self._connections.copy())

    async def listen(self, host: str, port: int, ssl_context: ssl.SSLContext | None) -> None:
        from websockets.asyncio.server import serve

        self._server = await serve(
            self._serve,
            host,
            port,
            ssl=ssl_context,
            process_request=self._judge,
            create_connection=remembering(self._accepted),
            compression=None,
            max_size=_MAX_MESSAGE,
            ping_interval=None,
            open_timeout=_LONGEST_OPENING,
            logger=socket_logger(),
        )
        self.port = int(next(iter(self._server.sockets)).getsockname()[1])

    async def shut_down(self, grace: float) -> None:
        """Close all connections with 1001; those whose client does not answer within `grace` seconds are cut."""
        assert self._server is not None
        self._server.close()
        self._stopping.set()
        waiting = asyncio.ensure_future(self._server.wait_closed())
        await asyncio.wait([waiting], timeout=grace)
        for connection in list(self._connections.values()):
            await drop(connection)
        for socket in list(self._accepted):
            socket.transport.abort()  # of those that say nothing, websockets would wait for the upgrade
        await asyncio.wait([waiting], timeout=grace)

    async def each(self, work: Work, number: int | None) -> None:
        """Do something with one connection, or with all of them; one that has closed by itself is passed over.

        Raises:
            LookupError: If there is no connection `number`, or it is closed.
        """
        from websockets.exceptions import ConnectionClosed

        chosen = list(self._connections.values()) if number is None else [self._connections[number]]
        for connection in chosen:
            try:
                await work(connection)
            except ConnectionClosed:
                if number is not None:
                    raise LookupError(f"Connection {number} is closed.") from None

    async def _judge(self, socket: ServerConnection, request: Request) -> Response | None:
        """Answer the upgrade itself with an error where the service would, or the script says so.

        Raises:
            CancelledError: If the connection was lost meanwhile, by the script or by the client.
        """
        from websockets.protocol import State

        route = find_route(request.path)
        shown = read_credentials(request.path, _headers(request))
        verdict = admit(route, shown, self._api_keys) if route else _NO_ROUTE
        if isinstance(verdict, HttpRefusal):
            return _http_response(verdict)
        for step in self._service.arrivals.take():
            if isinstance(step, HttpRefusal):
                return _http_response(step)
            await self._suffer(socket, step)
            if socket.state is State.CLOSED:
                raise asyncio.CancelledError  # nobody is left to answer, which websockets before 17 logs as its fault
        return None

    async def _suffer(self, socket: ServerConnection, fault: Delay | Drop | Close) -> None:
        if isinstance(fault, Delay):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), fault.seconds)
        elif isinstance(fault, Drop):
            socket.transport.abort()
            await socket.wait_closed()
        else:
            self._to_be_closed[socket] = fault

    async def _serve(self, socket: ServerConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        request = socket.request
        route = find_route(request.path) if request is not None else None
        if request is None or route is None:
            return
        headers = _headers(request)
        number = self._service.journal.open(request.path, headers, route.kind)
        verdict = self._to_be_closed.pop(socket, None) or admit(
            route, read_credentials(request.path, headers), self._api_keys
        )
        if verdict is not None and not isinstance(verdict, HttpRefusal):
            await socket.close(verdict.code, verdict.reason)
            return
        self._connections[number] = connection = EmulatedConnection(socket, number, route, self._service)
        try:
            await self._converse(connection, route)
        except ConnectionClosed:
            pass
        finally:
            del self._connections[number]

    async def _converse(self, connection: EmulatedConnection, route: Route) -> None:
        if self._replay is None:
            await connection.serve()
        else:
            journal = self._service.journal
            await self._replay.play(connection.socket, connection.number, journal, vertex=route.vertex)


def socket_logger() -> logging.Logger:
    """The log of websockets, which at DEBUG shows keys and all that is said; who wants that sets its level."""
    logger = logging.getLogger("livesession.emulator.socket")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
    return logger


def remembering(accepted: weakref.WeakSet[ServerConnection]) -> type[ServerConnection]:
    """The class of connections that are put into a set as soon as they are there, before the upgrade."""
    from websockets.asyncio.server import ServerConnection

    class Remembered(ServerConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            accepted.add(self)

    return Remembered


async def drop(connection: EmulatedConnection) -> None:
    """Cut the TCP connection without a close frame."""
    connection.socket.transport.abort()


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.raw_items()}


def _http_response(refusal: HttpRefusal) -> Response:
    from websockets.datastructures import Headers
    from websockets.http11 import Response

    status = HTTPStatus(refusal.status)
    error = {"code": refusal.status, "message": refusal.message, "status": refusal.label}
    body = (json.dumps({"error": error}, indent=2) + "\n").encode()
    headers = Headers({"Content-Type": "application/json; charset=UTF-8", "Content-Length": str(len(body))})
    return Response(status.value, status.phrase, headers, body)
