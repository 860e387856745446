"""What the model is told of a Python function: its name, its docstring, its parameters, and what `@tool` adds."""

from __future__ import annotations

import enum
import functools
import math
import sys
from dataclasses import InitVar, dataclass, field, make_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, Tuple, TypedDict  # noqa: UP035
from uuid import UUID

import annotated_types
import attrs
import pydantic
import pytest
import typing_extensions

from livesession import Behavior, ConfigurationError, Schema, declaration_of
from livesession.tools.cancel_token import CancelToken
from livesession.tools.declare.docstrings import documentation
from livesession.tools.declare.hint_schemas import schema_of
from livesession.tools.decorator import tool
from livesession.tools.tool_factory import declaration, function_tool


def weather(city: str, days: int = 3):
    """Says the weather."""


def properties(function) -> dict[str, Schema]:
    return declaration(function).parameters.properties


def required(function) -> tuple[str, ...]:
    return declaration(function).parameters.required


STRING, INTEGER, NUMBER, BOOLEAN = (Schema(type=name) for name in ("STRING", "INTEGER", "NUMBER", "BOOLEAN"))

# The name.


def test_a_function_is_declared_by_its_name_its_docstring_and_its_parameters():
    declared = declaration(weather)
    assert (declared.name, declared.description) == ("weather", "Says the weather.")
    assert declared.parameters == Schema(
        type="OBJECT", properties={"city": STRING, "days": Schema(type="INTEGER", default=3)}, required=["city"]
    )


def test_a_function_that_takes_nothing_has_no_parameters():
    def stop(): ...

    assert declaration(stop).parameters is None


class TodoList:
    """Keeps what is to be done."""

    def add(self, task: str):
        """Adds a task."""

    def __call__(self, task: str): ...


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


# The docstring.

GOOGLE = """Says the weather.

    In words.

    Args:
        city: Where,
            exactly.
        days (int, optional): How far ahead.

    Returns:
        str: The weather.

    Raises:
        ValueError: No such city.
    """
NUMPY = """Says the weather.

    In words.

    Parameters
    ----------
    city : str
        Where,
        exactly.
    days : int, optional
        How far ahead.

    Returns
    -------
    str
        The weather.
    """
REST = """Says the weather.

    In words.

    :param city: Where,
        exactly.
    :param int days: How far ahead.
    :returns: The weather.
    :raises ValueError: No such city.
    """


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, REST], ids=["Google", "NumPy", "reST"])
def test_a_docstring_says_what_the_function_and_its_parameters_mean(docstring):
    def weather(city: str, days: int): ...

    weather.__doc__ = docstring
    assert declaration(weather).description == "Says the weather.\n\nIn words.\n\nReturns: The weather."
    meanings = {name: schema.description for name, schema in properties(weather).items()}
    assert meanings == {"city": "Where,\nexactly.", "days": "How far ahead."}


def test_parameters_that_numpy_s_style_describes_together_are_both_described():
    parsed = documentation("Adds.\n\nParameters\n----------\na, b : int\n    Summands.\n")
    assert parsed.parameters == {"a": "Summands.", "b": "Summands."}


@pytest.mark.parametrize(
    "docstring",
    ["One line.", "Two\n\nparagraphs: of text.", ":param", "Args:\n\nhello", "Note: it is slow."],
)
def test_a_docstring_that_describes_no_parameter_is_the_description(docstring):
    assert documentation(docstring).description == docstring


@pytest.mark.parametrize("docstring", [None, "", " \n "])
def test_an_empty_docstring_is_no_description(docstring):
    assert documentation(docstring).description is None


def test_without_docstring_parser_the_whole_docstring_is_the_description(monkeypatch):
    monkeypatch.setitem(sys.modules, "docstring_parser", None)
    parsed = documentation("Adds.\n\n    Args:\n        a: One.\n    ")
    assert parsed.description == "Adds.\n\nArgs:\n    a: One."
    assert parsed.parameters == {}


