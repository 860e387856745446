"""One client from setup to the end: messages in, conversation and listener asked, answers started and stopped."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from livesession.emulator.faults import Close, Drop, Fault, GoAway
from livesession.emulator.generation import Generation, Manner
from livesession.emulator.handle_store import Lineage
from livesession.emulator.lifetime import ConnectionLifetime
from livesession.emulator.memory import Action, Begin, ConversationMemory, Interrupt, Note, Snapshot, UserInput
from livesession.emulator.open_calls import OpenCalls
from livesession.emulator.protocol import server_frames as frames
from livesession.emulator.protocol.parser import normalise_message, parse_message
from livesession.emulator.protocol.refusal import INTERNAL_ERROR, CloseRefusal
from livesession.emulator.protocol.routes import Route
from livesession.emulator.protocol.server_frames import Dialect, render
from livesession.emulator.protocol.setup_rules import (
    JsonObject,
    check_setup,
    child,
    declared_functions,
    modality,
    non_blocking,
)
from livesession.emulator.responder import UserTurn
from livesession.emulator.service import Service
from livesession.emulator.speech.listener import new_listener
from livesession.emulator.speech.sound import INPUT_RATE

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

_logger = logging.getLogger("livesession.emulator")

SETUP_ONCE = "setup must be the first message and only the first."


class EmulatedConnection:
    """The server's side of one WebSocket. It belongs to the loop's thread."""

    def __init__(self, socket: ServerConnection, number: int, route: Route, service: Service) -> None:
        self.number = number
        self.socket = socket
        self._route = route
        self._service = service
        self._dialect = Dialect(route.vertex)
        self._calls = OpenCalls(vertex=route.vertex)
        self._queue: deque[UserInput] = deque()
        self._when_idle: deque[UserInput] = deque()
        self._generation: Generation | None = None
        self._task: asyncio.Task[None] | None = None
        self._deadline = ConnectionLifetime(socket)
        self._consumed = 0
        self._active_since: int | None = None

    async def serve(self) -> None:
        """Hold the conversation until either side ends it; raises `ConnectionClosed` of websockets at the end."""
        try:
            await self._begin()
            while True:
                await self._handle(*await self._read())
        except CloseRefusal as refusal:
            await self.socket.close(refusal.code, refusal.reason)
        finally:
            self._release()

    async def send(self, frame: Mapping[str, object] | str | bytes) -> None:
        """Send one frame: a mapping as JSON in a binary frame, bytes in a binary one, str in a text one."""
        await self.socket.send(render(frame) if isinstance(frame, Mapping) else frame)

    async def go_away(self, time_left: float) -> None:
        """Announce the end, and bring it about in `time_left` seconds."""
        await self.send(frames.go_away(time_left))
        self._deadline.set(time_left, notice=None)

    async def cancel_calls(self, ids: Collection[str] | None) -> list[str]:
        """Cancel those of `ids` that are pending, None for all that are; return which."""
        cancelled = self._calls.cancel(self._calls.pending if ids is None else ids)
        if cancelled:
            await self.send(frames.tool_call_cancellation(cancelled))
            await self._offer_handle()
        return cancelled

    # Setup.

    async def _begin(self) -> None:
        name, setup = await self._read()
        if name != "setup":
            raise CloseRefusal(1007, SETUP_ONCE)
        check_setup(setup, self._route)
        self._setup = setup
        self._lineage, snapshot = self._resume(child(setup, "sessionResumption"))
        self._lineage.hold(self._is_open)
        vertex = self._dialect.vertex
        self._conversation = ConversationMemory(setup, vertex=vertex, snapshot=snapshot)
        self._listener = new_listener(setup, vertex=vertex)
        self._manner = Manner(
            self._dialect,
            audio=modality(setup) == "AUDIO",
            transcribes="outputAudioTranscription" in setup,
            chunk_ms=self._service.chunk_ms,
            pace=self._service.pace,
            functions=frozenset(str(function["name"]) for function in declared_functions(setup)),
            non_blocking=non_blocking(setup),
        )
        await self.send(self._dialect.setup_complete(self._lineage.session_id))
        await self._offer_handle()
        if self._service.connection_limit is not None:
            self._deadline.set(self._service.connection_limit, notice=self._service.go_away_notice)

    def _resume(self, asked: JsonObject) -> tuple[Lineage, Snapshot | None]:
        handle = asked.get("handle")
        if not isinstance(handle, str) or not handle:
            return Lineage(), None
        return self._service.handles.restore(handle, self._setup["model"], vertex=self._dialect.vertex)

    def _is_open(self) -> bool:
        from websockets.protocol import State

        return self.socket.state is State.OPEN

    # Messages.

    async def _read(self) -> tuple[str, dict[str, object]]:
        data = await self.socket.recv()
        message = parse_message(data)
        self._service.journal.record(self.number, message, text=isinstance(data, str))
        return normalise_message(message, vertex=self._dialect.vertex)

    async def _handle(self, name: str, message: dict[str, object]) -> None:
        if name == "setup":
            raise CloseRefusal(1007, SETUP_ONCE)
        if name == "clientContent":
            actions = self._conversation.client_content(message)
        elif name == "realtimeInput":
            actions = self._listener.hear(message)
        else:
            actions = self._calls.respond(message)
        for action in actions:
            await self._perform(action)
        self._consumed += 1
        self._mark_activity()
        self._start_next()
        if name == "toolResponse":
            await self._offer_handle()

    def _mark_activity(self) -> None:
        """Remember where an open utterance began: a handle does not hold it, so it does not count as consumed."""
        if not self._listener.active:
            self._active_since = None
        elif self._active_since is None:
            self._active_since = self._consumed - 1

    async def _perform(self, action: Action) -> None:
        if isinstance(action, Interrupt):
            await self._interrupt()
        elif isinstance(action, Begin):
            await self._begin_turn(action)
        elif isinstance(action, Note):
            self._conversation.note(action.contents)
        else:
            await self.send(action.frame)

    # Answers.

    async def _begin_turn(self, begin: Begin) -> None:
        (self._when_idle if begin.scheduling == "WHEN_IDLE" else self._queue).append(begin.turn)
        if begin.scheduling == "INTERRUPT":
            await self._interrupt()
        self._start_next()

    def _start_next(self) -> None:
        said = self._next_input()
        if said is None:
            return
        history, prompt = self._conversation.open_turn(said)
        thread = self._service.start_responder(self._user_turn(said, history), self.number)
        report = self._service.report
        self._generation = Generation(thread, prompt, self._manner, self._calls, self.send, self._suffer, report)
        self._task = asyncio.create_task(self._answer(self._generation))

    def _next_input(self) -> UserInput | None:
        """Take what is to be answered now, None when that is nothing."""
        if self._generation is not None:
            return None
        if self._queue:
            return self._queue.popleft()
        return self._when_idle.popleft() if self._when_idle and not self._listener.active else None

    def _user_turn(self, said: UserInput, history: tuple[JsonObject, ...]) -> UserTurn:
        return UserTurn(
            text=said.text,
            audio=said.audio,
            audio_rate=INPUT_RATE,
            images=said.images,
            parts=said.parts,
            history=history,
            setup=self._setup,
            backend=self._route.kind,
            session_id=self._lineage.session_id,
            tool_responses=said.tool_responses,
        )

    async def _answer(self, generation: Generation) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            if self._resumable:
                await self.send(frames.resumption_update())
            await generation.run()
            await self._finish(generation, [frames.GENERATION_COMPLETE])
            self._start_next()
        except ConnectionClosed:
            return
        except Exception as error:
            cause = error.__cause__ or error
            self._service.report(f"The responder raised {cause!r}.")
            _logger.error("The responder failed; its connection is closed.", exc_info=cause)
            await self.socket.close(1011, INTERNAL_ERROR)

    async def _suffer(self, fault: Fault) -> None:
        if isinstance(fault, Drop):
            await self._cut()
        elif isinstance(fault, Close):
            await self.socket.close(fault.code, fault.reason)
        elif isinstance(fault, GoAway):
            await self.go_away(fault.time_left)
        else:
            await asyncio.sleep(fault.seconds)

    async def _cut(self) -> None:
        self.socket.transport.set_write_buffer_limits(0)  # so that drain() waits until everything has gone out
        await self.socket.drain()
        self.socket.transport.abort()
        await self.socket.wait_closed()

    async def _interrupt(self) -> None:
        generation, task = self._generation, self._task
        if generation is None or task is None:
            return
        if not generation.ending:
            task.cancel()
        await asyncio.wait([task])
        # Once it is ending, an answer is past interrupting: its last frames go out, and nothing else is said of it.
        if generation.ending:
            return
        cancelled = self._calls.cancel(self._calls.blocking)
        cancellation = [frames.tool_call_cancellation(cancelled)] if cancelled else []
        await self._finish(generation, [frames.INTERRUPTED, *cancellation])

    async def _finish(self, generation: Generation, last: list[frames.Frame]) -> None:
        generation.thread.stop(interrupted=not generation.ending)
        self._conversation.close_turn(generation.contents, generation.spent)
        for frame in [*last, self._dialect.turn_complete(generation.prompt, generation.spent)]:
            await self.send(frame)
        self._generation = self._task = None
        await self._offer_handle()

    @property
    def _resumable(self) -> bool:
        return "sessionResumption" in self._setup

    async def _offer_handle(self) -> None:
        """Give the client a handle, unless something is going on that a resumed conversation would not know of."""
        busy = self._generation is not None or self._queue or self._when_idle or self._calls.pending
        if busy or not self._resumable:
            return
        snapshot = self._conversation.snapshot()
        vertex = self._dialect.vertex
        handle = self._service.handles.save(self._lineage, self._setup["model"], snapshot, vertex=vertex)
        transparent = child(self._setup, "sessionResumption").get("transparent")
        consumed = self._consumed if self._active_since is None else self._active_since
        await self.send(frames.resumption_update(handle, consumed if transparent else None))

    def _release(self) -> None:
        self._deadline.cancel()
        if self._task is not None:
            self._task.cancel()
        if self._generation is not None:
            self._generation.thread.stop(interrupted=True)
