"""What users hold on to: public names with their parameters and members, errors, threads, loggers, commands.

python tests/surface.py > tests/public_surface.json    # to hold on to names that were added, too
"""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_origin

PUBLIC = [
    "livesession",
    "livesession.audio",
    "livesession.emulator",
    "livesession.recording",
    "livesession.tools.mcp",
    "livesession.video",
    "livesession.web",
]
THREAD = re.compile(r'"(livesession-[a-z-]+)"')
MADE_FOR_USERS = {"MessageStream", "TurnStream", "SessionsStream"}  # by methods, and not by their constructors
LOGGER = re.compile(r'getLogger\("([^"]*)"\)')


def surface() -> dict[str, object]:
    """Lists all of it, sorted."""
    package = Path(importlib.import_module("livesession").__file__ or "").parent
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py")))
    return {
        "names": {module: names_of(module) for module in PUBLIC},
        "threads": sorted(set(THREAD.findall(source))),
        "loggers": sorted(set(LOGGER.findall(source))),
        "fixtures": fixtures(),
        "commands": commands(),
    }


def names_of(module: str) -> dict[str, object]:
    loaded = importlib.import_module(module)
    return {name: described(getattr(loaded, name)) for name in sorted(loaded.__all__)}


def described(value: object) -> object:
    if get_origin(value) is not None:  # an alias of types, which passes for a class in Python 3.10
        return []
    if not inspect.isclass(value):
        return parameters(value) if callable(value) else type(value).__name__
    own_bases = ("builtins", "livesession.errors")
    of_python = {name for base in value.__mro__ if base.__module__ in ("builtins", "enum") for name in dir(base)}
    return {
        "bases": [base.__name__ for base in value.__mro__[1:] if base.__module__ in own_bases],
        "parameters": [] if value.__name__ in MADE_FOR_USERS or issubclass(value, enum.Enum) else parameters(value),
        "members": sorted(name for name in dir(value) if not name.startswith("_") and name not in of_python),
    }


def parameters(value: Callable[..., object]) -> list[str]:
    try:
        return [re.split("[:=]", str(each))[0] for each in inspect.signature(value).parameters.values()]
    except (TypeError, ValueError):
        return []


def fixtures() -> list[str]:
    plugin = Path(importlib.import_module("pytest_livesession").__file__ or "").read_text(encoding="utf-8")
    return sorted(re.findall(r"@pytest\.fixture[^\n]*\ndef (\w+)", plugin))


def commands() -> dict[str, list[str]]:
    group = importlib.import_module("livesession.cli").commands
    return {
        name: sorted(option for each in command.params for option in each.opts)
        for name, command in sorted((name, group.get_command(None, name)) for name in group.list_commands(None))
    }


if __name__ == "__main__":
    json.dump(surface(), sys.stdout, indent=1, sort_keys=True)
