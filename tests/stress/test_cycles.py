"""A thousand sessions opened and closed, one after another, leave nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.servers import Peer, script_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(200),
    pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="measures through /proc"),
]

PROGRAM = Path(__file__).with_name("cycles.py")


def idle(peer: Peer) -> None:
    peer.accept()
    peer.wait_for_end()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_a_thousand_sessions_leave_no_thread_no_descriptor_and_less_than_two_megabytes(
    secure, server_tls, authority, tmp_path
):
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with script_server(idle, server_tls if secure else None) as server:
        command = [sys.executable, "-X", "faulthandler", str(PROGRAM), server.url, str(ca_file) if secure else ""]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    print(result)
    before, after = result["before"], result["after"]
    assert (after["threads"], after["descriptors"]) == (before["threads"], before["descriptors"]), result
    assert after["rss_kb"] - before["rss_kb"] < 2 * 1024, result
