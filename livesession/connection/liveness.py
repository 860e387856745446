"""Whether the peer is still there, told from what it sends, without I/O.

Only silence costs anything: a peer that talks is never asked. One that falls silent is pinged, and given up after a
much longer time, because Google's servers have been seen to answer a ping 30 s late.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from livesession.connection.close_info import ABNORMAL, CloseInfo
from livesession.sync.deadline import LONGEST

__all__ = ["Liveness"]


class Liveness:
    """Measures the silence of a connection.

    Args:
        ping_after: Seconds of silence after which to ask for a sign of life; None never does.
        dead_after: Seconds of silence after which the peer is given up; None never does.
        ping: Asks; must not wait.
    """

    __slots__ = ("_alive_at", "_dead_after", "_has_asked", "_ping", "_ping_after", "_quiet_from")

    def __init__(self, ping_after: float | None, dead_after: float | None, ping: Callable[[], None]) -> None:
        self._ping_after = in_seconds(ping_after)
        self._dead_after = in_seconds(dead_after)
        self._ping = ping
        self.heard()

    def heard(self) -> None:
        """The peer sent something, or the silence until now was this side's fault: it did not listen."""
        self._alive_at = time.monotonic()
        self._quiet_from = self._alive_at  # or, later, when it was asked last
        self._has_asked = False

    @property
    def next_at(self) -> float:
        """The time to `check()`, on the monotonic clock; infinite where that is never."""
        return min(self._quiet_from + self._ping_after, self._alive_at + self._dead_after)

    def check(self) -> CloseInfo | None:
        """Asks for a sign of life when it is time to; says how the connection ends when the peer is given up."""
        now = time.monotonic()
        if now < self.next_at:
            return None
        if not self._has_asked and now >= self._quiet_from + self._ping_after:
            # Death is as late as the question: this process may have slept, or been stopped in a debugger.
            self._alive_at = now - self._ping_after  # as if it had spoken until then
        elif now >= self._alive_at + self._dead_after:
            return self._ending()
        self._has_asked = True
        self._quiet_from = now
        self._ping()
        return None

    def _ending(self) -> CloseInfo:
        limit = f"{self._dead_after:g} s, the limit of SessionOptions.dead_after"
        return CloseInfo(ABNORMAL, "", "network", f"Nothing was heard from the server for {limit}")


def in_seconds(limit: float | None) -> float:
    """A time limit as a number: infinite for None, else what can be waited for at the most."""
    return math.inf if limit is None else min(limit, LONGEST)
