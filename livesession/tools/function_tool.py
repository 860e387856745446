"""`FunctionTool`: a function as the model sees it, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from livesession.messages.declarations import FunctionDeclaration
from livesession.messages.enums import FunctionResponseScheduling
from livesession.tools.cancel_token import CancelToken

__all__ = ["FunctionTool"]


@frozen(eq=False)
class FunctionTool:
    """A function that runs when the model calls it; what is given to `LiveGenerativeModel(tools=...)` becomes one.

    Attributes:
        declaration: What the model is told of it.
        run: Called with the arguments as the model wrote them, and a token that is set when the answer is not wanted
            any more; on a thread of its own. What it returns is the answer, what it raises the error in its place.
        is_generator: Whether `run` returns an iterator, each of whose items is a part of the answer.
        scheduling: When the model speaks of the answer, if it did not wait for it; None leaves that to the server.
        timeout: Seconds; None is the default in `ToolOptions`, `math.inf` no limit.
    """

    declaration: FunctionDeclaration
    run: Callable[[Mapping[str, object], CancelToken], object]
    is_generator: bool = False
    scheduling: FunctionResponseScheduling | str | None = None
    timeout: float | None = None
