"""Raises KeyboardInterrupt at each place of the library in turn, and looks at what that leaves behind.

    python tests/interrupts/every_line.py --operation ask --tls --mode signal --of 1/4

Modes: `line`, each line of the library, and `signal`, each instruction before which a signal may come
(`positions.py`). Prints one JSON object for each operation and mode; the status is 1 when there was a fault.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.interrupts.operations import OPERATIONS
from tests.interrupts.walker import main

if __name__ == "__main__":
    sys.exit(main(__file__, __doc__, OPERATIONS))
