"""What is measured, in which numbers, and what those should be."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import frozen

from benchmarks import measuring
from benchmarks.measuring import Measures

__all__ = ["CASES", "METRICS", "TARGETS", "Case", "Metric", "Target"]


@frozen
class Metric:
    """A number that a case yields.

    Attributes:
        unit: How it is printed.
        digits: How exactly.
        has_ratio: Whether its ratio to the floor says anything.
        higher_is_better: As for throughput.
    """

    unit: str
    digits: int = 1
    has_ratio: bool = True
    higher_is_better: bool = False


METRICS = {
    "cpu_us": Metric("us CPU"),
    "per_second": Metric("/s", 0, has_ratio=False, higher_is_better=True),
    "p50_us": Metric("us p50"),
    "p99_us": Metric("us p99", has_ratio=False),
    "p50_ms": Metric("ms p50", 2),
    "p99_ms": Metric("ms p99", 2, has_ratio=False),
    "delivered": Metric("delivered", 3, has_ratio=False, higher_is_better=True),
    "import_ms": Metric("ms CPU"),
    "megabytes": Metric("MB", has_ratio=False),
    "kilobytes": Metric("KB a session", has_ratio=False),
}


@frozen
class Case:
    """One kind of work.

    Attributes:
        metrics: The numbers it yields, the most telling one first.
        measure: What does it with a client; None for the import, which needs fresh processes.
        is_paced: Whether it depends on the load server being on time.
    """

    name: str
    metrics: tuple[str, ...]
    measure: Callable[[Any], Measures] | None
    is_paced: bool = False


def paced(number: int) -> Case:
    metrics = ("cpu_us", "p50_ms", "p99_ms", "delivered")
    return Case(f"sessions-{number}", metrics, partial(measuring.sessions, number=number), is_paced=True)


THROUGHPUT = ("cpu_us", "per_second")

CASES = {
    case.name: case
    for case in (
        Case("receive-2560", THROUGHPUT, partial(measuring.receive, characters=2560)),
        Case("receive-5120", THROUGHPUT, partial(measuring.receive, characters=5120)),
        Case("send-20ms", THROUGHPUT, partial(measuring.send_audio, size=640)),
        Case("send-100ms", THROUGHPUT, partial(measuring.send_audio, size=3200)),
        Case("send-jpeg-1mb", THROUGHPUT, partial(measuring.send_image, size=1_000_000)),
        Case("echo", ("p50_us", "p99_us", "cpu_us"), measuring.echo),
        *map(paced, (1, 50, 200, 500, 1000)),
        Case("connect", THROUGHPUT, measuring.connect),
        Case("import", ("import_ms", "megabytes"), None),
        Case("memory", ("kilobytes",), measuring.memory),
    )
}


@frozen
class Target:
    """What livesession should reach; from the project's design, section 5.

    Attributes:
        default: The limit for a default install.
        speed: The limit with the extra `speed`.
        of_floor: Whether the limits are for the ratio to the floor, not for the number itself.
        in_every_round: Whether the worst round counts, instead of the median.
        plain_only: Whether it says nothing about TLS.
    """

    case: str
    metric: str
    default: float
    speed: float
    of_floor: bool = True
    in_every_round: bool = False
    plain_only: bool = False

    def limit(self, contender: str) -> float | None:
        """The limit for that contender, None for others than livesession."""
        return {"livesession": self.default, "livesession-speed": self.speed}.get(contender)


TARGETS = (
    Target("receive-2560", "cpu_us", 1.5, 0.7),
    Target("send-20ms", "cpu_us", 2.0, 1.2),
    Target("send-100ms", "cpu_us", 2.5, 1.2),
    Target("send-jpeg-1mb", "cpu_us", 2.0, 0.9),
    Target("echo", "p50_us", 1.5, 1.5),
    Target("sessions-200", "cpu_us", 1.5, 1.5),
    Target("sessions-200", "p50_ms", 2.0, 2.0),
    Target("sessions-500", "p50_ms", 5.0, 5.0, of_floor=False),
    Target("sessions-1000", "delivered", 0.95, 0.95, of_floor=False, in_every_round=True),
    Target("sessions-1000", "p50_ms", 20.0, 20.0, of_floor=False, in_every_round=True),
    Target("import", "import_ms", 1.5, 1.5),
    Target("import", "megabytes", 26.0, 26.0, of_floor=False),
    Target("memory", "kilobytes", 45.0, 45.0, of_floor=False, plain_only=True),
)
