"""The lifetime of a connection: `goAway` first, then its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from livesession.emulator.protocol import server_frames as frames
from livesession.emulator.protocol.refusal import DEADLINE_EXPIRED

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection


class ConnectionLifetime:
    """The end of one connection, once it is set. It belongs to the loop's thread."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._task: asyncio.Task[None] | None = None

    def set(self, seconds: float, notice: float | None) -> None:
        """Replace what was set before; `notice` is how long before the end `goAway` is sent, None for not at all."""
        self.cancel()
        self._task = asyncio.create_task(self._expire(seconds, notice))

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _expire(self, seconds: float, notice: float | None) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            if notice is not None:
                await asyncio.sleep(seconds - notice)
                seconds = min(seconds, notice)
                await self._socket.send(frames.render(frames.go_away(seconds)))
            await asyncio.sleep(seconds)
            await self._socket.close(1011, DEADLINE_EXPIRED)
        except ConnectionClosed:
            return
