"""Handles that bring a conversation back on a new connection. Used by the event loop's thread alone; no I/O."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable

from attrs import frozen

from livesession.emulator.memory import Snapshot
from livesession.emulator.protocol.refusal import CloseRefusal, invalid

_MOST_HANDLES = 10_000
"""Handles kept; the oldest ones expire first, as the service's do after two hours."""


class Lineage:
    """One conversation through all its connections."""

    def __init__(self) -> None:
        self.session_id = str(uuid.uuid4())
        self._is_open: Callable[[], bool] = lambda: False

    def hold(self, is_open: Callable[[], bool]) -> None:
        """Say which connection carries the conversation now, by a callable that tells if it is still open."""
        if self._is_open():
            raise CloseRefusal(1011, "The session is still open on another connection.")
        self._is_open = is_open


@frozen
class _Saved:
    lineage: Lineage
    model: object
    vertex: bool
    snapshot: Snapshot


class HandleStore:
    """Every handle that an emulator has given out, with what it stands for."""

    def __init__(self) -> None:
        self._saved: dict[str, _Saved] = {}

    def save(self, lineage: Lineage, model: object, snapshot: Snapshot, *, vertex: bool) -> str:
        """Return a new handle for the conversation as it stands."""
        handle = secrets.token_urlsafe(24)
        self._saved[handle] = _Saved(lineage, model, vertex, snapshot)
        if len(self._saved) > _MOST_HANDLES:
            del self._saved[next(iter(self._saved))]
        return handle

    def restore(self, handle: str, model: object, *, vertex: bool) -> tuple[Lineage, Snapshot]:
        """Return what `handle` stands for; it stays valid.

        Raises:
            Refusal: 1008 when there is no such handle on this back end, 1007 when the model is another one.
        """
        saved = self._saved.get(handle)
        if saved is None or saved.vertex != vertex:
            raise CloseRefusal(1008, "BidiGenerateContent session not found")
        if saved.model != model:
            raise invalid("The model of a resumed session cannot change.")
        return saved.lineage, saved.snapshot
