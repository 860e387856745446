"""From many rounds to one number each: medians, ratios to the floor, and whether a target is met."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from benchmarks.cases import CASES, METRICS, TARGETS, Case, Metric, Target
from benchmarks.contenders import FLOOR
from benchmarks.rounds import Result

__all__ = ["Line", "summarise"]

Rounds = Mapping[tuple[str, str], dict[int, Result]]
"""By case and contender, and by round."""


@frozen
class Line:
    """One metric of one contender in one case.

    Attributes:
        value: The median of the rounds that count.
        ratio: The median of each round's ratio to the floor of the same round; None where there is none.
        rounds: How many counted.
        target: What it should be, if anything.
        met: Whether it is; None without a target.
        problem: Why there is no number.
    """

    case: str
    contender: str
    metric: str
    value: float | None
    ratio: float | None
    rounds: int
    target: Target | None = None
    met: bool | None = None
    problem: str = ""


def summarise(results: Iterable[Result], *, tls: bool) -> Iterator[Line]:
    """The lines of the table, in the order of the cases and the contenders."""
    rounds: dict[tuple[str, str], dict[int, Result]] = {}
    for result in results:
        rounds.setdefault((result.case, result.contender), {})[result.round] = result
    for case in CASES.values():
        for name, contender in rounds:
            if name != case.name:
                continue
            kept = counted(case, contender, rounds)
            for metric in case.metrics if kept else case.metrics[:1]:
                yield line(case, contender, metric, kept, rounds, tls)


def counted(case: Case, contender: str, rounds: Rounds) -> list[Result]:
    """The results that say something: of paced work, those of rounds in which the floor's does too."""
    results = [result for result in rounds[case.name, contender].values() if result.measures]
    if not case.is_paced:
        return results
    floors = rounds.get((case.name, FLOOR), {})
    return [result for result in results if result.counts and floors.get(result.round, result).counts]


def line(case: Case, contender: str, metric: str, kept: Sequence[Result], rounds: Rounds, tls: bool) -> Line:
    floors = rounds.get((case.name, FLOOR), {})
    values = [result.measures[metric] for result in kept if metric in result.measures]
    if not values:
        return Line(case.name, contender, metric, None, None, 0, problem=why_nothing(rounds[case.name, contender]))
    ratios = [
        result.measures[metric] / floors[result.round].measures[metric]
        for result in kept
        if METRICS[metric].has_ratio and floors.get(result.round) and floors[result.round].measures.get(metric)
    ]
    target = target_of(case.name, metric, contender, tls)
    numbers = ratios if target and target.of_floor else values
    met = is_met(target, METRICS[metric], contender, numbers) if target and numbers else None
    ratio = statistics.median(ratios) if ratios else None
    return Line(case.name, contender, metric, statistics.median(values), ratio, len(values), target, met)


def why_nothing(results: Mapping[int, Result]) -> str:
    problems = [result.problem for result in results.values() if result.problem]
    return problems[0] if problems else "no round counted: the machine was too busy"


def target_of(case: str, metric: str, contender: str, tls: bool) -> Target | None:
    for target in TARGETS:
        if (target.case, target.metric) == (case, metric) and target.limit(contender) is not None:
            return None if tls and target.plain_only else target
    return None


def is_met(target: Target, metric: Metric, contender: str, numbers: Sequence[float]) -> bool:
    limit = target.limit(contender)
    assert limit is not None
    if metric.higher_is_better:
        return (min(numbers) if target.in_every_round else statistics.median(numbers)) >= limit
    return (max(numbers) if target.in_every_round else statistics.median(numbers)) <= limit
