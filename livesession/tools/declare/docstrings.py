"""What a docstring tells the model: what a function does, and what its parameters mean."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from attrs import field, frozen

from livesession.tools.declare.callables import running, within_partials

__all__ = ["Documentation", "docstring_of", "documentation"]


@frozen
class Documentation:
    """A docstring, taken apart.

    Attributes:
        description: What the function does, and what it returns; None where there is no docstring.
        parameters: What each parameter means.
    """

    description: str | None = None
    parameters: Mapping[str, str] = field(factory=dict)


def docstring_of(function: Callable[..., object]) -> str | None:
    """The docstring of the function that runs first, else the one that is inherited."""
    return running(function).__doc__ or inspect.getdoc(within_partials(function))


def documentation(docstring: str | None) -> Documentation:
    """A docstring in Google's, NumPy's or Sphinx's (reST) style, taken apart by `docstring_parser`.

    Where that package is not installed, and where the docstring describes no parameter, the description is the whole
    docstring. Where it does, of the other sections only what the function returns is kept.
    """
    if not docstring or not docstring.strip():
        return Documentation()
    whole = Documentation(inspect.cleandoc(docstring))
    try:
        return taken_apart(docstring) or whole
    except ImportError:
        return whole


def taken_apart(docstring: str) -> Documentation | None:
    """None where no parameter is described."""
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
    answers = [
        f"{'Yields' if answer.is_generator else 'Returns'}: {answer.description}"
        for answer in parsed.many_returns
        if answer.description
    ]
    description = "\n\n".join([(parsed.description or "").strip(), *answers]).strip()
    return Documentation(description or None, parameters) if parameters else None
