"""What it costs to import a client, in a fresh process."""

from __future__ import annotations

import statistics
import subprocess
import sys

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
    """CPU time in milliseconds, and the most memory the process had: medians of a few processes."""
    program = PROGRAM.format(blocked=contender.blocked, imports=contender.imports)
    samples = []
    for _ in range(SAMPLES):
        output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        samples.append([float(number) for number in output.split()])
    spent, peak = (statistics.median(column) for column in zip(*samples, strict=True))
    return {"import_ms": spent, "megabytes": peak}
