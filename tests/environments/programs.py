"""Programs of their own, with faulthandler on: what they print, how they end, and that nothing crashed on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from attrs import frozen

from tests.kit.waiting import PATIENCE

ROOT = Path(__file__).parents[2]

CRASHES = ("Fatal Python error", "Segmentation fault", "Exception ignored in", "Current thread 0x")

PRELUDE = """
import os, sys, threading
from livesession import GenerativeContentBlob, GoogleAI, LiveGenerativeModel, SessionOptions

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

def model(**options):
    backend = GoogleAI(api_key="k", base_url=sys.argv[1], proxy=False, ca_file=sys.argv[2] or None)
    return LiveGenerativeModel("m", backend=backend, options=SessionOptions(**options))

def image(size, kind="image/jpeg"):
    return GenerativeContentBlob(mime_type=kind, data=bytes(size))
"""
"""Puts `say`, `model()` and `image()` at a program's hand; the address and the CA's file are its arguments."""


@frozen
class Done:
    """A program that has ended."""

    status: int
    lines: list[str]
    errors: str


def environment() -> dict[str, str]:
    """That of the tests, so that the program finds the project wherever it is started."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-X", "faulthandler", *arguments]


def run_live(code: str, url: str, ca_file: str = "", *, before: str = "", status: int = 0, tracebacks: int = 0) -> Done:
    """Runs `before`, the prelude and `code`; the arguments after `url` are as in `run_command()`."""
    program = "\n".join([before, PRELUDE, textwrap.dedent(code)])
    return run_command(command("-c", program, url, ca_file), status=status, tracebacks=tracebacks)


def run_command(line: list[str], *, status: int = 0, tracebacks: int = 0) -> Done:
    """Runs a program; it must end with `status`, without a crash, and with just so many tracebacks on stderr."""
    ended = subprocess.run(
        line, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment(), stdin=subprocess.DEVNULL
    )
    check_errors(ended.stderr, tracebacks)
    assert ended.returncode == status, f"ended with {ended.returncode}: {ended.stdout}{ended.stderr}"
    return Done(ended.returncode, ended.stdout.splitlines(), ended.stderr)


def check_errors(errors: str, tracebacks: int = 0) -> None:
    """What a program wrote to stderr tells of no crash, and of no more tracebacks than were asked for."""
    assert not any(crash in errors for crash in CRASHES), errors
    assert errors.count("Traceback (most recent call last)") == tracebacks, errors
