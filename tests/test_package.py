"""The package from outside: its public names, their documentation, and what importing it costs."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import livesession
import livesession.messages


def test_all_names_what_the_package_offers_and_nothing_else():
    offered = {
        name
        for name, value in vars(livesession).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert sorted(livesession.__all__) == sorted(offered | {"__version__"})
    assert set(livesession.messages.__all__) <= offered


@pytest.mark.parametrize("name", livesession.__all__)
def test_each_public_name_is_documented(name):
    value = getattr(livesession, name)
    if isinstance(value, type):
        assert vars(value).get("__doc__")


@pytest.mark.parametrize("name", ["LiveSession", "LiveGenerativeModel", "MessageStream", "TurnStream", "Turn"])
def test_each_public_member_of_a_class_that_does_something_is_documented(name):
    members = {name: value for name, value in vars(getattr(livesession, name)).items() if not name.startswith("_")}
    methods = {name: value for name, value in members.items() if isinstance(value, (property, types.FunctionType))}
    assert [name for name, value in methods.items() if not value.__doc__] == []


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(livesession.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=True)


OPTIONAL = [
    "IPython", "PIL", "anyio", "asyncio", "click", "docstring_parser", "google.auth", "google.genai", "livekit", "mcp",
    "numpy", "orjson", "pybase64", "python_socks", "rich", "sounddevice", "soxr", "webrtcvad", "websockets",
]  # fmt: skip


def test_importing_the_package_imports_no_extra_and_nothing_that_only_a_connection_needs():
    lines = python("-X", "importtime", "-c", "import livesession").stderr.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines}
    assert {"livesession", "attrs"} <= imported
    assert imported.isdisjoint([*OPTIONAL, "cattrs", "websocket"])


def test_importing_the_package_is_silent_even_where_warnings_are_errors():
    done = python("-W", "error", "-c", "import livesession")
    assert (done.stdout, done.stderr) == ("", "")
