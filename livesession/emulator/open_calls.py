"""The function calls that a connection's client has not settled, and what its answers ask for. No I/O, no threads.

A blocking call holds up the answer that made it. A call of a function declared as NON_BLOCKING outlives that answer:
what the client answers to it is said in a new one, or only entered into the history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from attrs import frozen

from livesession.emulator.memory import Action, Begin, Note, function_responses
from livesession.emulator.protocol.refusal import NOT_FOUND, CloseRefusal, invalid
from livesession.emulator.protocol.setup_rules import JsonObject, objects
from livesession.emulator.responder import Answers


@frozen
class OpenCall:
    """One call, under the id that the client knows it by."""

    id: str
    name: str
    blocking: bool


class OpenCalls:
    """The pending calls of one connection. It belongs to the loop's thread."""

    def __init__(self, *, vertex: bool) -> None:
        self._vertex = vertex
        self._pending: dict[str, OpenCall] = {}
        self._answers: Answers = []
        self._unblocked = asyncio.Event()

    @property
    def pending(self) -> tuple[str, ...]:
        """The ids of all pending calls, oldest first."""
        return tuple(self._pending)

    @property
    def blocking(self) -> tuple[str, ...]:
        """The ids of those that hold up the answer being given."""
        return tuple(call.id for call in self._pending.values() if call.blocking)

    def add(self, calls: Iterable[OpenCall]) -> None:
        """Enter the calls of one message, before it is sent."""
        self._pending.update((call.id, call) for call in calls)
        self._answers = []
        self._unblocked.clear()

    async def answers(self) -> Answers:
        """Wait until no blocking call is pending; return what was answered to those added last."""
        await self._unblocked.wait()
        return self._answers

    def cancel(self, ids: Collection[str]) -> list[str]:
        """Forget those of `ids` that are pending, and return them."""
        cancelled = [call_id for call_id in self._pending if call_id in ids]
        for call_id in cancelled:
            self._settle(call_id)
        return cancelled

    def respond(self, message: JsonObject) -> list[Action]:
        """Take a `toolResponse`.

        Raises:
            Refusal: 1007 without a response, or without an id on the Developer API; 1008 for an id of no pending call.
        """
        responses = objects(message, "functionResponses")
        if not responses:
            raise invalid("function_responses is required.")
        return _scheduled([response for response in responses if self._take(response)])

    def _take(self, response: JsonObject) -> bool:
        """Enter one response, and settle its call; return whether it is news, which no answer waits for."""
        call = self._find(response)
        if call is None:
            # Recorded from Vertex: a response without an id that answers nothing is input like any other.
            return True
        continues = bool(response.get("willContinue"))
        if call.blocking:
            self._answers.append(dict(response))
        if not continues:
            self._settle(call.id)
        return not call.blocking and bool(continues or response.get("response") or response.get("parts"))

    def _find(self, response: JsonObject) -> OpenCall | None:
        call_id = response.get("id")
        if call_id:
            if call_id not in self._pending:
                raise CloseRefusal(1008, NOT_FOUND)
            return self._pending[str(call_id)]
        if not self._vertex:
            raise invalid("function_responses.id is required.")
        return next((call for call in self._pending.values() if call.name == response.get("name")), None)

    def _settle(self, call_id: str) -> None:
        del self._pending[call_id]
        if not self.blocking:
            self._unblocked.set()


def _scheduled(responses: list[JsonObject]) -> list[Action]:
    """Return what the `scheduling` of responses asks for; all those that are to be spoken of are one turn."""
    silent = [response for response in responses if response.get("scheduling") == "SILENT"]
    spoken = [response for response in responses if response.get("scheduling") != "SILENT"]
    actions: list[Action] = [Note(function_responses(silent).contents)] if silent else []
    if not spoken:
        return actions
    interrupts = any(response.get("scheduling") == "INTERRUPT" for response in spoken)
    return [*actions, Begin(function_responses(spoken), "INTERRUPT" if interrupts else "WHEN_IDLE")]
