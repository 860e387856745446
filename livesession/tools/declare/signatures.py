"""A Python function as a tool: what the model is told of it, and how it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType, SimpleNamespace
from typing import get_args, get_type_hints

from attrs import NOTHING, frozen

from livesession.errors import ConfigurationError
from livesession.messages.declarations import FunctionDeclaration
from livesession.messages.enums import Behavior
from livesession.tools.cancel_token import CancelToken
from livesession.tools.declare.callables import is_async, is_generator, label, layers, name_of, running, within_partials
from livesession.tools.declare.docstrings import Documentation, documentation
from livesession.tools.declare.members import Member
from livesession.tools.declare.type_forms import is_optional, with_mark
from livesession.tools.function_tool import FunctionTool
from livesession.tools.tool_settings import check_name, settings_of

__all__ = ["declaration", "function_tool"]

EMPTY = inspect.Parameter.empty


@frozen
class Taken:
    """What a function takes.

    Attributes:
        signature: All of it.
        members: The parameters that the model is told of.
        tokens: The names of those that a `CancelToken` is put in.
    """

    signature: inspect.Signature
    members: tuple[Member, ...]
    tokens: tuple[str, ...]


def function_tool(function: Callable[..., object]) -> FunctionTool:
    """A function as a tool that runs when the model calls it.

    Its parameters are declared by their type hints. A `CancelToken` among them is filled in and not declared, nor is
    what a `functools.partial` binds.

    Args:
        function: A function, a bound method, a partial, or an object with `__call__`; if it is a generator function,
            it answers in parts, and is NON_BLOCKING.

    Raises:
        TypeError: It is no plain function, or a parameter cannot be declared; the message names the parameter.
        ConfigurationError: Its name is none for a tool, or it is a generator function marked BLOCKING.
    """
    # Here, and where it is declared: cattrs, which makes an import dear, waits for a function that is a tool.
    from livesession.tools.declare.arguments import arguments_reader

    taken, settings = taken_by(function), settings_of(function)
    declared = declared_with(function, taken)  # before the reader is made, for it says best what cannot be
    read = arguments_reader(taken.members)

    def run(args: Mapping[str, object], token: CancelToken) -> object:
        bound = taken.signature.bind_partial()
        bound.arguments.update(read(args), **dict.fromkeys(taken.tokens, token))
        return function(*bound.args, **bound.kwargs)

    return FunctionTool(
        declaration=declared,
        run=run,
        is_generator=is_generator(function),
        scheduling=settings.scheduling,
        timeout=settings.timeout,
    )


def declaration(function: Callable[..., object]) -> FunctionDeclaration:
    """What the model is told of a function: to look at, or to answer its calls yourself.

    Raises the same errors as giving the function as a tool: `TypeError` where it cannot be declared, and
    `ConfigurationError` for a bad name, or a generator function marked BLOCKING.
    """
    return declared_with(function, taken_by(function))


def declared_with(function: Callable[..., object], taken: Taken) -> FunctionDeclaration:
    from livesession.tools.declare.hint_schemas import object_schema

    settings = settings_of(function)
    try:
        parameters = object_schema(taken.members) if taken.members else None
    except TypeError as error:
        raise refusal(function, f"of its parameter {error}") from error
    return FunctionDeclaration(
        name=check_name(settings.name or name_of(function)),
        description=settings.description or documentation_of(function).description,
        parameters=parameters,
        behavior=behavior_of(function),
    )


def behavior_of(function: Callable[..., object]) -> str | None:
    marked = settings_of(function).behavior
    if not is_generator(function):
        return marked
    if marked == Behavior.BLOCKING:
        raise ConfigurationError(f"{label(function)} answers in parts, as it yields; so it cannot be BLOCKING.")
    return Behavior.NON_BLOCKING


def documentation_of(function: Callable[..., object]) -> Documentation:
    return documentation(running(function).__doc__ or inspect.getdoc(within_partials(function)))


def refusal(function: Callable[..., object], why: str) -> TypeError:
    return TypeError(
        f"{label(function)} cannot be declared to the model, because {why}. Annotate it with what JSON has, such as "
        "str, list[int] or a dataclass, or write a FunctionDeclaration by hand."
    )


# What it takes.


def taken_by(function: Callable[..., object]) -> Taken:
    """Raises `TypeError` for what is no plain function, and for parameters that have no name or no type."""
    signature = signature_of(function)
    bound = {name for layer in layers(function) if isinstance(layer, partial) for name in layer.keywords}
    hints = {
        name: hint_of(function, parameter) for name, parameter in signature.parameters.items() if name not in bound
    }
    meanings = documentation_of(function).parameters
    tokens = tuple(name for name, hint in hints.items() if CancelToken in (hint, *get_args(hint)))
    members = tuple(
        Member(name, with_mark(hint, meanings.get(name)), default_of(signature.parameters[name], hint))
        for name, hint in hints.items()
        if name not in tokens
    )
    return Taken(signature, members, tokens)


def signature_of(function: Callable[..., object]) -> inspect.Signature:
    if isinstance(function, type) or not callable(function):
        raise TypeError(f"A tool is a function, not {function!r}.")
    if is_async(function):
        raise TypeError(f"{label(function)} is async. A tool is a plain function; it runs on a thread of its own.")
    try:
        return inspect.signature(function)
    except ValueError as error:
        raise refusal(function, f"{error}") from error


def hint_of(function: Callable[..., object], parameter: inspect.Parameter) -> object:
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise refusal(function, f"{parameter} stands for any number of arguments")
    if parameter.annotation is EMPTY:
        raise refusal(function, f"its parameter {parameter.name!r} has no type hint")
    try:
        return resolved(parameter.annotation, names_known_to(function))
    except Exception as error:  # a hint in quotes is any expression
        raise refusal(
            function, f"the type hint of its parameter {parameter.name!r}, {parameter.annotation!r}, means nothing"
        ) from error


def names_known_to(function: Callable[..., object]) -> dict[str, object]:
    *_, innermost = (layer for layer in layers(function) if isinstance(layer, FunctionType))
    return innermost.__globals__


def resolved(annotation: object, names: dict[str, object]) -> object:
    """A hint without quotes; of one parameter alone, since that of another or of the answer may mean nothing here."""
    holder = SimpleNamespace(__annotations__={"it": annotation})
    hints = get_type_hints(holder, globalns=names, include_extras=True)
    return hints["it"]


def default_of(parameter: inspect.Parameter, hint: object) -> object:
    """What counts where the model gives nothing: None also for what may be None and has no default."""
    if parameter.default is not EMPTY:
        return parameter.default
    return None if is_optional(hint) else NOTHING
