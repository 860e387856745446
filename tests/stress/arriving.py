"""Receives to the end of a session; prints what it cost in memory and CPU, and how it ended, as one JSON object.

    python tests/stress/arriving.py URL MAX_MESSAGE_BYTES

Linux: the peak of the memory is VmHWM.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from livesession import GoogleAI, LiveGenerativeModel, LiveSessionError, SessionOptions


def memory_kb(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def main() -> None:
    options = SessionOptions(max_message_bytes=int(sys.argv[2]))
    backend = GoogleAI(api_key="k", base_url=sys.argv[1], proxy=False)
    session = LiveGenerativeModel("m", backend=backend, options=options).connect()
    before, cpu, messages, ended = memory_kb("VmRSS"), time.process_time(), 0, "quietly"
    session.send("go", turn_complete=True)
    try:
        for _ in session.receive(timeout=60):
            messages += 1
    except LiveSessionError as error:
        ended = str(error)
    cost = {"peak_kb": memory_kb("VmHWM") - before, "cpu_seconds": time.process_time() - cpu}
    session.close()
    print(json.dumps({**cost, "messages": messages, "ended": ended, "code": session.close_code}))


if __name__ == "__main__":
    main()
