"""Running measurements: each in processes of its own, all contenders in turn, and that again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

from attrs import frozen

from benchmarks.cases import Case
from benchmarks.contenders import FLOOR, Contender
from benchmarks.imports import measure_import
from benchmarks.loopback import Certificates, load_server
from benchmarks.measuring import Measures

__all__ = ["Result", "run_rounds"]

PATIENCE = 120.0  # seconds for one measurement
ATTEMPTS = 3
LATE_P50, LATE_P99 = 4.0, 40.0  # ms; a tenth of the interval, and all of it; later, the load server is the bottleneck
FLOOR_DELIVERED, FLOOR_P50 = 0.98, 1.0  # share, ms; where the floor does worse, the machine is busy with other work


@frozen
class Result:
    """One measurement.

    Attributes:
        measures: What came out; empty if it failed.
        server: How the load server fared.
        problem: Why it failed; empty if it did not.
    """

    round: int
    case: str
    contender: str
    measures: Measures
    server: dict[str, float]
    problem: str = ""

    @property
    def counts(self) -> bool:
        """Whether the load server was on time, and the machine free enough for the floor to keep up."""
        if not self.measures or self.server["late_p50_ms"] > LATE_P50 or self.server["late_p99_ms"] > LATE_P99:
            return False
        if self.contender != FLOOR:
            return True
        return self.measures["delivered"] >= FLOOR_DELIVERED and self.measures["p50_ms"] <= FLOOR_P50


def run_rounds(
    cases: Sequence[Case], contenders: Sequence[Contender], rounds: int, files: Certificates | None
) -> Iterator[Result]:
    """All cases for all contenders, round by round; who comes first changes from round to round."""
    for number in range(rounds):
        first = number % len(contenders)
        order = [*contenders[first:], *contenders[:first]]
        for case in cases:
            for contender in order:
                yield run_until_it_counts(number, case, contender, files)


def run_until_it_counts(number: int, case: Case, contender: Contender, files: Certificates | None) -> Result:
    """Paced work depends on the machine being free at that time: it gets a few attempts."""
    result = run_once(number, case, contender, files)
    for _ in range(ATTEMPTS - 1):
        if result.problem or not case.is_paced or result.counts:
            break
        result = run_once(number, case, contender, files)
    return result


def run_once(number: int, case: Case, contender: Contender, files: Certificates | None) -> Result:
    """One case for one contender."""
    if case.measure is None:
        return Result(number, case.name, contender.name, measure_import(contender), {})
    with load_server(files) as server:
        command = [sys.executable, "-m", "benchmarks.worker", contender.name, case.name, *server.where.arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
            output, problem = done.stdout, last_line(done.stderr) if done.returncode else ""
        except subprocess.TimeoutExpired:
            output, problem = "", f"took more than {PATIENCE:g} s"
    measures = json.loads(output) if output and not problem else {}
    return Result(number, case.name, contender.name, measures, server.report, problem)


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it failed without a word"])[-1]
