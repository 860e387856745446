"""How fast livesession is, next to the floor and to other clients.

    python -m benchmarks [--peers] [--cases receive-2560 echo ...] [--repeats 5] [--tls] [--json FILE] [--plot FILE]
    python -m benchmarks --profile receive-2560

Every measurement runs in processes of its own, the client on one core and a load server on another; contenders take
turns, round by round. A ratio is the median of the ratios to the floor of the same round.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

import attrs

from benchmarks.cases import CASES
from benchmarks.contenders import CONTENDERS, FLOOR, OURS, PEERS
from benchmarks.loopback import certificates
from benchmarks.machine import describe
from benchmarks.profiling import profile
from benchmarks.report import table
from benchmarks.rounds import Result, run_rounds
from benchmarks.summary import Line, summarise


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--peers", action="store_true", help=f"also {', '.join(PEERS)}")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, metavar="NAME", help="these contenders and the floor")
    parser.add_argument("--repeats", type=int, default=5, help="rounds; default 5")
    parser.add_argument("--tls", action="store_true", help="over TLS instead of plain TCP")
    parser.add_argument("--json", metavar="FILE", help="write all results there")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios; needs matplotlib")
    parser.add_argument("--profile", choices=CASES, metavar="CASE", help="instead, profile livesession in this case")
    return parser.parse_args(arguments)


def contenders(options: argparse.Namespace) -> list[str]:
    if options.only:
        return [FLOOR, *(name for name in options.only if name != FLOOR)]
    return [FLOOR, *OURS, *(PEERS if options.peers else ())]


def measure(options: argparse.Namespace) -> list[Result]:
    """Runs everything; says what is done, as it is done."""
    cases = [CASES[name] for name in options.cases]
    chosen = [CONTENDERS[name] for name in contenders(options)]
    results = []
    with certificates(options.tls) as files:
        for result in run_rounds(cases, chosen, options.repeats, files):
            print(f"round {result.round + 1}: {result.case} {result.contender}: {said(result)}", file=sys.stderr)
            results.append(result)
    return results


def said(result: Result) -> str:
    return result.problem or " ".join(f"{name}={value:.4g}" for name, value in result.measures.items())


def write(options: argparse.Namespace, results: list[Result], lines: list[Line]) -> None:
    """Writes everything, with the machine and the versions, as JSON."""
    content = {
        "machine": describe(),
        "options": vars(options),
        "summary": [attrs.asdict(line) for line in lines],
        "results": [attrs.asdict(result) for result in results],
    }
    with open(options.json, "w", encoding="utf-8") as output:
        json.dump(content, output, indent=1)


def main() -> int:
    options = parse()
    if options.profile:
        with certificates(options.tls) as files:
            profile((options.only or OURS)[0], options.profile, files)
        return 0
    results = measure(options)
    lines = list(summarise(results, tls=options.tls))
    print("\n".join(f"{name:17} {value}" for name, value in describe().items()), end="\n\n")
    print(table(lines))
    if options.json:
        write(options, results, lines)
    if options.plot:
        from benchmarks.plot import draw

        draw(options.plot, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
