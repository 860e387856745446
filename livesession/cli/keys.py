"""Single keys from the terminal, read as they are pressed, without Enter.

A terminal reports that a key is pressed, and not that it is let go.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["read_keys", "single_keys"]

if sys.platform == "win32":
    import msvcrt
    import time

    @contextmanager
    def single_keys() -> Iterator[None]:
        """Does nothing: `msvcrt` reads single keys in any mode of the terminal."""
        yield

    def read_keys(seconds: float) -> str:
        """Waits `seconds`, and returns the key that was pressed meanwhile, in lower case; empty without one."""
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
        """Switches the terminal to single keys, which it does not show, until the block ends. Ctrl-C goes on working.

        Keys that were pressed and not read are dropped then, so that the shell does not take them for a command.
        """
        before = termios.tcgetattr(sys.stdin)
        try:
            tty.setcbreak(sys.stdin)
            yield
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, before)

    def read_keys(seconds: float) -> str:
        """Returns the keys that are pressed next, in lower case, without arrows and the like; empty after `seconds`."""
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        keys = os.read(sys.stdin.fileno(), 64).decode(errors="ignore") if ready else ""
        return NAMED_KEY.sub("", keys).lower()
