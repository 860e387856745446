"""The tools of a model, sorted into declarations for the setup and functions that run when the model calls them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from livesession.errors import ConfigurationError
from livesession.messages.declarations import FunctionDeclaration, Tool, ToolConfig
from livesession.messages.enums import Behavior, FunctionResponseScheduling
from livesession.options import ToolOptions
from livesession.session.function_calls import CallRules
from livesession.tools.function_tool import FunctionTool

if TYPE_CHECKING:
    from livesession.session.function_responder import FunctionResponder
    from livesession.session.state import SessionState
    from livesession.tools.runner import ToolRunner

__all__ = ["AnyTool", "Toolbox", "to_toolbox"]

AnyTool = Tool | FunctionDeclaration | FunctionTool | Callable[..., object]
"""A tool of the service, function declarations or a single one, or a Python function."""


@frozen
class Toolbox:
    """The tools of a model.

    Attributes:
        tools: The tools for the setup message, declarations of functions among them.
        functions: The functions that run when the model calls them, by name.
        options: How to run the functions.
    """

    tools: tuple[Tool, ...]
    functions: Mapping[str, FunctionTool]
    options: ToolOptions

    def open(self, state: SessionState, responder: FunctionResponder, *, in_parts: bool) -> ToolRunner | None:
        """Sets how the calls of a session are answered, before it connects.

        Args:
            state: The session's state.
            responder: Writes the answers to the connection.
            in_parts: Whether the back end takes an answer in several parts.

        Returns:
            The runner of the session's functions; None where all calls are answered by hand.
        """
        runner = None
        if self.functions and self.options.auto:
            from livesession.tools.runner import ToolRunner  # a session without functions does not need it

            by_hand = {each.name for each in declared(self.tools)} - set(self.functions)
            runner = ToolRunner(self.functions, by_hand, self.options, state, responder, in_parts=in_parts)
        state.calls.configure(self._rules(runner))
        return runner

    def _rules(self, runner: ToolRunner | None) -> CallRules:
        declarations = list(declared(self.tools))
        return CallRules(
            listener=runner,
            non_blocking=frozenset(each.name for each in declarations if each.behavior == Behavior.NON_BLOCKING),
            silent=frozenset(
                name for name, each in self.functions.items() if each.scheduling == FunctionResponseScheduling.SILENT
            ),
            hides_automatic=runner is not None and not self.options.messages,
            is_strict=bool(declarations),
        )


def to_toolbox(given: Sequence[AnyTool], options: ToolOptions, config: ToolConfig | None) -> Toolbox:
    """Sorts tools: each `Tool` stays as it is, and functions and single declarations together make one more.

    Raises:
        TypeError: An item is no tool, or a function cannot be declared.
        ConfigurationError: A name is declared twice, or arguments would come in pieces, which functions do not take.
    """
    tools: list[Tool] = []
    alone: list[FunctionDeclaration] = []
    functions: dict[str, FunctionTool] = {}
    for each in check_list(given):
        if isinstance(each, Tool):
            tools.append(each)
        elif isinstance(each, FunctionDeclaration):
            alone.append(each)
        else:  # a function, or the mistake of one
            function = to_function(each)
            alone.append(function.declaration)
            functions[function.declaration.name] = function
    if alone:
        tools.append(Tool(function_declarations=alone))
    check_names(tools)
    if functions and options.auto:
        check_whole_arguments(config)
    return Toolbox(tuple(tools), functions, options)


def check_list(given: Sequence[AnyTool]) -> Sequence[AnyTool]:
    """Returns the sequence; raises `TypeError` for what is none, such as a single function."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        name = "*server.tools" if hasattr(given, "tools") else getattr(given, "__name__", "...")
        raise TypeError(f"tools is a list, such as [{name}], not {given!r:.80}.")
    return given


def to_function(given: FunctionTool | Callable[..., object]) -> FunctionTool:
    """Makes a tool of a function. Raises `TypeError` for what is none."""
    if isinstance(given, FunctionTool):
        return given
    if not callable(given):
        raise TypeError(
            f"A tool is a Python function, a FunctionDeclaration or a Tool, not {type(given).__name__}: {given!r:.80}. "
            f"Where that is what you mean, {way_to_give(given)}."
        )
    from livesession.tools.tool_factory import function_tool  # takes cattrs, which nothing else here needs

    return function_tool(given)


def way_to_give(mistaken: object) -> str:
    """The probable correction of a mistake, in words."""
    if hasattr(mistaken, "tools"):
        return "give the tools of a server as *server.tools"
    if isinstance(mistaken, dict):
        return "write Tool(...) with its members, such as Tool(google_search={})"
    return "leave out the () behind it"


def declared(tools: Sequence[Tool]) -> Iterator[FunctionDeclaration]:
    """Yields the declarations of functions in all tools."""
    for tool in tools:
        yield from tool.function_declarations


def check_names(tools: Sequence[Tool]) -> None:
    """Raises `ConfigurationError` for a name that is declared twice, over which the server closes the connection."""
    counts = Counter(each.name for each in declared(tools))
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ConfigurationError(
            f"Declared more than once: {', '.join(twice)}. Give one of them another name: @tool(name=...)."
        )


def check_whole_arguments(config: ToolConfig | None) -> None:
    """Raises `ConfigurationError` where the model would send arguments piece by piece."""
    calling = config.function_calling_config if config else None
    if calling and calling.stream_function_call_arguments:
        raise ConfigurationError(
            "Python functions are called with whole arguments: leave stream_function_call_arguments out, or answer "
            "the calls yourself with ToolOptions(auto=False)."
        )
