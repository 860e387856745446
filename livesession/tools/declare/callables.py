"""Inspection of callables: the function that runs in the end, its name, and whether it is a generator."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType, MethodType

from livesession.messages.fields import snake_case

__all__ = ["is_async", "is_generator", "label", "layers", "name_of", "running_function", "without_partials"]


def layers(function: object) -> Iterator[object]:
    """Yields a callable and, in turn, what it calls: through partials, methods, `__call__` and `functools.wraps`."""
    layer: object = function
    while layer is not None:
        yield layer
        layer = inner_layer(layer)


def inner_layer(layer: object) -> object:
    if isinstance(layer, partial):
        return layer.func
    if isinstance(layer, MethodType):
        return layer.__func__
    call = type(layer).__call__
    # In PyPy the `__call__` of a function is a Python function as well.
    is_object = isinstance(call, FunctionType) and not isinstance(layer, FunctionType)
    return getattr(layer, "__wrapped__", call if is_object else None)


def without_partials(function: Callable[..., object]) -> Callable[..., object]:
    """Returns the callable below all `functools.partial`s."""
    return without_partials(function.func) if isinstance(function, partial) else function


def running_function(function: Callable[..., object]) -> object:
    """Finds the Python function that runs first: one that it wraps may be of another kind, such as a generator."""
    return next((layer for layer in layers(function) if isinstance(layer, FunctionType)), function)


def is_generator(function: Callable[..., object]) -> bool:
    """Whether a callable is a generator function in the end."""
    return inspect.isgeneratorfunction(running_function(function))


def is_async(function: Callable[..., object]) -> bool:
    """Whether a callable is a coroutine function or an asynchronous generator in the end."""
    runs = running_function(function)
    return inspect.iscoroutinefunction(runs) or inspect.isasyncgenfunction(runs)


def name_of(function: Callable[..., object]) -> str:
    """The function's own name, or for an object with `__call__` that of its class. Raises `TypeError` for a lambda."""
    inner = without_partials(function)
    # A class named Weather or _Weather is the tool `weather`.
    name: str = getattr(inner, "__name__", "") or snake_case(type(inner).__name__).lstrip("_")
    if name == "<lambda>":  # the name of all lambdas
        raise TypeError("A lambda has no name for the model; give it one: tool(name=...)(lambda ...).")
    return name


def label(function: Callable[..., object]) -> str:
    """The name of a function in error messages, such as `Car.drive()`."""
    inner = without_partials(function)
    return f"{getattr(inner, '__qualname__', type(inner).__name__)}()"
