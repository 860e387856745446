"""Docstrings, split into the description of a function and those of its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from attrs import field, frozen

from livesession.tools.declare.callables import running_function, without_partials

__all__ = ["Documentation", "docstring_of", "documentation"]


@frozen
class Documentation:
    """The parts of a docstring that the model is told.

    Attributes:
        description: What the function does, and what it returns; None where there is no docstring.
        parameters: What each parameter means, by name.
    """

    description: str | None = None
    parameters: Mapping[str, str] = field(factory=dict)


def docstring_of(function: Callable[..., object]) -> str | None:
    """Finds the docstring of the function that runs first, else the one that it inherits."""
    return running_function(function).__doc__ or inspect.getdoc(without_partials(function))


def documentation(docstring: str | None) -> Documentation:
    """Splits a docstring in Google's, NumPy's or Sphinx's (reST) style, with the package `docstring_parser`.

    Without that package, and for a docstring that describes no parameter, the description is the whole docstring.
    Otherwise only "Returns" and "Yields" are kept of the other sections.
    """
    if not docstring or not docstring.strip():
        return Documentation()
    whole = Documentation(inspect.cleandoc(docstring))
    try:
        return parsed_documentation(docstring) or whole
    except ImportError:
        return whole


def parsed_documentation(docstring: str) -> Documentation | None:
    """Parses a docstring; None where no parameter is described. Raises `ImportError` without the parser."""
    from docstring_parser import ParseError, parse

    try:
        parsed = parse(docstring)
    except ParseError:
        return None
    parameters = {
        name.strip(" *"): param.description
        for param in parsed.params
        for name in param.arg_name.split(",")  # NumPy's style describes several at once
        if param.description
    }
    returns = [
        f"{'Yields' if each.is_generator else 'Returns'}: {each.description}"
        for each in parsed.many_returns
        if each.description
    ]
    description = "\n\n".join([(parsed.description or "").strip(), *returns]).strip()
    return Documentation(description or None, parameters) if parameters else None
