"""The decorator `@tool`: what it sets, what it refuses, and through which wrappers it is found."""

from __future__ import annotations

import functools
import math

import pytest

from livesession import Behavior, ConfigurationError, declaration_of
from livesession.tools.decorator import tool
from livesession.tools.tool_factory import declaration, function_tool
from tests.tools.declared import TodoList, weather


def test_the_decorator_takes_its_arguments_by_name():
    with pytest.raises(TypeError, match="by name"):
        tool("get_weather")


def test_what_the_model_is_told_of_a_function_can_be_looked_at():
    assert declaration_of(weather) == declaration(weather)
    assert declaration_of(function_tool(weather)) == declaration(weather)


def test_the_decorator_gives_back_the_same_function():
    assert tool(weather) is weather
    assert tool()(weather) is weather


def test_what_the_decorator_says_goes_before_what_the_function_says():
    @tool(name="get.weather", description="Forecasts.", behavior="BLOCKING", timeout=2.5)
    def weather(city: str):
        """Says the weather."""

    made = function_tool(weather)
    assert (made.declaration.name, made.declaration.description) == ("get.weather", "Forecasts.")
    assert made.declaration.behavior == Behavior.BLOCKING
    assert made.timeout == 2.5


def new_function():
    def f(): ...

    return f


def test_a_scheduling_makes_a_tool_non_blocking():
    made = function_tool(tool(scheduling="SILENT")(new_function()))
    assert made.declaration.behavior == Behavior.NON_BLOCKING
    assert made.scheduling == "SILENT"


def test_no_time_limit_is_one_that_may_be_said():
    assert function_tool(tool(timeout=math.inf)(new_function())).timeout == math.inf


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "get weather"},
        {"name": "1st"},
        {"name": ""},
        {"name": "x" * 129},
        {"behavior": "LAZY"},
        {"scheduling": "SOON"},
        {"scheduling": "SILENT", "behavior": "BLOCKING"},
        {"timeout": 0},
        {"timeout": -1.0},
        {"timeout": True},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_refused_by_the_decorator(settings):
    with pytest.raises(ConfigurationError):
        tool(**settings)


class Shop:
    @tool(name="price.of")
    def price(self, item: str): ...

    @tool(name="open.on")
    @staticmethod
    def open(day: str): ...

    @tool(name="all.of")
    @classmethod
    def all(cls, kind: str): ...

    @tool(name="shop.for")
    def __call__(self, item: str): ...


@functools.wraps(Shop.price)
def wrapper(self, item: str): ...


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (Shop().price, "price.of"),
        (Shop.open, "open.on"),
        (Shop.all, "all.of"),
        (Shop(), "shop.for"),
        (functools.partial(Shop().price, "tea"), "price.of"),
        (functools.partial(wrapper, Shop()), "price.of"),
        (functools.cache(Shop.open), "open.on"),
    ],
    ids=["method", "static method", "class method", "object", "partial", "wrapper", "cache"],
)
def test_what_the_decorator_said_is_found_through(function, name):
    assert declaration(function).name == name


def test_what_the_decorator_said_of_one_function_is_not_said_of_another():
    class Sale(Shop):
        def price(self, item: str): ...

    assert declaration(Sale().price).name == "price"


def test_a_method_of_an_instance_cannot_be_marked():
    with pytest.raises(TypeError, match="where it is defined"):
        tool(name="x")(TodoList().add)
