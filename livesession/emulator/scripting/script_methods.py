"""The script of an emulator: the methods of `LiveEmulator` that say what it answers, and what goes wrong."""

from __future__ import annotations

from livesession.emulator.responder import Responder, echo
from livesession.emulator.scripting.occasions import Occasions
from livesession.emulator.scripting.script import (
    ANYTHING,
    SPEECH,
    Kind,
    Script,
    TextTest,
    TurnStep,
    script_responder,
    text_kind,
    tool_response_kind,
)
from livesession.emulator.scripting.scripted import Arrivals, ConnectStep, ScriptedConnection, ScriptedTurn


class ScriptMethods:
    """The part of `LiveEmulator` that is told what to answer. Any thread may script, before the start and later.

    Of all that fits a turn, what was scripted last is answered; `on_any` only where nothing else fits. What is used up
    fits no more. What nothing fits goes to the responder, or is a problem where the emulator is strict.
    """

    _replays = False  # whether a recording says what is answered

    def __init__(self, responder: Responder | None, *, strict: bool) -> None:
        if responder is not None and not callable(responder):
            raise TypeError(f"A responder is a callable that takes a UserTurn, not {type(responder).__name__}.")
        if strict and responder is not None:
            raise ValueError("A strict emulator answers by its script alone: give it no responder, or use on_any().")
        self._strict = strict
        self._script = Script()
        self._arrivals = Arrivals()
        # Appended to by the responders' threads and the loop's; only ever appended to.
        self._problems: list[str] = []
        otherwise = None if strict else responder or echo
        self._responder = script_responder(self._script, otherwise, self._problems.append)

    @property
    def problems(self) -> tuple[str, ...]:
        """The mistakes of a test, oldest first: turns that a strict emulator had no answer for, and what
        responders and predicates raised."""
        return tuple(self._problems)

    def on_text(self, text: TextTest, *, times: int | None = None) -> ScriptedTurn:
        """Script the answer to a text, whether it comes as client content or as realtime input.

        Args:
            text: The whole text, to the letter; a compiled pattern that is searched for in it; or a function that is
                given it, on the answer's thread, and says whether it is meant. The text parts of a turn are joined by
                newlines.
            times: How often it is answered; None is any number of times, but once for each answer where the last
                one ends the connection.

        Raises:
            TypeError: For anything else as `text`.
            ValueError: If `times` is less than 1.
            RuntimeError: If the emulator replays a recording; also from the other methods about turns.
        """
        return self._on(text_kind(text), times)

    def on_speech(self, *, times: int | None = None) -> ScriptedTurn:
        """Script the answer to what is spoken: a turn with speech in it, whatever is said.

        Args:
            times: How often it is answered; None is any number of times.
        """
        return self._on(SPEECH, times)

    def on_tool_response(self, name: str | None = None, *, times: int | None = None) -> ScriptedTurn:
        """Script what is said of a NON_BLOCKING function's answer, which comes as a turn of its own.

        Answers to other calls need none of this: what comes after `reply(tool_call=...)` is said once they are there.

        Args:
            name: The function's; None is any.
            times: How often it is answered; None is any number of times.
        """
        return self._on(tool_response_kind(name), times)

    def on_any(self, *, times: int | None = None) -> ScriptedTurn:
        """Script the answer to every turn that nothing else is scripted for.

        Args:
            times: How often it is answered; None is any number of times.
        """
        return self._on(ANYTHING, times)

    def on_connect(self, *, times: int | None = None) -> ScriptedConnection:
        """Script what goes wrong when a client connects; what was scripted last comes first.

        Args:
            times: To how many connections it happens; None is once for each ending in the chain, and any number of
                times for a delay.
        """
        occasions: Occasions[ConnectStep] = Occasions(times)
        self._arrivals.add(occasions)
        return ScriptedConnection(occasions)

    def _judge(self) -> None:
        if self._strict and self._problems:
            raise AssertionError("\n".join(self._problems))

    def _on(self, kind: Kind, times: int | None) -> ScriptedTurn:
        if self._replays:
            raise RuntimeError("This emulator replays a recording: of its script, on_connect() alone has a meaning.")
        occasions: Occasions[TurnStep] = Occasions(times)
        self._script.add(kind, occasions)
        return ScriptedTurn(occasions)
