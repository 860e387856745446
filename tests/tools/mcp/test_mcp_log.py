"""The file that an MCP server's standard error goes to."""

from __future__ import annotations

import os
import subprocess
import sys

from livesession.tools.mcp import mcp_log
from livesession.tools.mcp.mcp_log import McpLog


def write(log: McpLog, text: str) -> None:
    """Writes to it as a server does."""
    os.write(log.for_process().fileno(), text.encode())


def test_what_a_process_writes_to_its_standard_error_is_in_it():
    with McpLog.temporary() as log:
        assert log.tail() == ""
        program = "import sys; sys.stderr.write('No such file.\\n')"
        subprocess.run([sys.executable, "-c", program], stderr=log.for_process(), check=True)
        assert log.tail() == "No such file."


def test_the_end_of_a_long_one_is_told():
    with McpLog.temporary() as log:
        write(log, "x" * 5_000)
        write(log, "the end")
        assert log.tail() == "x" * (mcp_log.TAIL_BYTES - len("the end")) + "the end"


def test_it_is_emptied_when_it_has_grown_long_and_written_on(monkeypatch):
    monkeypatch.setattr(mcp_log, "MOST_BYTES", 10)
    with McpLog.temporary() as log:
        write(log, "short")
        log.shorten()
        assert log.tail() == "short"
        write(log, "but now it is long")
        log.shorten()
        assert log.tail() == ""
        write(log, "after that")
        assert log.tail() == "after that"


def test_nothing_is_told_once_it_is_deleted():
    with McpLog.temporary() as log:
        write(log, "something")
    assert log.tail() == ""
