"""The settings of `@tool`, which are kept as an attribute of the function."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from attrs import Attribute, field, frozen
from attrs.validators import optional

from livesession.errors import ConfigurationError
from livesession.messages.enums import Behavior, FunctionResponseScheduling
from livesession.tools.declare.callables import layers
from livesession.validators import one_of, positive_or_endless

__all__ = ["ToolSettings", "check_name", "mark", "settings_of"]

Function = TypeVar("Function", bound=Callable[..., object])

MARK = "__livesession_tool__"  # the attribute of a function that holds its settings
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")


def check_name(name: str) -> str:
    """Returns the name if the service takes it in a declaration; else raises `ConfigurationError`."""
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"A tool cannot be named {name!r}: at most 128 characters, a letter or underscore first, then also digits "
            "and .:- are allowed. Give it another name with @tool(name=...)."
        )
    return name


def valid_name(settings: object, attribute: Attribute[str | None], value: str | None) -> None:
    """Validates a name with `check_name()`, or None."""
    if value is not None:
        check_name(value)


@frozen(kw_only=True)
class ToolSettings:
    """The arguments of `@tool`.

    Attributes:
        name: The name for the model, instead of the function's own; default None.
        description: The description for the model, instead of the docstring's; default None.
        behavior: Whether the model waits for the answer; None leaves that to the server; default None.
        scheduling: When the model speaks of an answer that it did not wait for; None leaves that to the server; default
            None.
        timeout: Seconds for a call; None is the default in `ToolOptions`, `math.inf` no limit; default None.
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


def mark(settings: ToolSettings) -> Callable[[Function], Function]:
    """Makes a decorator that puts the settings on a function. It raises `TypeError` for what takes no attributes."""

    def decorate(function: Function) -> Function:
        # The method that is looked up later shows the attributes of the function, not those of such a wrapper.
        inner = function.__func__ if isinstance(function, (staticmethod, classmethod)) else function
        try:
            setattr(inner, MARK, settings)
        except AttributeError:
            raise TypeError(f"@tool cannot mark {function!r}; decorate the function where it is defined.") from None
        return function

    return decorate


def settings_of(function: Callable[..., object]) -> ToolSettings:
    """The settings of a callable, or of the function that it wraps or binds; default settings where there are none."""
    for layer in layers(function):
        settings = getattr(layer, "__dict__", {}).get(MARK)
        if isinstance(settings, ToolSettings):
            return settings
    return ToolSettings()
