"""Starting the load server, and where it is then."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from attrs import define, frozen

__all__ = ["Certificates", "LoadServer", "Where", "certificates", "load_server"]


@frozen
class Where:
    """The load server's address, for a client.

    Attributes:
        port: On the loopback interface.
        authority: The file of the CA to trust; None without TLS.
    """

    port: int
    authority: str | None = None

    @property
    def arguments(self) -> list[str]:
        """As a program's command line has it."""
        return [str(self.port), *([self.authority] if self.authority else [])]

    @property
    def host(self) -> str:
        return f"localhost:{self.port}" if self.authority else f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'wss' if self.authority else 'ws'}://{self.host}"

    @property
    def tls(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.authority) if self.authority else None


@frozen
class Certificates:
    """Two files: what the server shows, and whom the client trusts."""

    server: str
    authority: str


@contextlib.contextmanager
def certificates(wanted: bool) -> Iterator[Certificates | None]:
    """Files that are there for as long as the context; None where TLS is not wanted."""
    if not wanted:
        yield None
        return
    import trustme

    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        files = Certificates(os.path.join(folder, "server.pem"), os.path.join(folder, "authority.pem"))
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(files.server)
        authority.cert_pem.write_to_path(files.authority)
        yield files


@define
class LoadServer:
    """A server that runs: where, and, once it has stopped, how it fared."""

    where: Where
    report: dict[str, float]


@contextlib.contextmanager
def load_server(files: Certificates | None) -> Iterator[LoadServer]:
    """A load server for one measurement. It ends with the context, or with this process, which holds its input."""
    command = [sys.executable, "-m", "benchmarks.server"]
    if files:
        command += ["--certificate", files.server]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        server = LoadServer(Where(int(process.stdout.readline()), files and files.authority), {})
        try:
            yield server
        finally:
            process.stdin.close()
            server.report = json.loads(process.stdout.read() or "{}")
