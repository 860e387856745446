"""google-genai's Live API client: coroutines, run to their end one after the other on a loop of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from google import genai
from google.genai import types

from benchmarks.clients.client import JPEG, PCM, PING, Arrivals, Client, Session, order_text
from benchmarks.loopback import Where
from benchmarks.server.jobs import Job

__all__ = ["GenaiClient"]


class GenaiSession(Session):
    """A session of the library, and the context that closes it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, live: genai.live.AsyncSession, context: AsyncExitStack) -> None:
        self._loop = loop
        self._run = loop.run_until_complete
        self.live = live
        self._context = context

    def order(self, count: int) -> None:
        turn = {"role": "user", "parts": [{"text": order_text(count)}]}
        self._run(self.live.send_client_content(turns=turn, turn_complete=True))

    def consume(self, count: int) -> int:
        return self._run(self._consume())

    async def _consume(self) -> int:
        total = 0
        async for message in self.live.receive():
            total += len(message.data or b"")
        return total

    def send_audio(self, pcm: bytes, count: int) -> None:
        self._run(self._send_audio(pcm, count))

    async def _send_audio(self, pcm: bytes, count: int) -> None:
        for _ in range(count):
            await self.live.send_realtime_input(audio=types.Blob(data=pcm, mime_type=PCM))

    def send_image(self, jpeg: bytes, count: int) -> None:
        self._run(self._send_image(jpeg, count))

    async def _send_image(self, jpeg: bytes, count: int) -> None:
        for _ in range(count):
            await self.live.send_realtime_input(video=types.Blob(data=jpeg, mime_type=JPEG))

    def echo(self, count: int) -> list[int]:
        return self._run(self._echo(count))

    async def _echo(self, count: int) -> list[int]:
        times = []
        messages = self.live.receive()
        for _ in range(count):
            begun = time.perf_counter_ns()
            await self.live.send_realtime_input(text=PING)
            await anext(messages)
            times.append(time.perf_counter_ns() - begun)
        await messages.aclose()
        return times

    async def receive_paced(self, arrivals: Arrivals) -> None:
        async for message in self.live.receive():
            arrivals.add(message.data)

    def close(self) -> None:
        self._run(self._context.aclose())


class GenaiClient(Client[GenaiSession]):
    """The Developer API, aimed at the load server; a task a session."""

    def __init__(self, where: Where) -> None:
        super().__init__(where)
        self._loop = asyncio.new_event_loop()
        arguments = {"ssl": where.tls} if where.tls else None
        options = types.HttpOptions(base_url=where.url, async_client_args=arguments)
        self._client = genai.Client(api_key="benchmark", http_options=options)
        if not where.tls:  # which it has no way to do without
            self._client._api_client._websocket_base_url = lambda options=None: where.url
            self._client._api_client._websocket_ssl_ctx = {}

    def connect(self, job: Job) -> GenaiSession:
        return self._loop.run_until_complete(self._connect(job))

    async def _connect(self, job: Job) -> GenaiSession:
        context = AsyncExitStack()
        live = await context.enter_async_context(self._client.aio.live.connect(model=job.model))
        return GenaiSession(self._loop, live, context)

    def watch(self, sessions: Sequence[GenaiSession], arrivals: Arrivals) -> None:
        self._loop.run_until_complete(self._watch(sessions, arrivals))

    async def _watch(self, sessions: Sequence[GenaiSession], arrivals: Arrivals) -> None:
        tasks = [asyncio.ensure_future(session.receive_paced(arrivals)) for session in sessions]
        while arrivals.remaining:
            await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
