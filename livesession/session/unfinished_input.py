"""The user's side of a session: what was begun and not completed."""

from __future__ import annotations

__all__ = ["UnfinishedInput"]


class UnfinishedInput:
    """Notes what the user is in the middle of; each field is one assignment of a sender's thread.

    Attributes:
        is_seeding: Whether what is sent up to the first `turn_complete` is history.
        is_speaking: Whether the user is between `activityStart` and `activityEnd`.
        is_turn_open: Whether the last `send()` waits for more, so that no answer will come.
    """

    __slots__ = ("_is_warning_due", "is_seeding", "is_speaking", "is_turn_open")

    def __init__(self, *, is_seeding: bool) -> None:
        self.is_seeding = is_seeding
        self.is_speaking = False
        self.is_turn_open = False
        self._is_warning_due = False

    def leave_turn_open(self) -> None:
        """Notes that `send()` has left the turn open."""
        self.is_turn_open = self._is_warning_due = True

    def complete_turn(self) -> None:
        """Notes that the model can answer."""
        self.is_turn_open = self._is_warning_due = False

    @property
    def is_warning_due(self) -> bool:
        """Whether the consumer has not been warned yet that the turn was left open."""
        return self._is_warning_due

    def note_warning(self) -> None:
        """Notes that the consumer has been warned."""
        self._is_warning_due = False

    @property
    def is_in_progress(self) -> bool:
        """Whether something of the user's is not complete, so that the server gives no handle."""
        return self.is_turn_open or self.is_speaking
