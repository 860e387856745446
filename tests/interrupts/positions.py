"""Stops code of the library at its n-th place, to let an interruption come there.

Two ways to tell the places, because they answer two questions:

- `line`: each line of the library. What is done there is done by the trace function itself, so it is stricter than
  reality: CPython looks for signals only at some places. Left out are those where no version ever does, so that no
  code could be right: the exit of a `with` statement before the lock's own exit is called, and a line which does
  nothing but release a lock, or asks a variable whether to: what comes at its beginning comes after the line before,
  or after the release.
- `signal`: a signal that comes before the n-th instruction of the library, and of the modules of the standard library
  that it waits in. It is only marked as pending there, and delivered where the interpreter looks for it next, be that
  in the library or in what it calls: just what a signal does that comes at this moment.

To mark a signal as pending without having it delivered inside the trace function itself takes a trick: the call must
be made by something that is no call in byte code, after which the interpreter would look for signals. Unpacking a
`map` is such a thing.
"""

from __future__ import annotations

import _thread
import dis
import linecache
import os
import re
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import livesession

LIBRARY = os.path.dirname(livesession.__file__) + os.sep
LEFT_OUT = tuple(LIBRARY + name + os.sep for name in ("emulator", "cli", "notebook"))
WAITED_IN = tuple(module.__file__ for module in (threading,))
LONE_RELEASE = re.compile(r"\s*[\w.]+\.release\(\)(\s*#.*)?$")
LAST_TEST = re.compile(r"\s*if \w+:(\s*#.*)?$")  # of a variable of the function itself: nothing is called

# After these the interpreter does not look for signals, nor do they call anything: what comes before one of them is
# delivered where it would be had it come before the next instruction.
SIMPLE = {
    "LOAD_FAST", "LOAD_CONST", "STORE_FAST", "POP_TOP", "PUSH_NULL", "COPY", "SWAP", "LOAD_GLOBAL", "NOP", "CACHE",
    "EXTENDED_ARG", "PRECALL", "KW_NAMES", "IS_OP", "LOAD_DEREF", "STORE_DEREF", "LOAD_CLOSURE", "DUP_TOP", "ROT_TWO",
    "ROT_THREE", "BUILD_TUPLE", "BUILD_LIST", "BUILD_MAP", "LOAD_METHOD", "LOAD_FAST_LOAD_FAST", "LOAD_FAST_CHECK",
    "STORE_FAST_STORE_FAST", "STORE_FAST_LOAD_FAST", "RESUME", "COPY_FREE_VARS", "MAKE_CELL", "LOAD_FAST_AND_CLEAR",
    "MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE", "POP_EXCEPT", "PUSH_EXC_INFO", "POP_BLOCK", "LOAD_FAST_BORROW",
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW", "LOAD_SMALL_INT", "TO_BOOL", "RETURN_GENERATOR", "GEN_START",
}  # fmt: skip


def is_library(code: CodeType) -> bool:
    return code.co_filename.startswith(LIBRARY) and not code.co_filename.startswith(LEFT_OUT)


def is_walked(code: CodeType) -> bool:
    """Whether signals are let come there: the library, and what it waits in."""
    return is_library(code) or code.co_filename in WAITED_IN


def place_of(code: CodeType, line: int) -> str:
    name = code.co_filename
    name = name[len(LIBRARY) :] if name.startswith(LIBRARY) else os.path.basename(name)
    return f"{name}:{line} {getattr(code, 'co_qualname', code.co_name)}"


class Notes:
    """What is known of the code objects, found out once for each."""

    def __init__(self) -> None:
        self._withs: dict[CodeType, dict[int, int]] = {}
        self._notable: dict[CodeType, set[int]] = {}

    def leaves_with(self, code: CodeType, line: int, offset: int) -> bool:
        """Whether the line is that of a `with` statement, on the way out of it."""
        withs = self._withs.get(code)
        if withs is None:
            withs = self._withs[code] = dict(with_statements(code))
        return line in withs and offset > withs[line]

    def is_notable(self, code: CodeType, offset: int) -> bool:
        """Whether a signal that comes before this instruction may be delivered elsewhere than before the next."""
        notable = self._notable.get(code)
        if notable is None:
            instructions = dis.get_instructions(code)
            notable = self._notable[code] = {each.offset for each in instructions if each.opname not in SIMPLE}
        return offset in notable


