"""Where the time goes in livesession: a profile of each of its threads while it does one case.

    python -m benchmarks.profiling CONTENDER CASE PORT [AUTHORITY]

`python -m benchmarks --profile CASE` runs it with a load server. From Python 3.12 on, one profile holds all threads.
"""

from __future__ import annotations

import contextlib
import cProfile
import os
import pstats
import subprocess
import sys
import threading

from benchmarks.cases import CASES
from benchmarks.contenders import CONTENDERS
from benchmarks.cores import pin
from benchmarks.loopback import Certificates, Where, load_server

__all__ = ["profile"]

TOP = 30
WORTH_SHOWING = 0.05  # seconds


class ThreadProfiles:
    """A profile for this thread and for each that is started from now on."""

    def __init__(self) -> None:
        self._profiles: dict[str, cProfile.Profile] = {}
        self._begin()
        threading.setprofile(self._begin)

    def _begin(self, *event: object) -> None:
        mine = cProfile.Profile()
        with contextlib.suppress(ValueError):  # from Python 3.12 on, there can be only one, which sees all threads
            mine.enable()
            self._profiles[threading.current_thread().name] = mine

    def show(self) -> None:
        threading.setprofile(None)
        for name, profile in self._profiles.items():
            if not profile.getstats():
                continue
            statistics = pstats.Stats(profile).strip_dirs().sort_stats("tottime")
            if statistics.total_tt > WORTH_SHOWING:
                print(f"== {name}")
                statistics.print_stats(TOP)


def profile(contender: str, case: str, files: Certificates | None) -> None:
    """Prints the profiles of one case, measured in a process of its own."""
    with load_server(files) as server:
        command = [sys.executable, "-m", "benchmarks.profiling", contender, case, *server.where.arguments]
        subprocess.run(command, check=True)


def main() -> None:
    contender, case, port, *authority = sys.argv[1:]
    measure = CASES[case].measure
    if measure is None:
        sys.exit("for the import: python -X importtime -c 'import livesession'")
    pin("client")
    client = CONTENDERS[contender].make(Where(int(port), *authority))
    profiles = ThreadProfiles()
    measure(client)
    profiles.show()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
