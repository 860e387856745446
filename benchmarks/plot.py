"""The ratios to the floor as a picture; needs matplotlib, in the extra `bench`."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.cases import CASES
from benchmarks.contenders import CONTENDERS, FLOOR
from benchmarks.summary import Line

__all__ = ["draw"]

HEIGHT = 0.8  # of all bars of a case together; between cases there is the rest of 1
TICKS = (0.5, 1, 2, 3, 5, 10, 20)
COLOURS = {
    "livesession": "#1a73e8",
    "livesession-speed": "#0b3d91",
    "google-genai": "#d93025",
    "websockets": "#f29900",
    "websocket-client": "#9aa0a6",
}


def draw(file: str, lines: Sequence[Line]) -> None:
    """Horizontal bars on a logarithmic axis, the most telling ratio of each case; a line where a target is."""
    shown = [line for line in lines if line.ratio is not None and line.contender != FLOOR and is_first(line)]
    cases = [name for name in CASES if any(line.case == name for line in shown)]
    present = [name for name in CONTENDERS if any(line.contender == name for line in shown)]
    figure = Figure(figsize=(9, 1 + 0.22 * len(cases) * (len(present) + 1)), layout="constrained")
    axes = figure.add_subplot()
    for line in shown:
        place = cases.index(line.case) + (present.index(line.contender) + 0.5) * HEIGHT / len(present) - HEIGHT / 2
        draw_bar(axes, line, place, HEIGHT / len(present))
    axes.set_xscale("log")
    axes.set_xticks(TICKS, map(str, TICKS))
    axes.minorticks_off()
    axes.set_yticks(range(len(cases)), cases)
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("times the floor (raw socket, orjson, binascii, by hand); the mark is the target; less is better")
    bars = [axes.barh([0], [0], color=COLOURS[name], label=name) for name in present]
    figure.legend(handles=bars, loc="outside upper center", ncols=len(present))
    figure.savefig(file, dpi=150)


def is_first(line: Line) -> bool:
    """Whether no other metric of the case comes before."""
    return line.metric == CASES[line.case].metrics[0]


def draw_bar(axes: Axes, line: Line, place: float, height: float) -> None:
    assert line.ratio is not None
    axes.barh(place, line.ratio - 1, height, left=1, color=COLOURS[line.contender])
    axes.annotate(f" {line.ratio:.2f}", (max(line.ratio, 1), place), va="center", fontsize=7)
    limit = line.target.limit(line.contender) if line.target and line.target.of_floor else None
    if limit is not None:
        axes.plot([limit, limit], [place - height / 2, place + height / 2], color="black", linewidth=2)
