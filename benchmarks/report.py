"""The table, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.cases import METRICS
from benchmarks.summary import Line

__all__ = ["table"]

HEADER = ("case", "contender", "median", "to floor", "target", "", "rounds")


def table(lines: Iterable[Line]) -> str:
    """All lines, in columns."""
    rows = [HEADER, *map(cells, lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(laid_out(rows, widths))


def laid_out(rows: Iterable[tuple[str, ...]], widths: list[int]) -> Iterator[str]:
    previous = HEADER[0]
    for row in rows:
        if row[0] != previous:
            yield ""
        previous = row[0]
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def cells(line: Line) -> tuple[str, ...]:
    if line.value is None:
        return (line.case, line.contender, f"({METRICS[line.metric].unit})", "", "", line.problem, "0")
    metric = METRICS[line.metric]
    value = f"{line.value:,.{metric.digits}f} {metric.unit}"
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}x"
    return (line.case, line.contender, value, ratio, target(line), mark(line), str(line.rounds))


def target(line: Line) -> str:
    if line.target is None:
        return ""
    limit = line.target.limit(line.contender)
    sign = ">=" if METRICS[line.metric].higher_is_better else "<="
    return f"{sign} {limit:g}{'x' if line.target.of_floor else ''}{' always' if line.target.in_every_round else ''}"


def mark(line: Line) -> str:
    return {None: "", True: "met", False: "MISSED"}[line.met]
