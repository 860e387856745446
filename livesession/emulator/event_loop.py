"""An asyncio event loop on a thread of its own, for blocking code to run coroutines on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TypeVar

T = TypeVar("T")


class LoopThread:
    """A daemon thread with a loop, from construction until `stop`. Any other thread may call `run`."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[object, object, T], timeout: float) -> T:
        """Run a coroutine on the loop and return its result.

        Raises:
            TimeoutError: After `timeout` seconds; the coroutine is cancelled.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("The emulator's controls cannot be called from its own event loop.")
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(timeout)
        except FutureTimeout as error:
            if future.done():  # the coroutine's own TimeoutError
                raise
            future.cancel()
            raise TimeoutError(f"The emulator did not finish within {timeout:g} s.") from error

    def stop(self, timeout: float) -> bool:
        """Cancel what still runs, end the thread and close the loop; return whether that was done in time."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            leftover = asyncio.all_tasks(self.loop)
            for task in leftover:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*leftover, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()
