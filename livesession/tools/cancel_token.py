"""`CancelToken`: how a function that the model has called learns that its answer is not wanted any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from livesession.errors import ToolCancelled
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["CancelSource", "CancelToken", "source_of"]


class CancelSource:
    """Sets a `CancelToken`: the part of it that the session holds, and not the function.

    Attributes:
        reason: Why the answer is not wanted any more, in words; None as long as it is wanted.
    """

    def __init__(self) -> None:
        # Without a lock: close() cancels, and may be called in a signal handler.
        self._notifier = Notifier()
        self.reason: str | None = None

    def cancel(self, reason: str) -> None:
        """Sets the token; the first reason stays. Does not wait, and may be called on any thread."""
        self.reason = self.reason or reason
        self._notifier.notify()

    def wake(self) -> None:
        """Has all threads in `wait_until()` look again."""
        self._notifier.notify()

    def wait_until(self, is_so: Callable[[], bool], deadline: Deadline) -> None:
        """Waits until `is_so()`, asked again at each `wake()`, or until the token is set, or the deadline."""
        self._notifier.wait_until(lambda: self.reason is not None or is_so(), deadline)


@final
class CancelToken:
    """Tells a running function that its answer is not wanted any more.

    A parameter of this type, whatever its name, is filled in and not declared to the model. The token is set when the
    server cancels the call (`toolCallCancellation`: the user cut in), when its time limit is over, and when the
    session ends or is resumed without it. What the function returns after that is dropped. Usable from any thread.
    """

    def __init__(self, source: CancelSource | None = None, /) -> None:
        self._source = source or CancelSource()

    def __repr__(self) -> str:
        return f"<CancelToken, cancelled: {self.reason}>" if self.reason else "<CancelToken>"

    @property
    def is_cancelled(self) -> bool:
        """Whether the token is set; it stays so."""
        return self._source.reason is not None

    @property
    def reason(self) -> str | None:
        """The reason why the token is set, in words; None as long as it is not."""
        return self._source.reason

    def wait(self, timeout: float | None = None) -> bool:
        """Sleeps for `timeout` seconds (None: without an end), or until the token is set.

        Returns whether it is set.
        """
        self._source.wait_until(lambda: False, Deadline(timeout))
        return self.is_cancelled

    def check(self) -> None:
        """Raises `ToolCancelled` once the token is set, which ends the function quietly."""
        reason = self._source.reason
        if reason is not None:
            raise ToolCancelled(reason)


def source_of(token: CancelToken) -> CancelSource:
    """The source of a token, for code that waits for an event of its own as well."""
    return token._source  # not an attribute for all to see: functions are not to cancel their own calls
