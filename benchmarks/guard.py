"""A guard for CI against becoming slow: CPU time a message, as a ratio to the floor in the same run.

    python -m benchmarks.guard

A ratio hardly depends on the machine, unlike a time. Exits with 1 where one is over its limit.
"""

from __future__ import annotations

import sys

from benchmarks.cases import CASES
from benchmarks.contenders import CONTENDERS, FLOOR
from benchmarks.report import table
from benchmarks.rounds import run_rounds
from benchmarks.summary import summarise

ROUNDS = 3
GUARDED = "livesession"
LIMITS = {"receive-2560": 3.0, "send-20ms": 3.5}
"""The most that each may cost, in times the floor: what was measured (BENCHMARKS.md), and half of that again."""


def main() -> int:
    cases = [CASES[name] for name in LIMITS]
    results = run_rounds(cases, [CONTENDERS[FLOOR], CONTENDERS[GUARDED]], ROUNDS, None)
    lines = [line for line in summarise(results, tls=False) if line.metric == "cpu_us"]
    print(table(lines))
    slow = False
    for line in lines:
        limit = LIMITS[line.case]
        if line.contender == GUARDED and (line.ratio is None or line.ratio > limit):
            slow = True
            print(f"{line.case}: more than {limit:g} times the floor {line.problem}".rstrip())
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
