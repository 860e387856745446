"""The log of an MCP server: its standard error, kept in a file. The end of it tells best what went wrong."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from attrs import frozen

__all__ = ["McpLog"]

TAIL_BYTES = 2_000  # in errors and log records
MOST_BYTES = 1_000_000  # on the disk


@frozen
class McpLog:
    """A file that the server's process appends to; it is read and closed on one thread."""

    _file: io.FileIO

    @classmethod
    @contextmanager
    def temporary(cls) -> Iterator[McpLog]:
        """Opens a new file, which is deleted after the block."""
        with tempfile.TemporaryFile("a+b", buffering=0) as file:
            yield cls(file)

    def for_process(self) -> TextIO:
        """The file in the type that the package `mcp` requires; it uses nothing but the descriptor."""
        return cast(TextIO, self._file)

    def tail(self) -> str:
        """Reads the end of the log; empty once the file is deleted."""
        if self._file.closed:
            return ""
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, size - TAIL_BYTES))
        return self._file.read(TAIL_BYTES).decode(errors="replace").strip()

    def shorten(self) -> None:
        """Empties the file when it has grown long."""
        if self._file.seek(0, os.SEEK_END) > MOST_BYTES:
            self._file.truncate(0)
