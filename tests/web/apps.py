"""The two example applications, served by real servers, and visitors who have their cookies but no browser."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path

from attrs import define, field

from livesession.emulator import LiveEmulator
from tests.kit.waiting import PATIENCE, wait_until
from tests.web.kit import Event, events_of, parse_events

ROOT = Path(__file__).parents[2]
TARGETS = {"flask_voice": "app:app", "django_chat": "chat.wsgi"}


@define
class App:
    """An application that runs.

    Attributes:
        name: Of its folder in `examples`.
        port: On 127.0.0.1.
        process: The server, gunicorn's master for example.
        log: What it and its workers have written.
        connections: Of its visitors.
    """

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    connections: list[http.client.HTTPConnection] = field(factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hang_up(self) -> None:
        """Closes the connections of all visitors, wherever they are in an answer."""
        for connection in self.connections:
            connection.response.close()
            connection.close()
        self.connections.clear()

    def end(self, signal_number: int = signal.SIGTERM) -> float:
        """Tells it to end; seconds that it took. It must end without an error."""
        begun = time.monotonic()
        self.process.send_signal(signal_number)
        status = self.process.wait(PATIENCE)
        written = self.log.read_text()
        assert status == 0, written
        assert "Traceback" not in written
        assert "SIGKILL" not in written, written
        return time.monotonic() - begun


def command(name: str, server: str, port: int, options: list[str]) -> list[str]:
    if server == "runserver":
        return ["manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    return ["-m", "gunicorn", "-k", server, *options, TARGETS[name]]


@contextmanager
def serving(name: str, server: str, emulator: LiveEmulator, folder: Path, *options: str, **variables: str):
    """Runs an application; `options` are gunicorn's, `variables` of the environment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if server == "runserver":
            listener.close()
        else:
            options = ("--bind", f"fd://{listener.fileno()}", *options)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GEMINI_API_KEY": "any",
            "GOOGLE_GEMINI_BASE_URL": emulator.url,
            "HANDLES": str(folder / "handles"),
            "SESSION_FILES": str(folder),
            **variables,
        }
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", *command(name, server, port, list(options))],
                cwd=ROOT / "examples" / name, env=environment, stdout=output, stderr=output,
                pass_fds=[listener.fileno()] if server != "runserver" else [],
            )  # fmt: skip
    app = App(name, port, process, log)
    try:
        wait_until(lambda: answers(app))
        yield app
    finally:
        app.hang_up()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answers(app: App) -> bool:
    assert app.process.poll() is None, app.log.read_text()
    try:
        Visitor(app).get("/")
    except OSError:
        return False
    return True


@define
class Visitor:
    """Somebody with cookies; each request has a connection of its own."""

    app: App
    cookies: dict[str, str] = field(factory=dict)
    token: str = ""

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def request(
        self, method: str, path: str, accept: str = "text/event-stream", **form: str
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.app.port, timeout=PATIENCE)
        headers = {"Cookie": self.cookie, "Accept": accept, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, urllib.parse.urlencode(form) if form else None, headers)
        response = connection.response = connection.getresponse()
        self.app.connections.append(connection)
        for header in response.headers.get_all("Set-Cookie", []):
            self.cookies.update({name: morsel.value for name, morsel in SimpleCookie(header).items()})
        return response

    def get(self, path: str) -> str:
        return self.request("GET", path).read().decode()

    def begin(self, question: str) -> http.client.HTTPResponse:
        """Asks; the response is an event stream, of which nothing was read."""
        if not self.cookies:
            page = self.get("/")
            if token := re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page):
                self.token = token[1]
        if self.token:
            return self.request("POST", "/answer", question=question, csrfmiddlewaretoken=self.token)
        return self.request("GET", f"/answer?question={urllib.parse.quote(question)}")

    def ask(self, question: str) -> list[Event]:
        response = self.begin(question)
        body = response.read().decode()
        assert response.status == 200, body
        assert response.headers["Content-Type"].startswith("text/event-stream")
        return parse_events(body)

    def leave(self) -> None:
        assert self.request("POST", "/leave", csrfmiddlewaretoken=self.token).status == 204


def pieces(response: http.client.HTTPResponse) -> Iterator[str]:
    """The events of a response, as they come."""
    block = b""
    while line := response.readline():
        block += line
        if line == b"\n":
            yield block.decode()
            block = b""


def next_event(response: http.client.HTTPResponse) -> Event:
    return next(event for piece in pieces(response) for event in events_of([piece]))
