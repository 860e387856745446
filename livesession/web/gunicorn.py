"""Hooks for a `gunicorn.conf.py`: sessions end with their worker.

    from livesession.web.gunicorn import post_worker_init

gunicorn tells an application nothing when a worker is to end: it waits for requests that go on, such as a
conversation over a WebSocket, until its `graceful_timeout`, and then kills it.
"""

from __future__ import annotations

import signal
from types import FrameType

from livesession.web.session_pool import all_pools

__all__ = ["post_worker_init"]

GRACE = {signal.SIGTERM: 3.0, signal.SIGINT: 0.0, signal.SIGQUIT: 0.0}
"""By a signal that ends a worker: the seconds for which an answer that is being given may go on."""


def post_worker_init(worker: object) -> None:
    """Has the pools of a worker closed as soon as it is told to end: gunicorn's hook of this name.

    At SIGTERM answers that are being given may go on for three seconds, and idle sessions are closed at once; at Ctrl-C
    and SIGQUIT all are. Then gunicorn ends the worker as always.
    """
    for number, grace in GRACE.items():
        close_pools_at(number, grace)


def close_pools_at(number: signal.Signals, grace: float) -> None:
    ends_worker = signal.getsignal(number)

    def end(number: int, frame: FrameType | None) -> None:
        for pool in list(all_pools):
            pool.close_soon(grace=grace)
        if callable(ends_worker):
            ends_worker(number, frame)

    signal.signal(number, end)
