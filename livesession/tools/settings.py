"""`@tool`: what a function's signature cannot say of it as a tool."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar, overload

from attrs import Attribute, field, frozen
from attrs.validators import optional

from livesession.errors import ConfigurationError
from livesession.tools.callables import layers
from livesession.types.enums import Behavior, FunctionResponseScheduling
from livesession.validators import one_of, positive_or_endless

__all__ = ["ToolSettings", "check_name", "settings_of", "tool"]

Function = TypeVar("Function", bound=Callable[..., object])

MARK = "__livesession_tool__"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")


def check_name(name: str) -> str:
    """The name, if a function may have it in a declaration; else raises `ConfigurationError`."""
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"A tool cannot be named {name!r}: at most 128 characters, a letter or underscore first, then also digits "
            "and .:- are allowed. Give it another name with @tool(name=...)."
        )
    return name


def valid_name(settings: object, attribute: Attribute[str | None], value: str | None) -> None:
    if value is not None:
        check_name(value)


@frozen(kw_only=True)
class ToolSettings:
    """What `@tool` was told.

    Attributes:
        name: Instead of the function's own; default None.
        description: Instead of the docstring's; default None.
        behavior: Whether the model waits for the answer; None leaves that to the server; default None.
        scheduling: When the model speaks of the answer, if it did not wait for it; default None.
        timeout: Seconds; None is the default in `ToolOptions`, `math.inf` no limit; default None.
    """

    name: str | None = field(default=None, validator=valid_name)
    description: str | None = None
    behavior: str | None = field(default=None, validator=optional(one_of(*(each.value for each in Behavior))))
    scheduling: str | None = field(
        default=None, validator=optional(one_of(*(each.value for each in FunctionResponseScheduling)))
    )
    timeout: float | None = field(default=None, validator=positive_or_endless)

    def __attrs_post_init__(self) -> None:
        if self.scheduling and self.behavior == Behavior.BLOCKING:
            raise ConfigurationError(
                f"scheduling={self.scheduling!r} is for functions that the model does not wait for; "
                "leave out behavior='BLOCKING', or scheduling."
            )


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
    """Says of a function what its signature cannot: `@tool`, or `@tool(name=..., timeout=...)`.

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
        timeout: Seconds until the model is told that it took too long; `math.inf` for no limit; default that of
            `ToolOptions`.

    Raises:
        ConfigurationError: A name that the service refuses, an unknown behavior or scheduling, a time limit that is
            not over 0, or a scheduling for a function that the model waits for.
        TypeError: What is decorated cannot be marked, such as a method of an instance.
    """
    if scheduling is not None and behavior is None:
        behavior = Behavior.NON_BLOCKING
    settings = ToolSettings(
        name=name, description=description, behavior=behavior, scheduling=scheduling, timeout=timeout
    )

    def mark(function: Function) -> Function:
        within = function.__func__ if isinstance(function, (staticmethod, classmethod)) else function
        try:
            setattr(within, MARK, settings)
        except AttributeError:
            raise TypeError(f"@tool cannot mark {function!r}; decorate the function where it is defined.") from None
        return function

    if function is not None and not callable(function):
        raise TypeError(f"@tool takes its arguments by name, such as @tool(name=...), and no {function!r}.")
    return mark if function is None else mark(function)


def settings_of(function: Callable[..., object]) -> ToolSettings:
    """What `@tool` said of a callable, or of the function that it wraps or binds."""
    for layer in layers(function):
        settings = getattr(layer, "__dict__", {}).get(MARK)
        if isinstance(settings, ToolSettings):
            return settings
    return ToolSettings()
