"""The scripts that interrupt at every line: enough places tried, and no fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interrupts.handler_at_every_line import OPERATIONS as CLOSED_ON_TOP
from tests.interrupts.operations import OPERATIONS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no such signals on this system"),
]

HERE = Path(__file__).parent
ENOUGH = 25  # places of the shortest operation, `next()` that finds a message
STRIDE = {
    "connect": 5,
    "connect-beside": 7,
    "resume": 5,
    "send-too-much": 5,
    "close": 3,
    "leave-with": 3,
    "close-and-drop": 5,
}
TLS_STRIDE = 5


@pytest.fixture(scope="session")
def files(authority, tmp_path_factory) -> list[str]:
    """The server's certificate and the authority's, as options of the scripts."""
    folder = tmp_path_factory.mktemp("certificates")
    certificate, ca_file = folder / "server.pem", folder / "ca.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(ca_file))
    return ["--certificate", str(certificate), "--ca-file", str(ca_file)]


def run(script: str, operation: str, mode: str, stride: int, *more: str) -> dict:
    command = [sys.executable, "-X", "faulthandler", str(HERE / script), "--operation", operation, "--mode", mode]
    command += ["--stride", str(stride), "--tls-stride", str(stride), "--most-faults", "5", *more]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)
    assert ended.stdout, ended.stderr[-5_000:]
    return json.loads(ended.stdout)


def check(result: dict, stride: int) -> None:
    print({**result, "faults": len(result["faults"])})
    assert not result["faults"], json.dumps(result["faults"], indent=1)
    assert result["tried"] * stride >= ENOUGH


@pytest.mark.parametrize("mode", ["line", "signal"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_interrupt_at_any_line_harms_nothing(operation, mode):
    stride = STRIDE.get(operation, 1)
    check(run("every_line.py", operation, mode, stride), stride)


@pytest.mark.parametrize("operation", ["send", "ask", "next-that-waits", "connect", "close", "resume"])
def test_an_interrupt_at_any_line_harms_nothing_over_tls(operation, files):
    stride = TLS_STRIDE * STRIDE.get(operation, 1)
    check(run("every_line.py", operation, "signal", stride, "--tls", *files), stride)


@pytest.mark.parametrize("mode", ["line", "signal"])
@pytest.mark.parametrize("operation", CLOSED_ON_TOP)
def test_a_signal_handler_that_closes_the_session_at_any_line_neither_hangs_nor_harms(operation, mode):
    stride = STRIDE.get(operation, 1)
    check(run("handler_at_every_line.py", operation, mode, stride), stride)
