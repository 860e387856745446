"""The hook of one message on its way out: told when it is about to be written, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["WriteHook", "WriteHooks"]


class WriteHook:
    """Follows one message through the writer; the methods here do nothing.

    Attributes:
        is_sent: Set by the writer as soon as the whole message is out, before anything else can happen.
    """

    is_sent = False

    def before_write(self) -> None:
        """Called with the write lock held, in the order in which messages go out; what it raises stops the message."""

    def on_sent(self) -> None:
        """Called on the sender's thread, without the lock, when the message is out."""

    def on_not_sent(self) -> None:
        """Called when the message did not go out whole, also where `before_write()` was never called, or raised."""


class WriteHooks(WriteHook):
    """Several hooks of one message, called in their order."""

    def __init__(self, hooks: Sequence[WriteHook]) -> None:
        self._hooks = hooks

    def before_write(self) -> None:
        for hook in self._hooks:
            hook.before_write()

    def on_sent(self) -> None:
        for hook in self._hooks:
            hook.is_sent = True
            hook.on_sent()

    def on_not_sent(self) -> None:
        for hook in self._hooks:
            hook.on_not_sent()
