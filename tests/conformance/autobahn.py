"""An echo client over this project's connection, for the cases of a running Autobahn fuzzing server.

    python -m tests.conformance.autobahn --url ws://127.0.0.1:9001 [--agent NAME]

Each case is one connection on which every message is sent back as it came; the server judges and writes the report.
"""

from __future__ import annotations

import argparse
import queue
from collections.abc import Iterator
from urllib.parse import quote

from livesession.connection.close_info import CloseInfo
from livesession.connection.connection import Connection
from livesession.connection.endpoint import Endpoint
from livesession.connection.frames import Message
from livesession.connection.handshake import WebSocketHandshake
from livesession.errors import SessionClosedError

TIMEOUT = 60.0
LIMIT = 64 * 1024 * 1024


class Client:
    """One connection; what comes is handed over through a queue, None at the end."""

    def __init__(self, url: str) -> None:
        self._inbox: queue.Queue[Message | None] = queue.Queue()
        self.connection = Connection(
            WebSocketHandshake(Endpoint(url, proxy=False), TIMEOUT).wait(),
            on_messages=self._put,
            may_read=lambda: True,
            on_end=self._on_end,
            max_message_bytes=LIMIT,
        )
        self.connection.start()
        self.connection.setup_complete()

    def _put(self, messages: Iterator[Message]) -> None:
        for message in messages:
            self._inbox.put(message)

    def _on_end(self, ending: CloseInfo) -> None:
        self._inbox.put(None)

    def messages(self) -> list[Message]:
        """Everything that comes, to the end."""
        return list(iter(lambda: self._inbox.get(timeout=TIMEOUT), None))

    def echo(self) -> None:
        """Sends everything back, to the end."""
        while message := self._inbox.get(timeout=TIMEOUT):
            opcode, data = message
            try:
                self.connection.send(data, TIMEOUT, opcode)
            except SessionClosedError:
                return

    def close(self) -> None:
        self.connection.close(TIMEOUT)


def case_count(url: str) -> int:
    client = Client(f"{url}/getCaseCount")
    [(_, data)] = client.messages()
    client.close()
    return int(data)


def run_all(url: str, agent: str) -> None:
    """Runs each case, and has the server write its report."""
    for case in range(1, case_count(url) + 1):
        client = Client(f"{url}/runCase?case={case}&agent={quote(agent)}")
        client.echo()
        client.close()
    client = Client(f"{url}/updateReports?agent={quote(agent)}")
    client.messages()
    client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="the fuzzing server, such as ws://127.0.0.1:9001")
    parser.add_argument("--agent", default="livesession", help="the name in the report; default livesession")
    arguments = parser.parse_args()
    run_all(arguments.url.rstrip("/"), arguments.agent)


if __name__ == "__main__":
    main()
