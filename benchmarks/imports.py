"""What it costs to import a client, in a fresh process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from benchmarks.contenders import Contender
from benchmarks.measuring import Measures

__all__ = ["measure_import"]

SAMPLES = 5

PROGRAM = """
import sys, time
sys.modules.update(dict.fromkeys({blocked!r}))
begun = time.process_time()
import {imports}
spent = time.process_time() - begun
try:
    peak = [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")][0] / 1024
except OSError:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(spent * 1000, peak)
"""


def measure_import(contender: Contender) -> Measures:
    """CPU time in milliseconds, and the most memory the process had: medians of a few processes.

    All find their bytecode, as pip compiles what it installs; a checkout might be compiled anew by each process.
    """
    program = PROGRAM.format(blocked=contender.blocked, imports=contender.imports)
    with tempfile.TemporaryDirectory() as bytecode:
        run(program, bytecode)
        samples = [run(program, bytecode) for _ in range(SAMPLES)]
    spent, peak = (statistics.median(column) for column in zip(*samples, strict=True))
    return {"import_ms": spent, "megabytes": peak}


def run(program: str, bytecode: str) -> list[float]:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", program]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return [float(number) for number in output.split()]