def test_what_annotated_says_of_a_parameter_goes_before_the_docstring():
    def weather(city: Annotated[str, "The city's name."]):
        """Says it.

        Args:
            city: Where.
        """

    assert properties(weather)["city"].description == "The city's name."


def test_what_is_said_of_a_parameter_stands_before_how_its_type_is_written():
    def book(day: Annotated[date, "The day of arrival."]): ...

    assert properties(book)["day"].description == "The day of arrival. As a date such as 2030-01-31."


# Parameters.


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


def test_a_wrapped_function_is_declared_by_what_it_wraps():
    @functools.wraps(weather)
    def wrapper(*args, **kwargs): ...

    assert declaration(wrapper) == declaration(weather)


def test_a_cached_function_is_declared():
    assert declaration(functools.cache(weather)) == declaration(weather)


# Types.


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(str, enum.Enum):
    S = "s"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Named(enum.Enum):
    A = ("a", 1)


class Mixed(enum.Enum):
    A = "a"
    B = 2


@dataclass
class Stop:
    city: str
    nights: int = 1
    tags: list[str] = field(default_factory=list)
    cost: float = field(init=False, default=0.0)


@attrs.frozen
class Room:
    _number: int
    floor: str | None = None


class Trip(TypedDict):
    stops: list[Stop]
    note: typing_extensions.NotRequired[str]


class Draft(TypedDict, total=False):
    text: typing_extensions.Required[str]
    note: str


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Guest(pydantic.BaseModel):
    name: Annotated[str, pydantic.Field(min_length=1)]
    age: int = pydantic.Field(default=1, description="In years.")
    room: str | None = pydantic.Field(alias="roomName", default=None)


UserId = NewType("UserId", int)
Names = typing_extensions.TypeAliasType("Names", list[str])

