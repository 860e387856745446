"""close() from an atexit handler, in a program of its own (see test_close_everywhere.py)."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tests.hazards.common import PATIENCE, SLACK, client_frames
from tests.kit.servers import RawPeer, frame, raw_server

pytestmark = pytest.mark.slow

AT_EXIT = """
    import atexit, sys, threading, time
    from livesession import GoogleAI, LiveGenerativeModel

    def leave():
        start = time.monotonic()
        session.close(timeout=0.3)
        print(time.monotonic() - start, [thread.name for thread in threading.enumerate()])

    model = LiveGenerativeModel("m", backend=GoogleAI(api_key="k", base_url=sys.argv[1], proxy=False))
    if sys.argv[2] == "before":
        atexit.register(leave)
    session = model.connect()
    if sys.argv[2] == "after":
        atexit.register(leave)
"""


@pytest.mark.parametrize("answers", [True, False], ids=["the server answers", "it never answers"])
@pytest.mark.parametrize("registered", ["before", "after"])
def test_close_from_an_atexit_handler(answers, registered):
    """Registered before or after connect(): the handlers run in the opposite order, and this library has one too."""
    received = bytearray()

    def script(peer: RawPeer) -> None:
        peer.accept()
        while piece := peer.socket.recv(65536):
            received.extend(piece)
            if answers and any(opcode == 8 for opcode, _, _ in client_frames(received)):
                peer.socket.sendall(frame(b"\x03\xe8", 8))
                return

    with raw_server(script) as server:
        command = [sys.executable, "-X", "dev", "-c", textwrap.dedent(AT_EXIT), server.url, registered]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    took, _, threads = done.stdout.partition(" ")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert float(took) < 0.3 + SLACK
    assert threads.strip() == "['MainThread']"
    assert [(opcode, data) for opcode, _, data in client_frames(received)] == [(8, b"\x03\xe8")]
