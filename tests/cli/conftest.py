"""The command as a user runs it: as a process, on a terminal of its own or in a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from livesession.cli import commands
from livesession.emulator import LiveEmulator
from tests.conftest import VARIABLES

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
QUESTION = str(ROOT / "livesession" / "cli" / "question.wav")
OWN = ["LIVESESSION_MODEL", "FIREBASE_API_KEY", "FIREBASE_PROJECT", "NO_COLOR", "FORCE_COLOR", "COLUMNS"]
TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


class Process:
    """A running process, and its output so far."""

    def __init__(self, popen, fd, reply=None):
        self.popen = popen
        self.output = ""
        self._fd = fd
        self._reply = reply
        self._looked_at = 0

    def wait_for(self, text):
        """Reads until `text` comes in the output, behind the text of the last wait."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.output.find(text, self._looked_at)) < 0:
            left = deadline - time.monotonic()
            more = left > 0 and self._read(left)
            assert more, f"waited for {text!r}; it wrote {self.output!r}"
        self._looked_at = found + len(text)

    def type(self, text):
        os.write(self._reply, text.encode())

    def interrupt(self):
        """Presses Ctrl-C on the terminal, or without one sends SIGINT."""
        if self._reply is None:
            self.popen.send_signal(signal.SIGINT)
        else:
            self.type("\x03")

    def interrupt_at_prompt(self):
        """Presses Ctrl-C until the process ends: Python's input() misses one while it shows the prompt."""
        for _ in range(int(PATIENCE)):
            self.interrupt()
            while self._read(1):
                pass
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.popen.wait(1)
        raise AssertionError(f"Ctrl-C did not end it; it wrote {self.output!r}")

    def end(self):
        """Reads the rest of the output, and returns the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline - time.monotonic()):
            pass
        return self.popen.wait(PATIENCE)

    def _read(self, seconds):
        ready, _, _ = select.select([self._fd], [], [], max(0, seconds))
        try:
            piece = os.read(self._fd, 65_536) if ready else b""
        except OSError:  # Linux: the other end of the terminal is closed
            piece = b""
        self.output += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)


@pytest.fixture
def environment(monkeypatch):
    """The environment of the command's processes: no key, no proxy, no colours asked for."""
    for name in OWN:
        monkeypatch.delenv(name, raising=False)
    found = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return {**found, "PYTHONPATH": str(ROOT), "TERM": "xterm", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def python(environment, tmp_path):
    """Runs Python to its end, in a pipe."""

    def run(*args, input=None, **variables):
        return subprocess.run(
            [sys.executable, *args],
            cwd=tmp_path, env={**environment, **variables}, input=input, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def run(python):
    """Runs the command to its end, in a pipe."""
    return lambda *args, **variables: python("-m", "livesession", *args, **variables)


@pytest.fixture
def start(environment, tmp_path):
    """Starts the command in a pipe; stderr goes the same way as stdout."""
    with contextlib.ExitStack() as stack:

        def start(*args, **variables):
            popen = subprocess.Popen(
                [sys.executable, "-m", "livesession", *args],
                cwd=tmp_path, env={**environment, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            stack.enter_context(popen)
            stack.callback(popen.kill)
            return Process(popen, popen.stdout.fileno())

        yield start


@pytest.fixture
def terminal(environment, tmp_path):
    """Starts the command on a terminal of its own."""
    with contextlib.ExitStack() as stack:

        def start(*args, columns=80, program=("-m", "livesession"), **variables):
            ours, theirs = pty.openpty()
            stack.callback(os.close, ours)
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
            popen = subprocess.Popen(
                [sys.executable, "-c", TAKE_TERMINAL, *program, *args],
                cwd=tmp_path, env={**environment, **variables}, stdin=theirs, stdout=theirs, stderr=theirs,
                start_new_session=True,
            )  # fmt: skip
            os.close(theirs)
            stack.enter_context(popen)
            stack.callback(popen.kill)
            return Process(popen, ours, ours)

        yield start


@pytest.fixture
def aimed(monkeypatch, environment):
    """Serves an emulator, has the environment point to it, and runs the command in this process."""
    with contextlib.ExitStack() as stack:

        def aimed(*args, responder=None, key="the-key", input=None, **options):
            emulator = stack.enter_context(LiveEmulator(responder, **options))
            monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", emulator.url)
            monkeypatch.setenv("GEMINI_API_KEY", key)
            return emulator, CliRunner().invoke(commands, args, input=input)

        yield aimed


@pytest.fixture
def command(environment):
    """Runs the command in this process, without a key."""
    return lambda *args, **kwargs: CliRunner().invoke(commands, args, **kwargs)
