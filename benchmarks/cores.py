"""Which core each process runs on: clients on the first, the load server on the last, so that they share none."""

from __future__ import annotations

import os
from typing import Literal

__all__ = ["pin"]


def pin(role: Literal["client", "server"]) -> None:
    """Keeps this process on its core, where the system can do that and has two."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[0] if role == "client" else cores[-1]})
