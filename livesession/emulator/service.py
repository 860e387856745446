"""The service that the connections of one emulator share."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from livesession.emulator.handle_store import HandleStore
from livesession.emulator.journal import Journal
from livesession.emulator.responder import Responder, UserTurn
from livesession.emulator.responder_thread import ResponderThread
from livesession.emulator.scripting.scripted import Arrivals


@frozen(eq=False)
class Service:
    """The state that all connections of one emulator share. It belongs to the loop's thread."""

    responder: Responder
    journal: Journal
    chunk_ms: int
    pace: float
    connection_limit: float | None
    go_away_notice: float
    arrivals: Arrivals = field(factory=Arrivals)
    report: Callable[[str], object] = lambda problem: None
    """Is told of what a test should not pass over; called from the loop's thread."""
    handles: HandleStore = field(factory=HandleStore)
    threads: list[ResponderThread] = field(factory=list)
    """The responders' threads that may still be running."""

    def start_responder(self, turn: UserTurn, connection: int) -> ResponderThread:
        """Start a thread for one answer, and remember it for the emulator's end."""
        thread = ResponderThread(self.responder, turn, f"livesession-responder-{connection}")
        self.threads[:] = [known for known in self.threads if known.thread.is_alive()]
        self.threads.append(thread)
        thread.start()
        return thread
