"""A real Jupyter kernel for the tests: cells are run in it, and interrupted."""

from __future__ import annotations

import os
import time
from pathlib import Path

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

PATIENCE = 20.0  # seconds after which a cell that does nothing has failed
ROOT = Path(__file__).parents[2]


class Kernel:
    """A kernel on a process of its own, at home in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder)}
        self.manager.start_kernel(env=environment, cwd=str(folder))
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)

    def run(self, code: str) -> Cell:
        """Runs a cell to its end; fails where it fails."""
        cell = self.start(code).wait()
        assert cell.error is None, cell.error
        return cell

    def start(self, code: str) -> Cell:
        return Cell(self.client, self.client.execute(code))

    def interrupt(self, cell: Cell) -> float:
        """Presses the stop button; how long it took until the cell ended, in seconds."""
        start = time.monotonic()
        self.manager.interrupt_kernel()
        cell.wait()
        return time.monotonic() - start

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        self.manager.cleanup_resources()


class Cell:
    """A cell that runs, or has run.

    Attributes:
        printed: What it wrote to stdout and stderr.
        shown: By media type, what stands below it as its value.
        error: The name of the exception that ended it.
    """

    def __init__(self, client: BlockingKernelClient, request: str) -> None:
        self._client = client
        self._request = request
        self._is_over = False
        self.printed = ""
        self.shown: dict[str, str] = {}
        self.error: str | None = None

    def wait(self) -> Cell:
        while not self._is_over:
            self._take()
        return self

    def wait_until_printed(self, text: str) -> Cell:
        while text not in self.printed:
            assert not self._is_over, f"it ended with {self.printed!r}, {self.error}"
            self._take()
        return self

    def _take(self) -> None:
        message = self._client.get_iopub_msg(timeout=PATIENCE)
        if message["parent_header"].get("msg_id") != self._request:
            return
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            self.printed += content["text"]
        elif kind == "execute_result":
            self.shown = content["data"]
        elif kind == "error":
            self.error = content["ename"]
        elif kind == "status":
            self._is_over = content["execution_state"] == "idle"
