"""A hostile network: a TCP proxy on loopback that misbehaves on command, between a session and any server.

    with script_server(script) as server, fault_proxy(server) as proxy:
        session = proxy.model().connect()
        proxy.to_client.cut_after(10)

`to_server` and `to_client` hold for all connections through the proxy, `links` are these connections one by one. All
controls may be used from any thread, before a connection and in the middle of one. The proxy itself is one thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

from livesession import LiveGenerativeModel
from tests.kit.servers import PATIENCE, ScriptServer

PIECE = 65536
NO_LINGER = struct.pack("ii", 1, 0)  # close() sends RST and throws away what was not sent


class Broken(Exception):
    """The link ends here; `reset` says how."""

    def __init__(self, reset: bool) -> None:
        super().__init__(reset)
        self.reset = reset


class Direction:
    """What happens to bytes on their way, in one direction.

    Attributes:
        seen: The bytes that were handed on, if the proxy was told to record.
    """

    def __init__(self, record: bool) -> None:
        self.seen = bytearray()
        self._record = record
        self._passed = 0
        self._changed = threading.Condition()
        self.resume()

    def resume(self) -> None:
        """Ends every fault; what was swallowed stays lost."""
        self._lag, self._piece = 0.0, PIECE
        self._swallows = False
        self._rate: float | None = None
        self._left: int | None = None
        self._resets = False

    def delay(self, seconds: float) -> None:
        """Each piece waits before it goes on."""
        self._lag = seconds

    def trickle(self, pause: float = 0.0) -> None:
        """One byte at a time."""
        self._lag, self._piece = pause, 1

    def throttle(self, bytes_per_second: float) -> None:
        """Not more than so much."""
        self._rate = bytes_per_second
        self._piece = max(1, min(PIECE, int(bytes_per_second / 100)))

    def black_hole(self) -> None:
        """Takes everything, hands nothing on, and keeps the connection open; an end is not handed on either."""
        self._swallows = True

    def cut_after(self, count: int) -> None:
        """Closes the connection, on both sides, when `count` more bytes have been handed on."""
        self._resets, self._left = False, count

    def reset_after(self, count: int) -> None:
        """The same with RST."""
        self._resets, self._left = True, count

    @property
    def passed(self) -> int:
        """Bytes handed on so far."""
        return self._passed

    def wait_for(self, count: int) -> None:
        """Waits until `count` bytes have been handed on since the beginning."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._passed >= count, PATIENCE), f"only {self._passed} bytes passed"

    async def carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Everything from one socket to the other, to the end. Raises `Broken`."""
        try:
            while data := await source.read(PIECE):
                rest = memoryview(data)
                while rest:
                    piece = bytes(rest[: self._piece])
                    rest = rest[len(piece) :]
                    await self._hand_on(piece, sink)
            if not self._swallows:
                sink.write_eof()
        except OSError as error:
            raise Broken(reset=True) from error

    async def _hand_on(self, data: bytes, sink: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._lag + (len(data) / self._rate if self._rate else 0.0))
        if self._swallows:
            return
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        sink.write(data)
        await sink.drain()
        self._note(data)
        if self._left == 0:
            raise Broken(self._resets)

    def _note(self, data: bytes) -> None:
        with self._changed:
            self._passed += len(data)
            self._changed.notify_all()
            if self._record:
                self.seen += data


class Link:
    """One connection through the proxy.

    Attributes:
        ended: Set once both of its sockets are closed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *writers: asyncio.StreamWriter) -> None:
        self.ended = threading.Event()
        self._loop = loop
        self._writers = writers
        self._broken = loop.create_future()
        for writer in writers:
            writer.transport.set_write_buffer_limits(high=0)  # so that drain() waits for the kernel
            # asyncio does it only for sockets that say their protocol, which accepted ones do not.
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def cut(self) -> None:
        """Closes both sides; in the middle of whatever there is."""
        self._break(Broken(reset=False))

    def reset(self) -> None:
        """Closes both sides with RST."""
        self._break(Broken(reset=True))

    def _break(self, how: Broken) -> None:
        self._loop.call_soon_threadsafe(lambda: self._broken.done() or self._broken.set_exception(how))
        assert self.ended.wait(PATIENCE)

    async def run(self, *lanes: asyncio.Task[None]) -> None:
        """Until both directions have ended, or the link is broken."""
        reset = False
        try:
            both = asyncio.gather(*lanes)
            both.add_done_callback(lambda done: done.cancelled() or done.exception())  # may come too late to matter
            await asyncio.wait({both, self._broken}, return_when=asyncio.FIRST_COMPLETED)
            (self._broken if self._broken.done() else both).result()
        except Broken as broken:
            reset = broken.reset
        finally:
            self._broken.cancel()
            for lane in lanes:
                lane.cancel()
            self._close(reset)
            try:
                await asyncio.sleep(0)  # the sockets are closed in the loop's next round
            finally:
                self.ended.set()

    def _close(self, reset: bool) -> None:
        for writer in self._writers:
            if reset:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()


class FaultProxy:
    """Listens on `host`, and connects to `target_port` for each client."""

    def __init__(self, target_port: int, host: str, record: bool) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self._target_port = target_port
        self.port: int = self._listener.getsockname()[1]
        self.url = f"ws://{f'[{host}]' if ':' in host else host}:{self.port}"
        self.to_server = Direction(record)
        self.to_client = Direction(record)
        self.links: list[Link] = []
        self.ready = threading.Event()
        self.failures: list[BaseException] = []

    def model(self, **kwargs: object) -> LiveGenerativeModel:
        """A model whose sessions go through here; keywords as for a script server's."""
        return ScriptServer(self.port, kwargs.get("ssl_context") is not None).model(**kwargs)

    def reset(self) -> None:
        """Closes every connection with RST."""
        for link in list(self.links):
            link.reset()

    async def run(self) -> None:
        """Serves until `leave()`."""
        self._loop, self._leaving = asyncio.get_running_loop(), asyncio.Event()
        self._accepted: list[tuple[asyncio.StreamWriter, asyncio.Task[None]]] = []
        server = await asyncio.start_server(self._accept, sock=self._listener)
        self.ready.set()
        await self._leaving.wait()
        server.close()
        for writer, task in self._accepted:
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*(task for _, task in self._accepted), return_exceptions=True)

    def leave(self) -> None:
        self._loop.call_soon_threadsafe(self._leaving.set)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted.append((writer, asyncio.create_task(self._serve(reader, writer))))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        link = Link(self._loop, writer, far_writer)
        self.links.append(link)
        try:
            await link.run(
                asyncio.create_task(self.to_server.carry(reader, far_writer)),
                asyncio.create_task(self.to_client.carry(far_reader, writer)),
            )
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self.failures.append(error)


@contextlib.contextmanager
def fault_proxy(target: ScriptServer | int, *, host: str = "127.0.0.1", record: bool = False) -> Iterator[FaultProxy]:
    """A proxy to a server of the tests, or to a port of 127.0.0.1, for as long as the block runs."""
    port = target if isinstance(target, int) else int(target.url.rpartition(":")[2])
    proxy = FaultProxy(port, host, record)
    thread = threading.Thread(target=lambda: asyncio.run(proxy.run()), name="fault-proxy")
    thread.start()
    assert proxy.ready.wait(PATIENCE)
    try:
        yield proxy
    finally:
        proxy.leave()
        thread.join(PATIENCE)
    if proxy.failures:
        raise proxy.failures[0]
