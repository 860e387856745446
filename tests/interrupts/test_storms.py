"""Storms of interruptions at random moments: no fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interrupts.storms import STORMED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no such signals on this system"),
]

SCRIPT = Path(__file__).with_name("storms.py")


@pytest.mark.parametrize("operation", STORMED)
def test_a_storm_of_interruptions_harms_nothing(operation):
    command = [sys.executable, "-X", "faulthandler", str(SCRIPT), "--operation", operation]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert ended.stdout, ended.stderr[-5_000:]
    result = json.loads(ended.stdout)
    print({**result, "faults": len(result["faults"])})
    assert not result["faults"], json.dumps(result, indent=1)
    assert result["interrupts"] >= 20
