"""Signatures of Python functions: the parameters that the model fills in, and the schema of these."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import FunctionType, SimpleNamespace
from typing import get_args, get_type_hints

from attrs import NOTHING, frozen

from livesession.messages.declarations import Schema
from livesession.tools.declare.callables import is_async, label, layers
from livesession.tools.declare.docstrings import docstring_of, documentation
from livesession.tools.declare.hint_schemas import object_schema
from livesession.tools.declare.members import Member
from livesession.tools.declare.type_forms import is_optional, with_mark

__all__ = ["FunctionSignature", "parameters_schema", "signature_of"]

EMPTY = inspect.Parameter.empty


@frozen
class FunctionSignature:
    """The parameters of a function, sorted by the side that fills them in.

    Attributes:
        whole: The signature with all of them.
        members: The parameters that the model fills in.
        injected: The names of those that the session fills in, with what they all get: a `CancelToken`.
    """

    whole: inspect.Signature
    members: tuple[Member, ...]
    injected: tuple[str, ...]

    def bind(self, arguments: dict[str, object], injection: object) -> inspect.BoundArguments:
        """The arguments for a call of the function."""
        bound = self.whole.bind_partial()
        bound.arguments.update(arguments, **dict.fromkeys(self.injected, injection))
        return bound


def signature_of(function: Callable[..., object], injected: type) -> FunctionSignature:
    """Reads the signature of a plain function; `injected` is the type of the parameters that the session fills in.

    Raises `TypeError` for what is no plain function, and for parameters that have no name or no type.
    """
    whole = whole_signature(function)
    # inspect.signature() leaves out what a partial binds by position, but not what it binds by name.
    bound = {name for layer in layers(function) if isinstance(layer, partial) for name in layer.keywords}
    hints = {name: hint_of(function, each) for name, each in whole.parameters.items() if name not in bound}
    meanings = documentation(docstring_of(function)).parameters
    # A parameter annotated `CancelToken | None` is filled in as well.
    names = tuple(name for name, hint in hints.items() if injected in (hint, *get_args(hint)))
    members = tuple(
        Member(name, with_mark(hint, meanings.get(name)), default_of(whole.parameters[name], hint))
        for name, hint in hints.items()
        if name not in names
    )
    return FunctionSignature(whole, members, names)


def parameters_schema(function: Callable[..., object], signature: FunctionSignature) -> Schema | None:
    """The schema of the parameters that the model fills in; None where there are none.

    Raises `TypeError`, which names function and parameter, where a type cannot be said in a schema.
    """
    try:
        return object_schema(signature.members) if signature.members else None
    except TypeError as error:
        raise refusal(function, f"of its parameter {error}") from error


def refusal(function: Callable[..., object], why: str) -> TypeError:
    return TypeError(
        f"{label(function)} cannot be declared to the model, because {why}. Annotate it with what JSON has, such as "
        "str, list[int] or a dataclass, or write a FunctionDeclaration by hand."
    )


def whole_signature(function: Callable[..., object]) -> inspect.Signature:
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
    """The global names of the module in which the innermost function is defined."""
    *_, innermost = (layer for layer in layers(function) if isinstance(layer, FunctionType))
    return innermost.__globals__


def resolved(annotation: object, names: dict[str, object]) -> object:
    """Evaluates a hint that is text.

    Those of the other parameters and of the returned value are left alone: they may name what only a type checker sees.
    """
    # get_type_hints() evaluates all annotations of an object; this one has a single annotation.
    holder = SimpleNamespace(__annotations__={"it": annotation})
    hints = get_type_hints(holder, globalns=names, include_extras=True)
    return hints["it"]


def default_of(parameter: inspect.Parameter, hint: object) -> object:
    """The value where the model gives none: None also for a parameter that may be None and has no default."""
    if parameter.default is not EMPTY:
        return parameter.default
    return None if is_optional(hint) else NOTHING