STOP = Schema(
    type="OBJECT",
    properties={
        "city": STRING,
        "nights": Schema(type="INTEGER", default=1),
        "tags": Schema(type="ARRAY", items=STRING),
    },
    required=["city"],
)
SCHEMAS = {
    "bytes": (bytes, Schema(type="STRING", description="As base64.")),
    "datetime": (datetime, Schema(type="STRING", format="date-time")),
    "time": (time, Schema(type="STRING", description="As a time such as 09:30:00.")),
    "Decimal": (Decimal, NUMBER),
    "UUID": (UUID, Schema(type="STRING", description="As a UUID.")),
    "Path": (Path, STRING),
    "Enum that is a str": (Size, Schema(type="STRING", enum=["s"], title="Size")),
    "Enum of other values": (Named, Schema(type="STRING", enum=["A"], title="Named")),
    "Enum of a word and another value": (Mixed, Schema(type="STRING", enum=["A", "B"], title="Mixed")),
    "Literal of a member": (Literal[Colour.RED, Level.LOW], Schema(type="STRING", enum=["red", "LOW"])),
    "NewType": (UserId, INTEGER),
    "alias": (Names, Schema(type="ARRAY", items=STRING)),
    "tuple of several types": (
        tuple[str, int | None],
        Schema(
            type="ARRAY",
            items=Schema(any_of=[STRING, Schema(type="INTEGER", nullable=True)]),
            min_items=2,
            max_items=2,
            description="In this order: str, int | None.",
        ),
    ),
    "mapping of anything": (dict[str, Any], Schema(type="OBJECT")),
    "dataclass": (Stop, STOP),
    "attrs class": (
        Room,
        Schema(
            type="OBJECT",
            properties={"number": INTEGER, "floor": Schema(type="STRING", nullable=True)},
            required=["number"],
        ),
    ),
    "TypedDict": (
        Trip,
        Schema(
            type="OBJECT", properties={"stops": Schema(type="ARRAY", items=STOP), "note": STRING}, required=["stops"]
        ),
    ),
    "TypedDict that need not be whole": (
        Draft, Schema(type="OBJECT", properties={"text": STRING, "note": STRING}, required=["text"])
    ),
    "NamedTuple": (
        Point, Schema(type="OBJECT", properties={"x": NUMBER, "y": Schema(type="NUMBER", default=0.0)}, required=["x"])
    ),
    "pydantic": (
        Guest,
        Schema(
            type="OBJECT",
            properties={
                "name": Schema(type="STRING", min_length=1),
                "age": Schema(type="INTEGER", default=1, description="In years."),
                "roomName": Schema(type="STRING", nullable=True),
            },
            required=["name"],
        ),
    ),
    "union within a union": (
        UserId | typing_extensions.TypeAliasType("Text", str | bool),
        Schema(any_of=[INTEGER, STRING, BOOLEAN]),
    ),
    "union with a text": (
        Annotated[int | str | None, "Which."],
        Schema(any_of=[
            Schema(type="INTEGER", description="Which.", nullable=True),
            Schema(type="STRING", description="Which.", nullable=True),
        ]),
    ),
    "more than": (Annotated[int, annotated_types.Gt(0)], Schema(type="INTEGER", minimum=1)),
    "less than": (Annotated[int, annotated_types.Lt(9.5)], Schema(type="INTEGER", maximum=9)),
    "more than, of numbers": (Annotated[float, annotated_types.Gt(0)], Schema(type="NUMBER", minimum=0)),
    "interval": (Annotated[float, annotated_types.Interval(ge=0, le=1)], Schema(type="NUMBER", minimum=0, maximum=1)),
    "length of an array": (
        Annotated[list[str], annotated_types.MinLen(1)], Schema(type="ARRAY", items=STRING, min_items=1)
    ),
    "length of an object": (Annotated[dict, annotated_types.MaxLen(3)], Schema(type="OBJECT", max_properties=3)),
    "pattern": (Annotated[str, pydantic.Field(pattern="^a")], Schema(type="STRING", pattern="^a")),
    "bound of what may be None": (
        Annotated[int | None, annotated_types.Ge(1)], Schema(type="INTEGER", nullable=True, minimum=1)
    ),
    "part of a Schema": (
        Annotated[str, Schema(enum=["a"], example="a")], Schema(type="STRING", enum=["a"], example="a")
    ),
    "whole Schema": (
        Annotated[object, Schema(type="OBJECT", properties={"a": STRING})],
        Schema(type="OBJECT", properties={"a": STRING}),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("hint", "expected"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_type_has_its_schema(hint, expected):
    assert schema_of(hint) == expected


# What cannot be declared.


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


@pytest.mark.parametrize(
    "hint", [set[tuple[int, str]], frozenset[frozenset[int]], set[Literal["a", 1]], set[str | None], set[Room]], ids=str
)
def test_a_set_of_what_is_hashable_can_be_declared(hint):
    assert schema_of(hint).type == "ARRAY"


def test_why_a_hint_means_nothing_is_the_cause():
    with pytest.raises(TypeError) as caught:
        declaration(unknown)
    assert isinstance(caught.value.__cause__, NameError)


@pytest.mark.parametrize(
    "hint",
    [list, tuple[()], Tuple, Any, object, dict[int, str], typing_extensions.TypeAliasType("Bad", complex)],  # noqa: UP006
)
def test_a_type_that_the_service_does_not_take_is_a_type_error(hint):
    with pytest.raises(TypeError):
        schema_of(hint)


async def later(): ...


async def one_by_one():
    yield 1


@pytest.mark.parametrize("function", [later, one_by_one, functools.partial(later)])
def test_an_async_function_is_no_tool(function):
    with pytest.raises(TypeError, match="is async"):
        declaration(function)


@pytest.mark.parametrize("thing", [Stop, 3, None, "weather"])
def test_what_is_no_function_is_no_tool(thing):
    with pytest.raises(TypeError, match="A tool is a function"):
        declaration(thing)


# What `@tool` adds.


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


def test_without_the_decorator_the_server_decides():
    made = function_tool(weather)
    assert (made.declaration.behavior, made.scheduling, made.timeout) == (None, None, None)


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


# Generator functions.


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
