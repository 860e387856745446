"""Parameters: which ones the model is told of, which ones it has to give, and functions that cannot be declared."""

from __future__ import annotations

import functools
import math
from dataclasses import InitVar, dataclass, make_dataclass
from datetime import timedelta
from typing import Annotated, Literal

import annotated_types
import pytest

from livesession import Schema
from livesession.tools.cancel_token import CancelToken
from livesession.tools.tool_factory import declaration, function_tool
from tests.tools.declared import INTEGER, TodoList, properties, required, weather


def test_keyword_only_and_positional_only_parameters_are_declared():
    def f(a: int, /, b: int, *, c: int): ...

    assert list(properties(f)) == ["a", "b", "c"]


def test_a_parameter_with_a_default_is_not_required():
    assert required(weather) == ("city",)


@pytest.mark.parametrize("default", [math.nan, timedelta(1), {1, 2}, object()])
def test_a_default_that_json_cannot_say_only_makes_the_parameter_optional(default):
    def f(x: int = default): ...

    assert required(f) == ()
    assert properties(f) == {"x": INTEGER}


def test_a_parameter_that_may_be_none_is_not_required():
    def f(x: int | None, y: Literal["a", None]): ...

    assert required(f) == ()
    assert [schema.nullable for schema in properties(f).values()] == [True, True]


def test_a_default_of_none_allows_null():
    def f(x: str = None): ...  # noqa: RUF013

    assert properties(f) == {"x": Schema(type="STRING", nullable=True)}


def test_a_cancel_token_is_not_declared():
    def f(x: int, token: CancelToken, other: CancelToken | None = None): ...

    assert list(properties(f)) == ["x"]


def test_what_a_partial_binds_is_not_declared():
    def f(a: int, b: int, c: int, token: CancelToken): ...

    assert list(properties(functools.partial(f, 1, c=3, token=CancelToken()))) == ["b"]


def test_a_hint_that_only_another_parameter_needs_is_not_looked_at():
    def f(x: int, y: Unknown = 1) -> Unknown: ...  # noqa: F821

    assert list(properties(functools.partial(f, y=2))) == ["x"]


@dataclass
class Node:
    children: list[Node]


@dataclass
class Event:
    length: timedelta


def no_hint(x): ...


def no_type(x: list[timedelta]): ...


def nested(x: Event): ...


def recursive(x: Node): ...


def unknown(x: Unknown): ...  # noqa: F821


def starred(*x: int): ...


def keywords(**x: int): ...


def misfit(x: Annotated[str, annotated_types.Ge(1)]): ...


Started = make_dataclass("Started", [("field", int), ("argument", InitVar[int])])


def started(x: Started): ...


Bare = make_dataclass("Bare", [("field", int), ("argument", InitVar)])


def bare(x: Bare): ...


def set_of_lists(x: set[list[int]]): ...


def set_of_mutable_objects(x: frozenset[Event]): ...


def set_of_what_may_be_a_mapping(x: set[str | dict[str, int]]): ...


def set_of_tuples_of_sets(x: set[tuple[int, set[int]]]): ...


UNDECLARABLE = {
    no_hint: "'x' has no type hint",
    no_type: "x: timedelta has no counterpart in JSON",
    nested: "x: length: timedelta has no counterpart in JSON",
    recursive: "x: children: Node holds itself",
    unknown: "'x', 'Unknown', means nothing",
    starred: r"\*x",
    keywords: r"\*\*x",
    misfit: "x: the bound 'ge' does not fit the type STRING",
    started: "x: argument is an InitVar",
    bare: "x: argument is an InitVar",
    set_of_lists: r"x: a set cannot hold list\[int\], which is not hashable",
    set_of_mutable_objects: "x: a set cannot hold Event",
    set_of_what_may_be_a_mapping: "x: a set cannot hold str | dict",
    set_of_tuples_of_sets: "x: a set cannot hold tuple",
}


@pytest.mark.parametrize("function", UNDECLARABLE, ids=lambda function: function.__name__)
def test_what_cannot_be_declared_is_a_type_error_that_names_the_parameter_and_a_way_out(function):
    with pytest.raises(TypeError, match=UNDECLARABLE[function]) as caught:
        function_tool(function)
    assert str(caught.value).startswith(f"{function.__name__}() cannot be declared")
    assert "FunctionDeclaration by hand" in str(caught.value)


def test_why_a_hint_means_nothing_is_the_cause():
    with pytest.raises(TypeError) as caught:
        declaration(unknown)
    assert isinstance(caught.value.__cause__, NameError)


async def later(): ...


async def one_by_one():
    yield 1


@pytest.mark.parametrize("function", [later, one_by_one, functools.partial(later)])
def test_an_async_function_is_no_tool(function):
    with pytest.raises(TypeError, match="is async"):
        declaration(function)


@pytest.mark.parametrize("thing", [TodoList, 3, None, "weather"])
def test_what_is_no_function_is_no_tool(thing):
    with pytest.raises(TypeError, match="A tool is a function"):
        declaration(thing)
