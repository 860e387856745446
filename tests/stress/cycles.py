"""Connects and closes many times, and prints threads, descriptors and memory before and after as one JSON object.

    python tests/stress/cycles.py URL CA_FILE [--warm-up 200] [--cycles 1000]

CA_FILE may be empty. Reads /proc, so it runs on Linux.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from livesession import GoogleAI, LiveGenerativeModel


def measure() -> dict[str, int]:
    """What the process has now; threads that are just ending are waited for."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join(10)
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "rss_kb": pages * os.sysconf("SC_PAGE_SIZE") // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("ca_file")
    parser.add_argument("--warm-up", type=int, default=200, help="cycles before the first measurement; default 200")
    parser.add_argument("--cycles", type=int, default=1000, help="cycles between the two; default 1000")
    arguments = parser.parse_args()
    backend = GoogleAI(api_key="k", base_url=arguments.url, proxy=False, ca_file=arguments.ca_file or None)
    model = LiveGenerativeModel("m", backend=backend)

    def cycle(count: int) -> None:
        for _ in range(count):
            model.connect().close()

    cycle(arguments.warm_up)
    before = measure()
    cycle(arguments.cycles)
    print(json.dumps({"before": before, "after": measure()}))


if __name__ == "__main__":
    main()
