"""The standard error of an MCP server: kept in a file, as its end tells best what went wrong."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from attrs import frozen

__all__ = ["McpLog"]

SHOWN = 2_000
LIMIT = 1_000_000


@frozen
class McpLog:
    """A file that a process appends to; to be read and closed on one thread."""

    _file: io.FileIO

    @classmethod
    @contextmanager
    def temporary(cls) -> Iterator[McpLog]:
        """A new one, which is deleted after the block."""
        with tempfile.TemporaryFile("a+b", buffering=0) as file:
            yield cls(file)

    def for_process(self) -> TextIO:
        """The file as the package `mcp` wants it, which takes nothing but the descriptor from it."""
        return cast(TextIO, self._file)

    def tail(self) -> str:
        """Its end; nothing once it is deleted."""
        if self._file.closed:
            return ""
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, size - SHOWN))
        return self._file.read(SHOWN).decode(errors="replace").strip()

    def shorten(self) -> None:
        """Drops all of it when it has grown long."""
        if self._file.seek(0, os.SEEK_END) > LIMIT:
            self._file.truncate(0)
