"""The decorator `@tool`, and `declaration_of()`, which shows the declaration of a function.

Both import the rest at their first call, so that importing the package stays fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, overload

from livesession.messages.declarations import FunctionDeclaration
from livesession.messages.enums import Behavior, FunctionResponseScheduling
from livesession.tools.function_tool import FunctionTool

__all__ = ["declaration_of", "tool"]

Function = TypeVar("Function", bound=Callable[..., object])


@overload
def tool(function: Function, /) -> Function: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    behavior: Behavior | str | None = None,
    scheduling: FunctionResponseScheduling | str | None = None,
    timeout: float | None = None,
) -> Callable[[Function], Function]: ...


def tool(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    behavior: Behavior | str | None = None,
    scheduling: FunctionResponseScheduling | str | None = None,
    timeout: float | None = None,
) -> Function | Callable[[Function], Function]:
    """Marks a function with settings that its signature cannot express: `@tool`, or `@tool(name=..., timeout=...)`.

    The function itself stays as it is, and can be called as before.

    Args:
        function: The function, where the decorator stands without parentheses.
        name: What the model calls it; default the function's own name.
        description: What it does, for the model; default what the docstring says.
        behavior: `"BLOCKING"`: the model waits for the answer; `"NON_BLOCKING"`: it goes on meanwhile. None leaves
            that to the server, but for generator functions and where `scheduling` is given, which are NON_BLOCKING;
            default None.
        scheduling: When the model speaks of an answer that it did not wait for: `"INTERRUPT"`, `"WHEN_IDLE"` or
            `"SILENT"`; None leaves that to the server; default None.
        timeout: Seconds until the model is told that the function took too long; `math.inf` for no limit; default that
            of `ToolOptions`.

    Raises:
        ConfigurationError: A name that the service refuses, an unknown behavior or scheduling, a time limit that is
            not over 0, or a scheduling for a function that the model waits for.
        TypeError: What is decorated cannot be marked, such as a method of an instance.
    """
    from livesession.tools.tool_settings import ToolSettings, mark

    if function is not None and not callable(function):
        raise TypeError(f"@tool takes its arguments by name, such as @tool(name=...), and no {function!r}.")
    if scheduling is not None and behavior is None:
        behavior = Behavior.NON_BLOCKING
    settings = ToolSettings(
        name=name, description=description, behavior=behavior, scheduling=scheduling, timeout=timeout
    )
    return mark(settings) if function is None else mark(settings)(function)


def declaration_of(function: Callable[..., object] | FunctionTool) -> FunctionDeclaration:
    """Returns the declaration that the model gets of a function that is given as a tool.

    It is for looking at, or for `tools=` where the calls of the function are answered by hand.

    Raises:
        TypeError: The function cannot be declared; the message names the parameter.
        ConfigurationError: Its name cannot be that of a tool, or it is a generator function marked BLOCKING.
    """
    from livesession.tools.tool_factory import declaration

    return function.declaration if isinstance(function, FunctionTool) else declaration(function)
