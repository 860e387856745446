"""`FunctionTool`: a function that the model can call, with its declaration."""

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
        declaration: Name, description, parameters and behaviour, as the model is told of them.
        run: Called with the arguments as the model wrote them, and a token that is set when the answer is not wanted
            any more; on a worker thread. The value that it returns is the answer; an error that it raises is told to
            the model in the answer's place.
        is_generator: Whether `run` returns an iterator, each of whose items is a part of the answer.
        scheduling: When the model speaks of an answer that it did not wait for; None leaves that to the server.
        timeout: Seconds for the call; None is the default in `ToolOptions`, `math.inf` no limit.
    """

    declaration: FunctionDeclaration
    run: Callable[[Mapping[str, object], CancelToken], object]
    is_generator: bool = False
    scheduling: FunctionResponseScheduling | str | None = None
    timeout: float | None = None
