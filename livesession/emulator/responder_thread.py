"""A thread for one answer: it runs the user's responder step by step, each step asked for by the event loop.

Pulling instead of pushing is what bounds memory: a responder without an end is never ahead of the socket.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from typing import Final

from attrs import frozen

from livesession.emulator.responder import Answers, Piece, PieceGenerator, Responder, UserTurn, as_pieces

_logger = logging.getLogger("livesession.emulator")


class _End:
    """The type of `END`."""


END: Final = _End()
"""What a step gives when the responder has nothing more to say."""


@frozen(eq=False)
class _Step:
    answers: Answers | None
    future: asyncio.Future[Piece | _End]


class ResponderThread:
    """Runs `responder(turn)` on a daemon thread. Its methods belong to the loop's thread."""

    def __init__(self, responder: Responder, turn: UserTurn, name: str) -> None:
        self._responder = responder
        self._turn = turn
        self._loop = asyncio.get_running_loop()
        # Unbounded by type, but it never holds more than one step and the final None.
        self._steps: queue.SimpleQueue[_Step | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self.thread.start()

    async def next(self, answers: Answers | None) -> Piece | _End:
        """Return the next piece, or `END`. `answers` becomes the value of the responder's `yield`.

        Raises whatever the responder raises.
        """
        future: asyncio.Future[Piece | _End] = self._loop.create_future()
        self._steps.put(_Step(answers, future))
        return await future

    def stop(self, *, interrupted: bool) -> None:
        """Let the thread end: the responder's generator is closed there, once its current step is over."""
        if interrupted:
            self._turn.interrupted.set()
        self._steps.put(None)

    def _run(self) -> None:
        pieces: PieceGenerator | None = None
        while (step := self._steps.get()) is not None:
            try:
                if pieces is None:
                    pieces = as_pieces(self._responder(self._turn))
                piece: Piece | _End = pieces.send(step.answers)
            except StopIteration:
                piece = END
            except BaseException as error:
                self._post(step.future, error)
                continue
            self._post(step.future, piece)
        self._close(pieces)

    def _post(self, future: asyncio.Future[Piece | _End], result: Piece | _End | BaseException) -> None:
        try:
            self._loop.call_soon_threadsafe(_resolve, future, result)
        except RuntimeError:
            # The loop has been closed while the responder was busy; nobody waits for this step.
            _logger.debug("A responder finished after the emulator stopped.")

    def _close(self, pieces: PieceGenerator | None) -> None:
        try:
            if pieces is not None:
                pieces.close()
        except Exception:
            _logger.exception("The responder raised while it was being closed.")


def _resolve(future: asyncio.Future[Piece | _End], result: Piece | _End | BaseException) -> None:
    if future.done():  # cancelled by an interruption
        return
    if isinstance(result, BaseException):
        # StopIteration and SystemExit cannot travel through a future; their cause can.
        wrapped = RuntimeError(f"The responder raised {result!r}")
        wrapped.__cause__ = result
        future.set_exception(wrapped)
    else:
        future.set_result(result)
