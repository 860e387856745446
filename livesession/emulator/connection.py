"""One client from setup to the end: messages in, conversation and listener asked, answers started and stopped."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from livesession.emulator import frames
from livesession.emulator.audio import INPUT_RATE
from livesession.emulator.conversation import Action, Begin, Conversation, Interrupt, Snapshot, UserInput
from livesession.emulator.frames import Dialect, render
from livesession.emulator.generation import Generation, Manner
from livesession.emulator.listening import new_listener
from livesession.emulator.normalise import normalise_message, parse_message
from livesession.emulator.refusal import DEADLINE_EXPIRED, INTERNAL_ERROR, NOT_FOUND, Refusal, invalid
from livesession.emulator.responder import UserTurn
from livesession.emulator.resumption import Lineage
from livesession.emulator.routes import Route
from livesession.emulator.rules import JsonObject, check_setup, child, modality, objects
from livesession.emulator.service import Service

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

_logger = logging.getLogger("livesession.emulator")

SETUP_ONCE = "setup must be the first message and only the first."


class Connection:
    """The server's side of one WebSocket. It belongs to the loop's thread."""

    def __init__(self, socket: ServerConnection, number: int, route: Route, service: Service) -> None:
        self.number = number
        self.socket = socket
        self._route = route
        self._service = service
        self._dialect = Dialect(route.vertex)
        self._queue: deque[UserInput] = deque()
        self._generation: Generation | None = None
        self._task: asyncio.Task[None] | None = None
        self._deadline: asyncio.Task[None] | None = None
        self._consumed = 0
        self._active_since: int | None = None

    async def serve(self) -> None:
        """Hold the conversation until either side ends it; raises `ConnectionClosed` of websockets at the end."""
        try:
            await self._begin()
            while True:
                await self._handle(*await self._read())
        except Refusal as refusal:
            await self.socket.close(refusal.code, refusal.reason)
        finally:
            self._release()

    async def send(self, frame: Mapping[str, object] | str | bytes) -> None:
        """Send one frame: a mapping as JSON in a binary frame, bytes in a binary one, str in a text one."""
        await self.socket.send(render(frame) if isinstance(frame, Mapping) else frame)

    async def go_away(self, time_left: float) -> None:
        """Announce the end, and bring it about in `time_left` seconds."""
        await self.send(frames.go_away(time_left))
        self._end_in(time_left, notice=None)

    # --- setup -------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        name, setup = await self._read()
        if name != "setup":
            raise Refusal(1007, SETUP_ONCE)
        check_setup(setup, self._route)
        self._setup = setup
        self._lineage, snapshot = self._resume(child(setup, "sessionResumption"))
        self._lineage.hold(self._is_open)
        vertex = self._dialect.vertex
        self._conversation = Conversation(setup, vertex=vertex, snapshot=snapshot)
        self._listener = new_listener(setup, vertex=vertex)
        self._manner = Manner(
            self._dialect,
            audio=modality(setup) == "AUDIO",
            transcribes="outputAudioTranscription" in setup,
            chunk_ms=self._service.chunk_ms,
            pace=self._service.pace,
        )
        await self.send(self._dialect.setup_complete(self._lineage.session_id))
        await self._offer_handle()
        if self._service.connection_limit is not None:
            self._end_in(self._service.connection_limit, notice=self._service.go_away_notice)

    def _resume(self, asked: JsonObject) -> tuple[Lineage, Snapshot | None]:
        handle = asked.get("handle")
        if not isinstance(handle, str) or not handle:
            return Lineage(), None
        return self._service.handles.restore(handle, self._setup["model"], vertex=self._dialect.vertex)

    def _is_open(self) -> bool:
        from websockets.protocol import State

        return self.socket.state is State.OPEN

    # --- messages ----------------------------------------------------------------------------------------------

    async def _read(self) -> tuple[str, dict[str, object]]:
        data = await self.socket.recv()
        message = parse_message(data)
        self._service.journal.record(self.number, message, text=isinstance(data, str))
        return normalise_message(message, vertex=self._dialect.vertex)

    async def _handle(self, name: str, message: dict[str, object]) -> None:
        if name == "setup":
            raise Refusal(1007, SETUP_ONCE)
        if name == "clientContent":
            actions = self._conversation.client_content(message)
        elif name == "realtimeInput":
            actions = self._listener.hear(message)
        else:
            actions = self._tool_response(message)
        for action in actions:
            await self._perform(action)
        self._consumed += 1
        self._mark_activity()

    def _mark_activity(self) -> None:
        """Remember where an open utterance began: a handle does not hold it, so it does not count as consumed."""
        if not self._listener.active:
            self._active_since = None
        elif self._active_since is None:
            self._active_since = self._consumed - 1

    def _tool_response(self, message: JsonObject) -> list[Action]:
        responses = objects(message, "functionResponses")
        if not responses:
            raise invalid("function_responses is required.")
        surplus = [response for response in responses if not self._claimed(response)]
        if not surplus:
            return []
        # Recorded from Vertex: a response without an id that answers nothing is input like any other.
        parts = tuple({"functionResponse": response} for response in surplus)
        return [Begin(UserInput(({"role": "user", "parts": list(parts)},), parts=parts))]

    def _claimed(self, response: JsonObject) -> bool:
        if self._generation is not None:
            return self._generation.answer(response)
        if response.get("id"):
            raise Refusal(1008, NOT_FOUND)
        if not self._dialect.vertex:
            raise invalid("function_responses.id is required.")
        return False

    async def _perform(self, action: Action) -> None:
        if isinstance(action, Interrupt):
            await self._interrupt()
        elif isinstance(action, Begin):
            self._queue.append(action.turn)
            self._start_next()
        else:
            await self.send(action.frame)

    # --- answers -----------------------------------------------------------------------------------------------

    def _start_next(self) -> None:
        if self._generation is not None or not self._queue:
            return
        history, prompt = self._conversation.open_turn(self._queue[0])
        turn = self._user_turn(self._queue.popleft(), history)
        thread = self._service.start_responder(turn, self.number)
        self._generation = Generation(thread, prompt, self._manner, self.send)
        self._task = asyncio.create_task(self._answer(self._generation))

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
        )

    async def _answer(self, generation: Generation) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            if self._resumable:
                await self.send(frames.resumption_update())
            await generation.run()
            await self._finish(generation, [frames.GENERATION_COMPLETE])
        except ConnectionClosed:
            return
        except Exception as error:
            _logger.error("The responder failed; its connection is closed.", exc_info=error.__cause__ or error)
            await self.socket.close(1011, INTERNAL_ERROR)

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
        cancelled = [frames.tool_call_cancellation(generation.pending)] if generation.pending else []
        await self._finish(generation, [frames.INTERRUPTED, *cancelled])

    async def _finish(self, generation: Generation, last: list[frames.Frame]) -> None:
        generation.thread.stop(interrupted=not generation.ending)
        self._conversation.close_turn(generation.contents, generation.spent)
        for frame in [*last, self._dialect.turn_complete(generation.prompt, generation.spent)]:
            await self.send(frame)
        if not self._queue:
            await self._offer_handle()
        self._generation = self._task = None
        self._start_next()

    @property
    def _resumable(self) -> bool:
        return "sessionResumption" in self._setup

    async def _offer_handle(self) -> None:
        if not self._resumable:
            return
        snapshot = self._conversation.snapshot()
        vertex = self._dialect.vertex
        handle = self._service.handles.save(self._lineage, self._setup["model"], snapshot, vertex=vertex)
        transparent = child(self._setup, "sessionResumption").get("transparent")
        consumed = self._consumed if self._active_since is None else self._active_since
        await self.send(frames.resumption_update(handle, consumed if transparent else None))

    # --- the end -----------------------------------------------------------------------------------------------

    def _end_in(self, seconds: float, notice: float | None) -> None:
        """Replace the connection's deadline; `notice` is how long before it `goAway` is sent, None for not at all."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.create_task(self._expire(seconds, notice))

    async def _expire(self, seconds: float, notice: float | None) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            if notice is not None:
                await asyncio.sleep(seconds - notice)
                seconds = min(seconds, notice)
                await self.send(frames.go_away(seconds))
            await asyncio.sleep(seconds)
            await self.socket.close(1011, DEADLINE_EXPIRED)
        except ConnectionClosed:
            return

    def _release(self) -> None:
        for task in (self._task, self._deadline):
            if task is not None:
                task.cancel()
        if self._generation is not None:
            self._generation.thread.stop(interrupted=True)
