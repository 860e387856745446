"""Both directions of many TLS connections at full speed: one reader and three senders each, while the server pushes.

    python tests/stress/tls_duplex.py [--connections 200] [--at-once 20]

Prints the counts as one JSON object; the status is 1 when anything went wrong. The server is a process of its own
(with one thread, so that its TLS is safe).
Every message carries its number and a checksum, in both directions.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from livesession import (
    GenerativeContentBlob,
    GoogleAI,
    LiveGenerativeModel,
    LiveSession,
    SessionClosedError,
    SessionOptions,
)

SENDERS = 3
PATTERN = bytes(range(256)) * 200


def body(number: int) -> bytes:
    """The payload with this number: from a few bytes to several TLS records."""
    return PATTERN[number % 251 :][: 1 + number * 7_919 % 40_000]


class Tally:
    """What was counted, by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts = {"sent": 0, "pushed": 0, "disconnects": 0, "checksum_errors": 0, "sequence_errors": 0}
        self.problems: list[str] = []

    def add(self, what: str, count: int = 1) -> None:
        with self._lock:
            self.counts[what] += count

    def disconnected(self, error: BaseException) -> None:
        self.add("disconnects")
        self.problems.append(f"{type(error).__name__}: {error}"[:300])


def drive(model: LiveGenerativeModel, per_sender: int, tally: Tally) -> None:
    """One connection: three senders to their end; then the server's report, and a close that both sides agree on."""
    try:
        with model.connect() as session, ThreadPoolExecutor(SENDERS) as pool:
            senders = [pool.submit(send_all, session, sender, per_sender) for sender in range(SENDERS)]
            report = receive_all(session, tally)
            for sender in senders:
                sender.result()
        tally.add("sent", report["heard"])
        tally.add("checksum_errors", report["checksum_errors"])
        tally.add("sequence_errors", report["sequence_errors"] + (report["heard"] != SENDERS * per_sender))
        if session.close_code != 1000:
            raise SessionClosedError(f"closed with {session.close_code}")
    except Exception as error:
        tally.disconnected(error)


def send_all(session: LiveSession, sender: int, count: int) -> None:
    try:
        for number in range(count):
            data = body(number + sender)
            kind = f"audio/pcm;sender={sender};number={number};crc={zlib.crc32(data)};last={int(number == count - 1)}"
            session.send_audio_realtime(GenerativeContentBlob(mime_type=kind, data=data))
    except BaseException:
        session.close(timeout=0)  # else the reader would wait for a report that never comes
        raise


def receive_all(session: LiveSession, tally: Tally) -> dict[str, int]:
    """Checks what the server pushes, to its report at the end."""
    for number, message in enumerate(session.receive(timeout=30)):
        if message.turn_complete:
            return json.loads(message.text)
        head, _, text = message.text.partition(" ")
        said, crc = map(int, head.split(":"))
        tally.add("pushed")
        tally.add("sequence_errors", said != number)
        tally.add("checksum_errors", crc != zlib.crc32(text.encode()))
    raise SessionClosedError("ended before the report")


# The server, a process of its own.


async def converse(websocket) -> None:
    """Pushes without a pause, with pings among it, until all senders are done; then reports."""
    await websocket.recv()
    await websocket.send(b'{"setupComplete":{}}')
    report = {"heard": 0, "checksum_errors": 0, "sequence_errors": 0}
    pusher = asyncio.create_task(push(websocket))
    following, open_senders = [0] * SENDERS, SENDERS
    while open_senders:
        audio = json.loads(await websocket.recv())["realtimeInput"]["audio"]
        said = dict(each.split("=") for each in audio["mimeType"].split(";")[1:])
        sender, number = int(said["sender"]), int(said["number"])
        report["heard"] += 1
        report["sequence_errors"] += number != following[sender]
        report["checksum_errors"] += int(said["crc"]) != zlib.crc32(base64.b64decode(audio["data"]))
        following[sender] = number + 1
        open_senders -= int(said["last"])
    pusher.cancel()
    await asyncio.gather(pusher, return_exceptions=True)
    await websocket.send(content(json.dumps(report), turnComplete=True))
    await websocket.wait_closed()


def content(text: str, **more: object) -> bytes:
    return json.dumps({"serverContent": {"modelTurn": {"parts": [{"text": text}]}, **more}}).encode()


async def push(websocket) -> None:
    number = 0
    while True:
        text = body(number)[:9_000].hex()
        await websocket.send(content(f"{number}:{zlib.crc32(text.encode())} {text}"))
        number += 1
        if number % 10 == 0:
            await websocket.ping()
        await asyncio.sleep(0.001 if number % 4 == 0 else 0)


async def serve(certificate: str) -> None:
    from websockets.asyncio.server import serve as listen

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate)
    async with listen(converse, "localhost", 0, ssl=context, compression=None, max_size=None, ping_interval=None) as it:
        print(next(iter(it.sockets)).getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


# The client.


def client(connections: int, at_once: int, per_sender: int) -> dict[str, object]:
    import trustme

    authority, tally = trustme.CA(), Tally()
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.configure_trust(context)
    with tempfile.TemporaryDirectory() as folder:
        certificate = str(Path(folder, "server.pem"))
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        command = [sys.executable, __file__, "--serve", certificate]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = f"wss://localhost:{int(server.stdout.readline())}"
            backend = GoogleAI(api_key="k", base_url=url, proxy=False, ssl_context=context)
            options = SessionOptions(connect_timeout=60, setup_timeout=60, send_timeout=60)
            model = LiveGenerativeModel("m", backend=backend, options=options)
            begun = time.monotonic()
            with ThreadPoolExecutor(at_once) as pool:
                list(pool.map(lambda _: drive(model, per_sender, tally), range(connections)))
            seconds = time.monotonic() - begun
            server.communicate("")
    python = ".".join(map(str, sys.version_info[:3]))
    about = {"python": python, "openssl": ssl.OPENSSL_VERSION, "connections": connections, "seconds": round(seconds, 1)}
    return {**about, **tally.counts, "problems": tally.problems[:5]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=200, help="how many in all; default 200")
    parser.add_argument("--at-once", type=int, default=20, help="how many at a time; default 20")
    parser.add_argument("--per-sender", type=int, default=20, help="messages of each sender; default 20")
    parser.add_argument("--serve", metavar="CERTIFICATE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve))
    else:
        counts = client(arguments.connections, arguments.at_once, arguments.per_sender)
        print(json.dumps(counts))
        sys.exit(1 if counts["problems"] or counts["checksum_errors"] or counts["sequence_errors"] else 0)


if __name__ == "__main__":
    main()
