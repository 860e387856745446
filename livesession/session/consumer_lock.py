"""The lock of the consumer: one iterator at a time receives a session's messages."""

from __future__ import annotations

import threading
import weakref

from livesession.errors import ConcurrentReceiveError

__all__ = ["ConsumerLock"]


class ConsumerLock:
    """Notes which iterator consumes a session's messages, and on which thread.

    The iterator is held weakly: one that is dropped, as a `for` loop does that is left with `break`, has let go.
    """

    __slots__ = ("_holder", "_is_waiting", "_lock", "_thread")

    def __init__(self) -> None:
        # Guards the fields below; no other lock is taken inside. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._holder: weakref.ref[object] | None = None
        self._thread = threading.current_thread()
        self._is_waiting = False

    def is_kept(self, consumer: object) -> bool:
        """Whether this consumer has the claim, in this thread; without a lock, as no other thread can take it then."""
        return self._thread is threading.current_thread() and self._holder is not None and self._holder() is consumer

    def enter(self, consumer: object, *, is_new: bool) -> None:
        """Takes the claim, or keeps it, before waiting for a message.

        Raises `ConcurrentReceiveError` when another thread's consumer has it, and to one that had it (`is_new` is
        False) and was taken over in its own thread.
        """
        with self._lock:
            holder = self._holder() if self._holder else None
            if holder is consumer:
                self._check_not_waiting_elsewhere()
            elif not is_new:
                raise ConcurrentReceiveError(
                    "This iterator was taken over by a later receive(), receive_turn() or ask() in the same thread; "
                    "iterate over that one, or call receive() again."
                )
            elif holder is not None and self._is_elsewhere():
                raise ConcurrentReceiveError(
                    f"The thread {self._thread.name!r} is receiving from this session already. A session has one "
                    "consumer at a time: let that one hand messages on, or close its iterator first (stop() an audio "
                    "conversation). To ask from several threads, use a session for each, or a lock. Nothing was sent."
                )
            self._holder = weakref.ref(consumer)
            self._thread = threading.current_thread()
            self._is_waiting = True

    def _is_elsewhere(self) -> bool:
        return self._thread is not threading.current_thread() and self._thread.is_alive()

    def _check_not_waiting_elsewhere(self) -> None:
        if self._is_waiting and self._is_elsewhere():
            raise ConcurrentReceiveError(
                f"The thread {self._thread.name!r} is waiting in this very iterator; one thread at a time may."
            )

    def leave(self) -> None:
        """The wait is over; the claim stays."""
        self._is_waiting = False

    def release(self, consumer: object) -> None:
        """Lets go of the claim, if it is this consumer's."""
        with self._lock:
            if self._holder and self._holder() is consumer:
                self._holder = None
