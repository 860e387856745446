"""A point in time that several waits share."""

from __future__ import annotations

import time

__all__ = ["LONGEST", "Deadline"]

LONGEST = 1_000_000.0  # seconds; what poll() and locks can wait for is limited, at some 24 days


class Deadline:
    """Counts down from a number of seconds; None never ends.

    Attributes:
        at: When it ends, on the monotonic clock; None without an end.
    """

    def __init__(self, seconds: float | None) -> None:
        self.at = None if seconds is None else time.monotonic() + min(seconds, LONGEST)

    def remaining(self) -> float | None:
        """Seconds left, never negative; None without an end."""
        return None if self.at is None else max(0.0, self.at - time.monotonic())

    def patience(self) -> float:
        """Returns what is left, as a time-out for a lock: -1 without an end."""
        left = self.remaining()
        return -1 if left is None else left

    def within(self, longest: float) -> float:
        """Returns what is left, `longest` seconds at the most."""
        left = self.remaining()
        return longest if left is None else min(left, longest)

    def ends_after(self, other: Deadline) -> bool:
        return other.at is not None and (self.at is None or self.at > other.at)

    def expired(self) -> bool:
        return self.remaining() == 0.0
