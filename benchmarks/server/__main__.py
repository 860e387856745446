"""The load server's process: prints its port, serves until its standard input ends, and prints how it fared.

python -m benchmarks.server [--certificate FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import socket
import ssl
import sys
import threading
import time

from benchmarks.cores import pin
from benchmarks.server.jobs import serve
from benchmarks.server.pacing import Pacer
from benchmarks.server.peer import Peer

BACKLOG = 2048


def accept(listener: socket.socket, tls: ssl.SSLContext | None, pacer: Pacer) -> None:
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=handle, args=(sock, tls, pacer), daemon=True).start()


def handle(sock: socket.socket, tls: ssl.SSLContext | None, pacer: Pacer) -> None:
    """A connection; what a client does to it is its own business."""
    with contextlib.suppress(OSError), sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            serve(Peer(sock), pacer)
        else:
            with tls.wrap_socket(sock, server_side=True) as wrapped:
                serve(Peer(wrapped), pacer)


def report(pacer: Pacer) -> dict[str, float]:
    """What this process cost, and how late it was with paced messages, in milliseconds."""
    late = sorted(pacer.lateness) or [0]
    return {
        "cpu_s": round(time.process_time(), 3),
        "late_p50_ms": late[len(late) // 2] / 1e6,
        "late_p99_ms": late[len(late) * 99 // 100] / 1e6,
        "stalled_sessions": pacer.stalled,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certificate", help="a PEM file with key and chain: serve TLS with it")
    certificate = parser.parse_args().certificate
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    pin("server")
    gc.disable()  # it lives for seconds, and a collection would delay what it sends
    pacer = Pacer()
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    threading.Thread(target=accept, args=(listener, tls, pacer), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
    print(json.dumps(report(pacer)), flush=True)
    os._exit(0)  # threads that wait for clients do not hold it up


if __name__ == "__main__":
    main()
