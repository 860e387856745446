"""Tools made of functions: name, description and behaviour."""

from __future__ import annotations

import functools

import pytest

from livesession import Behavior, ConfigurationError, Schema
from livesession.tools.decorator import tool
from livesession.tools.tool_factory import declaration, function_tool
from tests.tools.declared import STRING, TodoList, weather


def test_a_function_is_declared_by_its_name_its_docstring_and_its_parameters():
    declared = declaration(weather)
    assert (declared.name, declared.description) == ("weather", "Says the weather.")
    assert declared.parameters == Schema(
        type="OBJECT", properties={"city": STRING, "days": Schema(type="INTEGER", default=3)}, required=["city"]
    )


def test_a_function_that_takes_nothing_has_no_parameters():
    def stop(): ...

    assert declaration(stop).parameters is None


def test_an_object_that_can_be_called_is_named_and_described_by_its_class():
    assert declaration(TodoList()).name == "todo_list"
    assert declaration(TodoList()).description == "Keeps what is to be done."


def test_an_object_whose_call_has_a_docstring_is_described_by_that():
    class Booking(TodoList):
        def __call__(self, room: str):
            """Books a room."""

    assert declaration(Booking()).description == "Books a room."


def test_a_partial_is_named_and_described_by_the_function_within():
    declared = declaration(functools.partial(weather, days=1))
    assert (declared.name, declared.description) == ("weather", "Says the weather.")


def test_a_method_that_overrides_one_has_the_docstring_of_that():
    class Shared(TodoList):
        def add(self, task: str): ...

    assert declaration(Shared().add).description == "Adds a task."


def test_a_lambda_asks_for_a_name():
    with pytest.raises(TypeError, match=r"tool\(name="):
        declaration(lambda: None)


def test_a_lambda_with_a_name_is_a_tool():
    assert declaration(tool(name="now")(lambda: None)).name == "now"


def test_a_name_that_the_service_refuses_is_refused():
    def größe(): ...

    with pytest.raises(ConfigurationError, match="größe"):
        declaration(größe)


def test_a_wrapped_function_is_declared_by_what_it_wraps():
    @functools.wraps(weather)
    def wrapper(*args, **kwargs): ...

    assert declaration(wrapper) == declaration(weather)


def test_a_cached_function_is_declared():
    assert declaration(functools.cache(weather)) == declaration(weather)


def test_without_the_decorator_the_server_decides():
    made = function_tool(weather)
    assert (made.declaration.behavior, made.scheduling, made.timeout) == (None, None, None)


def counting(upto: int):
    yield from range(upto)


class Counter:
    def count(self, upto: int):
        yield from range(upto)

    __call__ = count


@pytest.mark.parametrize(
    "function",
    [counting, functools.partial(counting, 3), Counter().count, Counter()],
    ids=["function", "partial", "method", "object"],
)
def test_a_generator_function_answers_in_parts_and_the_model_does_not_wait(function):
    made = function_tool(function)
    assert made.is_generator
    assert made.declaration.behavior == Behavior.NON_BLOCKING


def test_a_function_that_wraps_a_generator_function_need_not_be_one():
    @functools.wraps(counting)
    def collected(upto: int):
        return list(counting(upto))

    assert not function_tool(collected).is_generator


def test_a_generator_function_cannot_be_blocking():
    @tool(behavior="BLOCKING")
    def count():
        yield 1

    with pytest.raises(ConfigurationError, match="answers in parts"):
        function_tool(count)
