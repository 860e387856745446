"""The tools of a model: how they are sorted, what is refused, and which rules their calls get."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from livesession import (
    ConfigurationError,
    FunctionCallingConfig,
    FunctionDeclaration,
    Tool,
    ToolConfig,
    ToolOptions,
    declaration_of,
    tool,
)
from livesession.session.call_tracker import CallTracker
from livesession.tools.runner import ToolRunner
from livesession.tools.toolbox import Toolbox, to_toolbox

SEARCH = Tool(google_search={})
BY_HAND = FunctionDeclaration(name="by_hand")


def add(a: int) -> int:
    return a + 1


@tool(behavior="NON_BLOCKING")
def note(text: str) -> None: ...


def toolbox(*tools: object, config: ToolConfig | None = None, **options: object) -> Toolbox:
    return to_toolbox(tools, ToolOptions(**options), config)


def opened(box: Toolbox) -> tuple[ToolRunner | None, CallTracker]:
    """The runner, and the tracker that has got the rules."""
    calls = CallTracker()
    return box.open(SimpleNamespace(calls=calls), None, in_parts=True), calls


def test_functions_and_single_declarations_make_one_tool_behind_the_others():
    box = toolbox(add, SEARCH, BY_HAND)
    assert box.tools == (SEARCH, Tool(function_declarations=[declaration_of(add), BY_HAND]))
    assert list(box.functions) == ["add"]


def test_no_tools_are_none():
    assert toolbox().tools == ()


def test_a_name_that_is_declared_twice_is_refused():
    with pytest.raises(ConfigurationError, match=r"more than once: add\."):
        toolbox(add, Tool(function_declarations=[FunctionDeclaration(name="add")]))


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        (add, r"\[add\]"),
        ("add", "list"),
        (SimpleNamespace(tools=[]), r"\[\*server\.tools\]"),
        ([3], r"not int: 3.*leave out the \(\)"),
        ([{"google_search": {}}], r"write Tool\(\.\.\.\)"),
        ([SimpleNamespace(tools=[])], r"as \*server\.tools"),
    ],
    ids=["a function", "a text", "a server", "a result", "a dict", "a server in a list"],
)
def test_what_is_no_list_of_tools_is_refused_with_the_way_to_give_it(tools, message):
    with pytest.raises(TypeError, match=message):
        to_toolbox(tools, ToolOptions(), None)


def test_arguments_in_pieces_are_for_calls_that_are_answered_by_hand():
    config = ToolConfig(function_calling_config=FunctionCallingConfig(stream_function_call_arguments=True))
    with pytest.raises(ConfigurationError, match="auto=False"):
        toolbox(add, config=config)
    assert toolbox(add, config=config, auto=False).functions
    assert toolbox(BY_HAND, config=config).tools


def test_a_runner_answers_the_calls_of_functions_and_of_nothing_that_is_declared_by_hand():
    runner, calls = opened(toolbox(add, note, BY_HAND))
    assert calls.listener is runner
    assert calls.non_blocking == {"note"}
    assert calls.is_strict
    assert not calls.hides_automatic
    assert opened(toolbox(add, messages=False))[1].hides_automatic


@pytest.mark.parametrize("box", [toolbox(BY_HAND), toolbox(add, auto=False)], ids=["declared", "auto=False"])
def test_without_functions_that_run_by_themselves_there_is_no_runner(box):
    runner, calls = opened(box)
    assert runner is None
    assert calls.listener is None
    assert calls.is_strict


def test_a_session_without_functions_takes_answers_to_calls_that_it_does_not_know():
    assert not opened(toolbox(SEARCH))[1].is_strict
