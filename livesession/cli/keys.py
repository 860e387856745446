"""Single keys from the terminal, as they are pressed, without Enter.

A terminal tells when a key is pressed, and not when it is let go.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["pressed", "single_keys"]

if sys.platform == "win32":
    import msvcrt
    import time

    @contextmanager
    def single_keys() -> Iterator[None]:
        """Needs nothing here."""
        yield

    def pressed(seconds: float) -> str:
        """The key that was pressed, if any, after so many seconds."""
        time.sleep(seconds)
        return msvcrt.getwch().lower() if msvcrt.kbhit() else ""

else:
    import os
    import re
    import select
    import termios
    import tty

    NAMED_KEY = re.compile(r"\x1b[\[O]?[\d;]*.?", re.DOTALL)  # an arrow, F1, Alt and a letter

    @contextmanager
    def single_keys() -> Iterator[None]:
        """For the block, keys come at once and are not shown; then the terminal is as it was. Ctrl-C goes on working.

        What was pressed and not read is forgotten, so that the shell does not take it for a command.
        """
        before = termios.tcgetattr(sys.stdin)
        try:
            tty.setcbreak(sys.stdin)
            yield
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, before)

    def pressed(seconds: float) -> str:
        """The keys that are pressed next, in lower case, but no arrows and the like; none after so many seconds."""
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        keys = os.read(sys.stdin.fileno(), 64).decode(errors="ignore") if ready else ""
        return NAMED_KEY.sub("", keys).lower()
