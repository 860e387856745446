"""The script: rules that match turns with answers, the responder that they make, and what was not foreseen. No I/O."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from attrs import field, frozen

from livesession.emulator.faults import Close, Fault
from livesession.emulator.protocol.refusal import truncate_reason
from livesession.emulator.responder import PieceGenerator, Responder, UserTurn, as_pieces
from livesession.emulator.scripting.occasions import Occasions

TurnStep = Responder | Fault
"""A step of a scripted answer: what gives a part of it, or what goes wrong."""

TextTest = str | re.Pattern[str] | Callable[[str], object]
"""A text that is to be equalled, a pattern that is to be found, or a predicate that is to be satisfied."""


@frozen(eq=False)
class Kind:
    """A kind of turn."""

    name: str
    """For messages."""
    fits: Callable[[UserTurn], object]
    is_last_resort: bool = False
    """Whether it counts only where no other fits."""


ANYTHING = Kind("any turn", lambda turn: True, is_last_resort=True)
SPEECH = Kind("any speech", lambda turn: turn.audio)


def text_kind(test: TextTest) -> Kind:
    """Return the kind of turn that has a text that passes `test`; `TypeError` for a test of another type."""
    if isinstance(test, str):
        return Kind(f"the text {test!r}", lambda turn: turn.text and turn.text == test)
    if isinstance(test, re.Pattern):
        return Kind(f"a text with {test.pattern!r}", lambda turn: turn.text and test.search(turn.text))
    if not callable(test):
        raise TypeError(f"on_text takes a str, a compiled pattern or a function of the text, not {test!r:.80}.")
    name = getattr(test, "__name__", repr(test))
    return Kind(f"a text that satisfies {name}", lambda turn: turn.text and test(turn.text))


def tool_response_kind(name: str | None) -> Kind:
    """Return the kind of turn that holds an answer of the function `name`, None for any."""

    def fits(turn: UserTurn) -> bool:
        return any(name in (None, response.get("name")) for response in turn.tool_responses)

    return Kind(f"an answer of {name or 'any function'}", fits)


@frozen(eq=False)
class Script:
    """The answers of one emulator. Any thread may add, the responders' threads take."""

    _rules: list[tuple[Kind, Occasions[TurnStep]]] = field(factory=list)
    # Guards the list; held only to copy or append, never while a predicate runs.
    _lock: threading.Lock = field(factory=threading.Lock)

    def add(self, kind: Kind, occasions: Occasions[TurnStep]) -> None:
        with self._lock:
            self._rules.append((kind, occasions))

    def take(self, turn: UserTurn) -> tuple[TurnStep, ...] | None:
        """Return what is scripted for a turn: the newest that fits and has an answer left, None if there is none."""
        with self._lock:
            newest_first = self._rules[::-1]
        for kind, occasions in sorted(newest_first, key=lambda rule: rule[0].is_last_resort):
            if kind.fits(turn) and (steps := occasions.take()) is not None:
                return steps
        return None

    def __str__(self) -> str:
        with self._lock:
            names = [kind.name + occasions.remark for kind, occasions in self._rules]
        return ", ".join(names) or "no turns at all"


def script_responder(script: Script, otherwise: Responder | None, report: Callable[[str], object]) -> Responder:
    """Return the responder that answers by the script.

    Args:
        script: May grow meanwhile.
        otherwise: Answers what is not scripted; None closes such a connection with 1008.
        report: Is told of each turn so refused.
    """

    def answer(turn: UserTurn) -> PieceGenerator:
        steps = script.take(turn)
        if steps is None and otherwise is None:
            problem = f"Nothing is scripted for {described(turn)}"
            report(f"{problem}. Scripted are: {script}.")
            yield Close(1008, truncate_reason(f"{problem}."))
        for step in (otherwise,) if steps is None else steps:
            if callable(step):
                yield from as_pieces(step(turn))
            else:
                yield step

    return answer


def described(turn: UserTurn) -> str:
    """Describes a turn in a few words."""
    if turn.tool_responses:
        return "the answer of " + ", ".join(str(response.get("name")) for response in turn.tool_responses)
    if turn.audio:
        return f"{len(turn.audio) / 2 / turn.audio_rate:.1f} s of speech"
    return f"the text {turn.text!r:.200}" if turn.text else "a turn without text"
