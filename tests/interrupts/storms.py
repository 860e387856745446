"""Interrupts operations at random moments, again and again: an interval timer, and threads that change often.

    python tests/interrupts/storms.py --operation ask --seconds 60

Each round raises KeyboardInterrupt once, after a random time, and then looks at what that leaves, as `every_line.py`
does. What that script cannot reach, since it stops one thread at known places, is another thread that does something
between two instructions. Prints one JSON object for each operation; the status is 1 when there was a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gc
import json
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from livesession import LiveSessionError
from tests.interrupts.operations import OPERATIONS, Operation
from tests.interrupts.walker import certificates, describe, end, warm_up
from tests.interrupts.watchdog import at_most
from tests.interrupts.world import BOUND, World

STORMED = (
    "send",
    "send-resumable",
    "send-large",
    "ask",
    "next",
    "next-that-waits",
    "receive-turn",
    "connect",
    "resume",
)
SHORT_SWITCH = 1e-5  # seconds after which threads change
MOST_FAULTS = 20


class Storm:
    """Rounds of one operation, each interrupted by a timer."""

    def __init__(self, operation: Operation, seed: int) -> None:
        self._operation = operation
        self._random = random.Random(seed)
        self._is_armed = False
        self._usual = 0.001  # seconds that the operation takes
        self.interrupts = 0
        self.rounds = 0
        self.faults: list[dict] = []

    def rage(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and len(self.faults) < MOST_FAULTS:
            faulthandler.dump_traceback_later(10 * BOUND, exit=True)
            self.rounds += 1
            fault = describe(self._round)
            if fault:
                self.faults.append({"round": self.rounds, "fault": fault})
                self._operation.give_up()
                gc.collect()  # what is collected in the midst of a round swallows the interruption

    def _round(self) -> str:
        with at_most(BOUND):
            self._operation.prepare()
        was_interrupted, error = self._interrupted()
        self.interrupts += was_interrupted
        with at_most(BOUND):
            self._operation.check(whole=not (was_interrupted or error))
        return f"it raised {error}" if error else ""

    def _interrupted(self) -> tuple[bool, str]:
        signal.signal(signal.SIGALRM, self._interrupt)
        began, error = time.monotonic(), ""
        try:
            try:
                self._is_armed = True
                signal.setitimer(signal.ITIMER_REAL, self._random.uniform(1e-6, 1.2 * self._usual))
                self._operation.run()
                took = time.monotonic() - began
                self._usual = 0.9 * self._usual + 0.1 * took
            except LiveSessionError as raised:
                error = f"{type(raised).__name__}: {raised}"
            finally:
                self._is_armed = False  # no call comes before, after which the interpreter would look for signals
                signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            return True, ""
        return False, error

    def _interrupt(self, *_: object) -> None:
        if self._is_armed:
            self._is_armed = False
            raise KeyboardInterrupt


def storm(name: str, seconds: float, seed: int, certificate: str | None, ca_file: str | None) -> dict:
    world = World(certificate, ca_file)
    operation = OPERATIONS[name](world)
    with at_most(10 * BOUND):
        warm_up(operation)
    world.settle()
    storm = Storm(operation, seed)
    usual, before = sys.getswitchinterval(), time.monotonic()
    sys.setswitchinterval(SHORT_SWITCH)
    try:
        storm.rage(seconds)
    finally:
        sys.setswitchinterval(usual)
    faults = storm.faults
    if not faults and (fault := end(operation)):
        faults.append({"round": storm.rounds, "fault": fault})
    return {
        "operation": name, "tls": world.is_tls, "mode": "storm", "seed": seed,
        "python": ".".join(map(str, sys.version_info[:3])), "tried": storm.rounds, "interrupts": storm.interrupts,
        "faults": faults, "seconds": round(time.monotonic() - before, 1),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operation", action="append", choices=STORMED, help="may be repeated; default all")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each operation; default 5")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default from the clock")
    parser.add_argument("--tls", action="store_true", help="over TLS")
    arguments = parser.parse_args()
    is_faulty = False
    with contextlib.ExitStack() as stack:
        files: tuple[str | None, str | None] = (None, None)
        if arguments.tls:
            files = certificates(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in arguments.operation or STORMED:
            result = storm(name, arguments.seconds, arguments.seed, *files)
            is_faulty = is_faulty or bool(result["faults"]) or not result["interrupts"]
            print(json.dumps(result), flush=True)
            if any("stuck" in each["fault"] or "connect" in each["fault"] for each in result["faults"]):
                break  # the process may be poisoned
    return 1 if is_faulty else 0


if __name__ == "__main__":
    sys.exit(main())
