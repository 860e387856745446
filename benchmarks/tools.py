"""What functions at work add to the round trip of a message: `python -m benchmarks.tools [--repeats N]`.

The functions wait, as they do for a database or another service, or they compute, in the interpreter that all threads
of a process share.
"""

from __future__ import annotations

import argparse
import statistics
import threading
from collections.abc import Callable

from attrs import frozen

from benchmarks.clients.client import clear_proxies
from benchmarks.clients.sdk import SdkSession
from benchmarks.cores import pin
from benchmarks.loopback import Where, load_server
from benchmarks.server.jobs import Job
from livesession import CancelToken, GoogleAI, LiveGenerativeModel, ToolOptions, tool

ROUND_TRIPS = 300
PATIENCE = 30.0


@frozen
class Load:
    """What goes on beside the messages."""

    name: str
    function: Callable[[CancelToken], None]
    calls: int


def wait(cancel: CancelToken) -> None:
    cancel.wait()


def compute(cancel: CancelToken) -> None:
    while not cancel.is_cancelled:
        sum(range(1000))


LOADS = (
    Load("nothing", wait, 0),
    Load("20 functions that wait", wait, 20),
    Load("1 function that computes", compute, 1),
    Load("4 functions that compute", compute, 4),
)


def round_trips(where: Where, load: Load) -> list[float]:
    """Milliseconds of each, in order of length."""
    begun = threading.Semaphore(0)

    @tool(name="work")
    def work(cancel: CancelToken) -> None:
        begun.release()
        load.function(cancel)

    model = LiveGenerativeModel(
        Job("call", load.calls).model,
        backend=GoogleAI(api_key="benchmark", base_url=where.url),
        tools=[work],
        tool_options=ToolOptions(messages=False, timeout=None),
    )
    with model.connect() as live:
        session = SdkSession(live)
        session.order(ROUND_TRIPS + 1)
        session.echo(1)
        for _ in range(load.calls):
            if not begun.acquire(timeout=PATIENCE):
                raise RuntimeError(f"{load.name}: not all functions were called")
        return sorted(nanoseconds / 1e6 for nanoseconds in session.echo(ROUND_TRIPS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="interleaved rounds (default 5)")
    repeats = parser.parse_args().repeats
    clear_proxies()
    pin("client")
    found: dict[str, list[list[float]]] = {load.name: [] for load in LOADS}
    with load_server(None) as server:
        for _ in range(repeats):
            for load in LOADS:
                found[load.name].append(round_trips(server.where, load))
    print(f"| beside {ROUND_TRIPS} round trips | p50 ms | p99 ms |\n|---|---|---|")
    for name, rounds in found.items():
        p50, p99 = (statistics.median(each[ROUND_TRIPS * part // 100] for each in rounds) for part in (50, 99))
        print(f"| {name} | {p50:.2f} | {p99:.2f} |")


if __name__ == "__main__":
    main()
