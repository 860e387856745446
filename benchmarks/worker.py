"""The process of one measurement: one contender, one case, one JSON object on standard output.

python -m benchmarks.worker CONTENDER CASE PORT [AUTHORITY]
"""

from __future__ import annotations

import json
import os
import sys

from benchmarks.cases import CASES
from benchmarks.contenders import CONTENDERS
from benchmarks.cores import pin
from benchmarks.loopback import Where


def main() -> None:
    contender, case, port, *authority = sys.argv[1:]
    measure = CASES[case].measure
    assert measure is not None
    pin("client")
    client = CONTENDERS[contender].make(Where(int(port), *authority))
    print(json.dumps(measure(client)), flush=True)
    os._exit(0)  # consumers that still wait in threads do not hold it up


if __name__ == "__main__":
    main()