def with_statements(code: CodeType) -> list[tuple[int, int]]:
    """The line of each `with` statement, and where the first one of the line is entered."""
    line, found = 0, {}
    for each in dis.get_instructions(code):
        starts = each.starts_line
        if starts is not None and starts is not False:
            line = getattr(each, "line_number", None) or starts
        entered = each.opname in ("BEFORE_WITH", "SETUP_WITH") or "__enter__" in str(each.argrepr)
        if entered and line not in found:
            found[line] = each.offset
    return list(found.items())


NOTES = Notes()


class Lines:
    """Does something at the n-th line of the library that the main thread comes to."""

    def __init__(self, number: int, act: Callable[[], None]) -> None:
        self._number = number
        self._act = act
        self.count = 0
        self.place = ""

    def start(self) -> None:
        sys.settrace(self._on_call)

    def stop(self) -> None:
        sys.settrace(None)

    def _on_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._on_line if is_library(frame.f_code) else None

    def _on_line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event != "line" or self._is_left_out(frame):
            return self._on_line
        self.count += 1
        if self.count == self._number:
            self.place = place_of(frame.f_code, frame.f_lineno)
            sys.settrace(None)
            self._act()
        return self._on_line

    def _is_left_out(self, frame: FrameType) -> bool:
        if NOTES.leaves_with(frame.f_code, frame.f_lineno, frame.f_lasti):
            return True
        line, behind = (linecache.getline(frame.f_code.co_filename, frame.f_lineno + more) for more in (0, 1))
        return bool(LONE_RELEASE.match(line) or (LAST_TEST.match(line) and LONE_RELEASE.match(behind)))


class TracedInstructions:
    """Marks a signal as pending before the n-th instruction that the main thread comes to; up to CPython 3.11."""

    def __init__(self, number: int, signal_number: int) -> None:
        self._number = number
        self._signal = signal_number
        self.count = 0
        self.place = ""

    def start(self) -> None:
        sys.settrace(self._on_call)

    def stop(self) -> None:
        sys.settrace(None)

    def _on_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        if not is_walked(frame.f_code):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._on_instruction

    def _on_instruction(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event != "opcode" or not NOTES.is_notable(frame.f_code, frame.f_lasti):
            return self._on_instruction
        self.count += 1
        if self.count == self._number:
            self.place = place_of(frame.f_code, frame.f_lineno)
            pending = map(_thread.interrupt_main, (self._signal,))
            sys.settrace(None)
            (_,) = pending  # no call: the interpreter does not look before it is back in the library
        return self._on_instruction


class MonitoredInstructions:
    """The same from CPython 3.12 on, where tracing by instructions comes and goes (3.13)."""

    TOOL = 4

    def __init__(self, number: int, signal_number: int) -> None:
        self._number = number
        self._signal = signal_number
        self._thread = threading.get_ident()
        self.count = 0
        self.place = ""

    def start(self) -> None:
        monitoring = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        if monitoring.get_tool(self.TOOL) is None:
            monitoring.use_tool_id(self.TOOL, "interrupts")
        monitoring.register_callback(self.TOOL, monitoring.events.INSTRUCTION, self._on_instruction)
        monitoring.set_events(self.TOOL, monitoring.events.INSTRUCTION)

    def stop(self) -> None:
        sys.monitoring.set_events(self.TOOL, 0)  # type: ignore[attr-defined,unused-ignore]

    def _on_instruction(self, code: CodeType, offset: int) -> Any:
        if not (is_walked(code) and NOTES.is_notable(code, offset)):
            return sys.monitoring.DISABLE  # type: ignore[attr-defined,unused-ignore]
        if threading.get_ident() != self._thread:
            return None
        self.count += 1
        if self.count == self._number:
            line = next((line for start, end, line in code.co_lines() if start <= offset < end), 0)
            self.place = place_of(code, line or 0)
            pending = map(_thread.interrupt_main, (self._signal,))
            self.stop()
            (_,) = pending  # as above
        return None


Instructions = MonitoredInstructions if hasattr(sys, "monitoring") else TracedInstructions


class Never:
    """Stops nowhere; for a first run."""

    count = 0
    place = ""

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass
