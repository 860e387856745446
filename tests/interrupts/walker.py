"""Walks through an operation: interrupts it at one place after another, and looks each time at what that leaves.

The work is done by a child process, which ends at a fault, after which nothing can be relied upon; the parent goes on
behind it with another. So one that hangs or breaks down costs one place and not the run.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from livesession import LiveSessionError
from tests.interrupts.operations import Operation
from tests.interrupts.positions import LIBRARY, Instructions, Lines
from tests.interrupts.watchdog import Stuck, at_most
from tests.interrupts.world import BOUND, Fault, World

MODES = ("line", "signal")
SIGNAL = signal.SIGUSR1  # its handler raises KeyboardInterrupt, or does what the operation says
LAST_RESORT = 30.0  # seconds for one place, after which the child process ends itself


class Outcome:
    """What came of one interruption.

    Attributes:
        is_interrupted: Whether the KeyboardInterrupt came out.
        error: What the operation raised instead.
        delivered: Where it was raised.
    """

    def __init__(self) -> None:
        self.is_interrupted = False
        self.error: str = ""
        self.delivered = ""

    @property
    def is_whole(self) -> bool:
        return not (self.is_interrupted or self.error)


def tripwire(operation: Operation, mode: str, number: int) -> Lines | Instructions:
    signal.signal(SIGNAL, lambda *_: operation.interrupt())
    return Lines(number, operation.interrupt) if mode == "line" else Instructions(number, SIGNAL)


def interrupted(operation: Operation, wire: Lines | Instructions) -> Outcome:
    """Runs the operation; what is raised is reduced to text, since tracebacks keep sessions alive."""
    outcome = Outcome()
    try:
        try:
            sys._getframe().f_trace_opcodes = True  # CPython 3.12 looks at it when tracing begins
            wire.start()
            operation.run()
        except LiveSessionError as error:
            outcome.error = f"{type(error).__name__}: {error}"
        finally:
            wire.stop()
        flush()
    except KeyboardInterrupt as error:
        outcome.is_interrupted = True
        outcome.delivered = innermost(error)
    wire.stop()
    return outcome


def flush() -> None:
    """The interpreter looks for signals when a function is entered."""


def innermost(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if each.filename.startswith(LIBRARY)]
    shown = ours[-1:] + frames[-1:] if ours and frames[-1] is not ours[-1] else frames[-1:]
    return " > ".join(f"{each.filename.removeprefix(LIBRARY)}:{each.lineno} {each.name}" for each in shown)


def walk(operation: Operation, mode: str, first: int, step: int) -> Iterator[dict]:
    """One report for each place; the last one, where the operation ended before, says so."""
    number = first
    while True:
        faulthandler.dump_traceback_later(LAST_RESORT, exit=True)
        report = try_one(operation, mode, number)
        yield report
        if report["ended"]:
            return
        number += step


def try_one(operation: Operation, mode: str, number: int) -> dict:
    wire, outcome = tripwire(operation, mode, number), Outcome()
    began = time.monotonic()

    def attempt() -> str:
        nonlocal outcome
        with at_most(BOUND):
            operation.prepare()
            outcome = interrupted(operation, wire)
            operation.check(whole=outcome.is_whole)
        return f"it raised {outcome.error}" if outcome.error and not operation.may_raise else ""

    fault = describe(attempt)
    wire.stop()
    if fault:
        operation.give_up()
    ended = not wire.place and not fault
    return {
        "number": number, "place": wire.place, "fault": fault, "delivered": outcome.delivered, "ended": ended,
        "interrupted": outcome.is_interrupted, "seconds": round(time.monotonic() - began, 3),
    }  # fmt: skip


def describe(attempt: Callable[[], str]) -> str:
    """The fault that an attempt returns or raises; what is raised is reduced to text."""
    try:
        return attempt()
    except Fault as error:
        return str(error)
    except Stuck as error:
        return f"stuck: {error}"
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        at = [f"{each.filename.rpartition('/')[2]}:{each.lineno}" for each in (*frames[1:3], frames[-1])]
        return f"{type(error).__name__}: {error} ({', '.join(at)})"


def work(arguments: argparse.Namespace, operations: Mapping[str, type[Operation]]) -> int:
    """The child process: reports on standard output."""
    world = World(arguments.certificate, arguments.ca_file)
    operation = operations[arguments.operation[0]](world)
    with at_most(10 * BOUND):
        warm_up(operation)
    world.settle()
    for report in walk(operation, arguments.mode[0], arguments.first, arguments.step):
        if report["ended"]:
            report["fault"] = end(operation)
        print(json.dumps(report), flush=True)
        if report["fault"]:
            os._exit(3)
    return 0


def warm_up(operation: Operation) -> None:
    """What is imported and cached at the first time is not walked through."""
    for _ in range(2):
        operation.prepare()
        with contextlib.suppress(*([LiveSessionError] if operation.may_raise else [])):
            operation.run()
        operation.check(whole=not operation.may_raise)
    operation.close()


def end(operation: Operation) -> str:
    try:
        with at_most(BOUND):
            operation.close()
    except (Fault, Stuck) as error:
        return f"after the last place: {error}"
    return ""


def supervise(script: str, name: str, mode: str, arguments: argparse.Namespace) -> dict:
    """Runs child processes until the operation has been walked through."""
    part, parts = map(int, arguments.of.split("/"))
    first, tried, faults, began = part, 0, [], time.monotonic()
    step = parts * (arguments.tls_stride if arguments.certificate else arguments.stride)
    slowest = 0.0
    while True:
        reports = child(script, name, mode, first, step, arguments)
        tried += sum(not report["ended"] for report in reports)
        slowest = max([slowest, *[report["seconds"] for report in reports]])
        found = [report for report in reports if report["fault"]]
        faults += found
        for report in found:
            if arguments.verbose:
                print(json.dumps(report), file=sys.stderr, flush=True)
        if not reports or reports[-1]["ended"]:
            break
        first = reports[-1]["number"] + step
        if len(faults) >= arguments.most_faults:
            break
    return {
        "operation": name, "tls": bool(arguments.certificate), "mode": mode,
        "python": ".".join(map(str, sys.version_info[:3])), "tried": tried, "faults": faults,
        "seconds": round(time.monotonic() - began, 1), "slowest": slowest,
    }  # fmt: skip


def child(script: str, name: str, mode: str, first: int, step: int, arguments: argparse.Namespace) -> list[dict]:
    command = [sys.executable, "-X", "faulthandler", script, "--work", "--operation", name, "--mode", mode]
    command += ["--first", str(first), "--step", str(step)]
    if arguments.certificate:
        command += ["--certificate", arguments.certificate, "--ca-file", arguments.ca_file]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    reports = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    if ended.returncode not in (0, 3) or (not reports):
        number = reports[-1]["number"] + step if reports else first
        reports.append({
            "number": number, "place": "", "fault": f"the process ended with {ended.returncode}", "delivered": "",
            "ended": not reports, "interrupted": False, "seconds": 0.0, "stderr": ended.stderr[-4000:],
        })  # fmt: skip
    return reports


def certificates(folder: str) -> tuple[str, str]:
    """A certificate for localhost and the authority that signed it, as files."""
    import trustme

    authority = trustme.CA()
    certificate, ca_file = Path(folder, "server.pem"), Path(folder, "ca.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(ca_file))
    return str(certificate), str(ca_file)


def parse(doc: str, operations: Mapping[str, type[Operation]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operation", action="append", choices=operations, help="may be repeated; default all")
    parser.add_argument("--mode", action="append", choices=MODES, help="may be repeated; default both")
    parser.add_argument("--of", default="1/1", metavar="PART/PARTS", help="only every PARTS-th place; default 1/1")
    parser.add_argument("--stride", type=int, default=1, help="take every n-th place only; default 1")
    parser.add_argument("--tls", action="store_true", help="over TLS")
    parser.add_argument("--tls-stride", type=int, default=1, help="the same over TLS; default 1")
    parser.add_argument("--certificate", help="for TLS: the server's key and certificate; default made with trustme")
    parser.add_argument("--ca-file", help="for TLS: the authority that signed it")
    parser.add_argument("--most-faults", type=int, default=1000, help="stop an operation after so many; default 1000")
    parser.add_argument("--verbose", action="store_true", help="print each fault at once")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--step", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


def main(script: str, doc: str, operations: Mapping[str, type[Operation]]) -> int:
    arguments = parse(doc, operations)
    if arguments.work:
        return work(arguments, operations)
    is_faulty = False
    with contextlib.ExitStack() as stack:
        if arguments.tls and not arguments.certificate:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            arguments.certificate, arguments.ca_file = certificates(folder)
        for name in arguments.operation or operations:
            for mode in arguments.mode or MODES:
                result = supervise(script, name, mode, arguments)
                is_faulty = is_faulty or bool(result["faults"]) or not result["tried"]
                print(json.dumps(result), flush=True)
    return 1 if is_faulty else 0
