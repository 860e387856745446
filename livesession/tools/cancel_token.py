"""`CancelToken`: how a function that the model has called learns that its answer is not wanted any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from livesession.errors import ToolCancelled
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["CancelToken"]


@final
class CancelToken:
    """Tells a running function that its answer is not wanted any more.

    A parameter of this type, whatever its name, is filled in and not declared to the model. The token is set when the
    server cancels the call (`toolCallCancellation`: the user cut in), when its time limit is over, and when the
    session ends or is resumed without it. What the function returns after that is dropped. Usable from any thread.
    """

    def __init__(self) -> None:
        self._notifier = Notifier()
        self._reason: str | None = None

    def __repr__(self) -> str:
        return f"<CancelToken, cancelled: {self._reason}>" if self._reason else "<CancelToken>"

    @property
    def is_cancelled(self) -> bool:
        """Whether it is set; it stays so."""
        return self._reason is not None

    @property
    def reason(self) -> str | None:
        """Why it is set, in words; None as long as it is not."""
        return self._reason

    def wait(self, timeout: float | None = None) -> bool:
        """Sleeps for `timeout` seconds (None: without an end), or until it is set; whether it is."""
        return self._notifier.wait_until(lambda: self.is_cancelled, Deadline(timeout))

    def check(self) -> None:
        """Raises `ToolCancelled` once it is set, which ends the function quietly."""
        if self._reason is not None:
            raise ToolCancelled(self._reason)

    def _wait_for(self, is_so: Callable[[], bool]) -> None:
        """Waits until it is so, looking again at each `_wake()`, or until the token is set."""
        self._notifier.wait_until(lambda: self.is_cancelled or is_so(), Deadline(None))

    def _wake(self) -> None:
        self._notifier.notify()

    def _cancel(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._notifier.notify()
