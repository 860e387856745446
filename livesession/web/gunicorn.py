"""For a `gunicorn.conf.py`: sessions that end with their worker.

    from livesession.web.gunicorn import post_worker_init

gunicorn tells an application nothing when a worker is to end: it waits for requests that go on, such as a
conversation over a WebSocket, until its `graceful_timeout`, and then kills it.
"""

from __future__ import annotations

import signal
from types import FrameType

from livesession.web.pool import all_pools

__all__ = ["post_worker_init"]

GRACE = 3.0  # seconds for which an answer that is being given may go on


def post_worker_init(worker: object) -> None:
    """Has the pools of a worker closed as soon as it is told to end (SIGTERM): gunicorn's hook of this name.

    Answers that are being given may go on for three seconds; idle sessions are closed at once. Then gunicorn ends the
    worker as always.
    """
    ends_worker = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        for pool in list(all_pools):
            pool.close_soon(grace=GRACE)
        if callable(ends_worker):
            ends_worker(number, frame)

    signal.signal(signal.SIGTERM, end)
