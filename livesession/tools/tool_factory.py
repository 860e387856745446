"""Makes tools of Python functions: their declaration to the model, and the call with the model's arguments.

Imported when the first function is given as a tool: the reading of arguments takes cattrs, which is slow to import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from livesession.errors import ConfigurationError
from livesession.messages.declarations import FunctionDeclaration
from livesession.messages.enums import Behavior
from livesession.tools.cancel_token import CancelToken
from livesession.tools.declare.arguments import arguments_reader
from livesession.tools.declare.callables import is_generator, label, name_of
from livesession.tools.declare.docstrings import docstring_of, documentation
from livesession.tools.declare.signatures import FunctionSignature, parameters_schema, signature_of
from livesession.tools.function_tool import FunctionTool
from livesession.tools.tool_settings import check_name, settings_of

__all__ = ["declaration", "function_tool"]


def function_tool(function: Callable[..., object]) -> FunctionTool:
    """Makes a tool of a function, which runs when the model calls it.

    Its parameters are declared by their type hints. A `CancelToken` among them is filled in and not declared, nor is
    what a `functools.partial` binds.

    Args:
        function: A function, a bound method, a partial, or an object with `__call__`; if it is a generator function,
            it answers in parts, and is NON_BLOCKING.

    Raises:
        TypeError: This is no plain function, or a parameter cannot be declared; the message names the parameter.
        ConfigurationError: Its name cannot be that of a tool, or it is a generator function marked BLOCKING.
    """
    signature, settings = signature_of(function, CancelToken), settings_of(function)
    declared = declare(function, signature)  # before the reader is made: its errors say best what cannot be declared
    read = arguments_reader(signature.members)

    def run(args: Mapping[str, object], token: CancelToken) -> object:
        bound = signature.bind(read(args), token)
        return function(*bound.args, **bound.kwargs)

    return FunctionTool(
        declaration=declared,
        run=run,
        is_generator=is_generator(function),
        scheduling=settings.scheduling,
        timeout=settings.timeout,
    )


def declaration(function: Callable[..., object]) -> FunctionDeclaration:
    """Makes the declaration of a function alone. Raises the same errors as `function_tool()`."""
    return declare(function, signature_of(function, CancelToken))


def declare(function: Callable[..., object], signature: FunctionSignature) -> FunctionDeclaration:
    settings = settings_of(function)
    parameters = parameters_schema(function, signature)
    return FunctionDeclaration(
        name=check_name(settings.name or name_of(function)),
        description=settings.description or documentation(docstring_of(function)).description,
        parameters=parameters,
        behavior=behavior_of(function),
    )


def behavior_of(function: Callable[..., object]) -> str | None:
    """The behaviour that `@tool` set. Generator functions answer in parts, and are always NON_BLOCKING."""
    marked = settings_of(function).behavior
    if not is_generator(function):
        return marked
    if marked == Behavior.BLOCKING:
        raise ConfigurationError(f"{label(function)} answers in parts, as it yields; so it cannot be BLOCKING.")
    return Behavior.NON_BLOCKING
