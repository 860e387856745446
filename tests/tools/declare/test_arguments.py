"""Arguments that the model wrote, as the function gets them, and the errors that the model gets for wrong ones.

They cover the readers of hints and scalar types, and the members of classes, as well.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, make_dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict
from uuid import UUID

import annotated_types
import attrs
import pydantic
import pytest
import typing_extensions

from livesession import Schema
from livesession.tools.cancel_token import CancelToken
from livesession.tools.declare.arguments import BadArguments
from livesession.tools.tool_factory import function_tool

TOKEN = CancelToken()


def run(function, /, **args):
    return function_tool(function).run(args, TOKEN)


def taking(hint):
    """A function that returns its one parameter, of this type."""

    def f(x):
        return x

    f.__annotations__["x"] = hint
    return f


def given(hint, value):
    """The value that a function gets for a parameter of this type."""
    return run(taking(hint), x=value)


def complaint(hint, value) -> str:
    with pytest.raises(BadArguments) as caught:
        given(hint, value)
    return str(caught.value)


class Colour(enum.Enum):
    RED = "red"


class Size(str, enum.Enum):
    S = "s"


class Mixed(enum.Enum):
    A = "a"
    B = 2


class Level(enum.IntEnum):
    LOW = 1


@dataclass
class Stop:
    city: str
    nights: int = 1
    tags: list[str] = field(default_factory=list)


@attrs.frozen
class Room:
    _number: int = attrs.field(validator=attrs.validators.gt(0))


@dataclass
class Lookup:
    key: str

    def __post_init__(self):
        {}[self.key]


class Trip(TypedDict):
    stops: list[Stop]
    note: typing_extensions.NotRequired[str]


class Point(NamedTuple):
    x: float
    y: float = 0.5


class Guest(pydantic.BaseModel):
    name: str
    age: int = 1


UserId = NewType("UserId", int)
Names = typing_extensions.TypeAliasType("Names", list[str])

READ = {
    "str": (str, "3", "3"),
    "int": (int, 3, 3),
    "int of a float": (int, 3.0, 3),
    "float": (float, 0.5, 0.5),
    "float of an int": (float, 3, 3.0),
    "bool": (bool, False, False),
    "None": (None, None, None),
    "bytes": (bytes, "AP8=", b"\x00\xff"),
    "bytes of the other alphabet": (bytes, "__8", b"\xff\xff"),
    "Decimal": (Decimal, 0.1, Decimal("0.1")),
    "datetime": (datetime, "2030-01-31T09:30:00Z", datetime(2030, 1, 31, 9, 30, tzinfo=timezone.utc)),
    "date": (date, "2030-01-31", date(2030, 1, 31)),
    "time": (time, "09:30:00", time(9, 30)),
    "UUID": (UUID, "12345678-1234-5678-1234-567812345678", UUID("12345678-1234-5678-1234-567812345678")),
    "Path": (Path, "a/b", Path("a/b")),
    "Literal": (Literal["a", 1, True], "a", "a"),
    "Literal of a number as a word": (Literal["a", 1], "1", 1),
    "Literal of a number": (Literal["a", 1], 1, 1),
    "Literal of a truth value": (Literal[True], "true", True),
    "Literal of None": (Literal["a", None], None, None),
    "Enum": (Colour, "red", Colour.RED),
    "Enum that is a str": (Size, "s", Size.S),
    "Enum of a word and another value": (Mixed, "A", Mixed.A),
    "IntEnum by name": (Level, "LOW", Level.LOW),
    "Literal of a member": (Literal[Colour.RED], "red", Colour.RED),
    "list": (list[int], [1, 2.0], [1, 2]),
    "Sequence": (Sequence[int], [1], [1]),
    "Iterable": (Iterable[int], [1], [1]),
    "set": (set[str], ["a", "a"], {"a"}),
    "frozenset": (frozenset[int], [1], frozenset({1})),
    "tuple of any length": (tuple[int, ...], [1, 2], (1, 2)),
    "tuple": (tuple[str, int], ["a", 1], ("a", 1)),
    "dict": (dict[str, date], {"a": "2030-01-31"}, {"a": date(2030, 1, 31)}),
    "Mapping": (Mapping[str, int], {"a": 1}, {"a": 1}),
    "dict of anything": (dict[str, Any], {"a": [None]}, {"a": [None]}),
    "bare dict": (dict, {"a": 1}, {"a": 1}),
    "None of an Optional": (int | None, None, None),
    "value of an Optional": (int | None, 3, 3),
    "first alternative": (date | str, "2030-01-31", date(2030, 1, 31)),
    "second alternative": (date | str, "soon", "soon"),
    "number as it is": (int | float, 3.0, 3.0),
    "whole number as it is": (float | int, 3, 3),
    "class of a union": (Room | Stop, {"city": "Oslo"}, Stop("Oslo")),
    "NewType": (UserId, 7, 7),
    "alias": (Names, ["a"], ["a"]),
    "dataclass": (Stop, {"city": "Oslo", "tags": ["a"]}, Stop("Oslo", 1, ["a"])),
    "attrs class": (Room, {"number": 7}, Room(7)),
    "list of a TypedDict": (list[Trip], [{"stops": [{"city": "Oslo"}]}], [{"stops": [Stop("Oslo")]}]),
    "NamedTuple": (Point, {"x": 1}, Point(1.0, 0.5)),
    "pydantic": (Guest, {"name": "Ann"}, Guest(name="Ann")),
    "within bounds": (Annotated[int, annotated_types.Interval(ge=1, lt=9)], 8, 8),
    "None beside bounds": (Annotated[int | None, annotated_types.Ge(1)], None, None),
    "what a Schema describes": (Annotated[object, Schema(type="OBJECT", properties={})], {"a": 1}, {"a": 1}),
}


@pytest.mark.parametrize(("hint", "value", "expected"), READ.values(), ids=READ)
def test_a_value_is_read_into_its_type(hint, value, expected):
    read = given(hint, value)
    assert read == expected
    assert type(read) is type(expected)


BAD = {
    "str": (str, 3, "x must be a string, not 3"),
    "null": (str, None, "x must be a string, not null"),
    "int as text": (int, "3", 'x must be an integer, not "3"'),
    "int of a fraction": (int, 1.5, "x must be an integer, not 1.5"),
    "int of a truth value": (int, True, "x must be an integer, not true"),
    "float as text": (float, "1.5", 'x must be a number, not "1.5"'),
    "float of a truth value": (float, False, "x must be a number, not false"),
    "bool as text": (bool, "true", 'x must be true or false, not "true"'),
    "bool of a number": (bool, 1, "x must be true or false, not 1"),
    "None": (None, 0, "x must be null, not 0"),
    "bytes": (bytes, "a", 'x must be base64, not "a"'),
    "datetime": (datetime, "soon", 'x must be a date and time such as 2030-01-31T09:30:00Z, not "soon"'),
    "date of a number": (date, 3, "x must be a date such as 2030-01-31, not 3"),
    "Literal": (Literal["a", 1], "b", 'x must be one of "a", "1", not "b"'),
    "Enum": (Colour, "RED", 'x must be one of "red", not "RED"'),
    "IntEnum by number": (Level, 1, 'x must be one of "LOW", not 1'),
    "list as text": (list[str], "abc", 'x must be an array, not "abc"'),
    "item of a list": (list[int], [1, "b"], 'x[1] must be an integer, not "b"'),
    "item of a list in a list": (list[list[int]], [[], [1, None]], "x[1][1] must be an integer, not null"),
    "tuple's length": (tuple[int, int], [1], "x must be an array of 2, not [1]"),
    "tuple's item": (tuple[int, str], [1, 2], "x[1] must be a string, not 2"),
    "dict": (dict[str, int], [1], "x must be an object, not [1]"),
    "dict's value": (dict[str, int], {"a": "b"}, 'x.a must be an integer, not "b"'),
    "union": (int | str | None, [1], "x must be an integer or a string, not [1]"),
    "class of a union": (Stop | str, {"city": 3}, "x.city must be a string, not 3"),
    "class": (Stop, "Oslo", 'x must be an object, not "Oslo"'),
    "member": (list[Stop], [{"city": "Oslo"}, {"city": 3}], "x[1].city must be a string, not 3"),
    "missing member": (Stop, {}, "x.city is missing"),
    "unknown member": (Stop, {"city": "Oslo", "night": 2}, 'x has no "night"'),
    "missing key of a TypedDict": (Trip, {"note": "a"}, "x.stops is missing"),
    "validator": (Room, {"number": 0}, "x: '_number' must be > 0: 0"),
    "KeyError of a class": (Lookup, {"key": "a"}, "x: 'a'"),
    "pydantic": (Guest, {"age": "b"}, "x: name: Field required, age: Input should be a valid integer"),
    "ge": (Annotated[int, annotated_types.Ge(1)], 0, "x must be 1 or more, not 0"),
    "gt": (Annotated[float, annotated_types.Gt(0)], 0, "x must be more than 0, not 0.0"),
    "le": (Annotated[int, annotated_types.Le(1)], 2, "x must be 1 or less, not 2"),
    "lt": (Annotated[float, annotated_types.Lt(1)], 1, "x must be less than 1, not 1.0"),
    "min_length": (Annotated[str, annotated_types.MinLen(1)], "", 'x must be of length 1 or more, not ""'),
    "max_length": (Annotated[list[int], annotated_types.MaxLen(1)], [1, 2], "x must be of length 1 or less, not"),
    "pattern": (Annotated[str, pydantic.Field(pattern="^a")], "b", 'x must be text that matches ^a, not "b"'),
    "bounds in a Schema": (Annotated[str, Schema(min_length=2)], "a", 'x must be of length 2 or more, not "a"'),
    "bound in a union": (
        Annotated[int, annotated_types.Ge(1)] | None, 0, "x must be 1 or more, not 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("hint", "value", "expected"), BAD.values(), ids=BAD)
def test_a_value_that_does_not_fit_is_complained_of_with_its_place(hint, value, expected):
    assert complaint(hint, value).startswith(expected)


def plan(stops: list[Stop], days: int = 3, *, mood: str | None):
    return stops, days, mood


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(BadArguments) as caught:
        run(plan, stops=[{"city": 1}, {"town": "Oslo"}], days="many", hurry=True)
    assert str(caught.value).split("; ") == [
        "stops[0].city must be a string, not 1",
        "stops[1].city is missing",
        'stops[1] has no "town"',
        'days must be an integer, not "many"',
        'the function has no "hurry"',
    ]


def test_a_long_value_is_shown_shortened():
    assert complaint(int, "x" * 1_000) == f'x must be an integer, not "{"x" * 76}...'


def test_what_is_not_given_has_its_default():
    assert run(plan, stops=[]) == ([], 3, None)


def test_null_for_what_has_a_default_is_the_default():
    assert run(plan, stops=[{"city": "Oslo", "nights": None}], days=None) == ([Stop("Oslo", 1)], 3, None)


def test_null_is_null_for_what_may_be_none_whatever_its_default():
    def f(days: int | None = 3):
        return days

    assert [run(f), run(f, days=None), run(f, days=5)] == [3, None, 5]


@pytest.mark.parametrize("value", ["1.5", True, []])
def test_a_decimal_is_read_from_a_number_alone(value):
    assert "a number" in complaint(Decimal, value)


def test_null_in_a_typed_dict_for_what_may_be_left_out_is_left_out():
    assert given(Trip, {"stops": [], "note": None}) == {"stops": []}


def test_an_init_var_that_has_a_default_has_it():
    def add(trip: object, offset: int) -> None:
        trip.days += offset

    hint = make_dataclass("T", [("days", int), ("offset", InitVar[int], 3)], namespace={"__post_init__": add})
    assert given(hint, {"days": 2}).days == 5


def test_a_default_reaches_the_function_as_it_is():
    nothing = object()

    def f(x: int = nothing):
        return x

    assert run(f) is nothing


def test_defaults_of_a_class_are_made_anew_for_each_call():
    one, other = given(list[Stop], [{"city": "Oslo"}, {"city": "Bergen"}])
    assert one.tags is not other.tags


def test_arguments_reach_parameters_of_every_kind():
    def f(a: int, b: int = 2, /, c: int = 3, *, d: int = 4):
        return a, b, c, d

    assert run(f, a=1, c=5) == (1, 2, 5, 4)


def test_the_cancel_token_is_put_into_the_parameters_of_its_type():
    def f(first: CancelToken, x: int, *, second: CancelToken | None = None):
        return first, x, second

    assert run(f, x=1) == (TOKEN, 1, TOKEN)


def test_the_model_cannot_give_a_cancel_token():
    def f(token: CancelToken): ...

    with pytest.raises(BadArguments, match='has no "token"'):
        run(f, token="mine")


def test_what_a_partial_binds_stays_bound():
    def f(a: int, b: int, c: int):
        return a, b, c

    assert run(functools.partial(f, 1, c=3), b=2) == (1, 2, 3)


def test_a_method_is_called_on_its_object():
    class Shop:
        def __init__(self):
            self.sold = []

        def sell(self, item: str):
            self.sold.append(item)

    shop = Shop()
    run(shop.sell, item="tea")
    assert shop.sold == ["tea"]


@pytest.mark.parametrize("name", ["cls", "cl", "converter", "attrs", "_x", "o", "res", "type", "instance", "errors"])
def test_a_parameter_may_have_any_name(name):
    namespace = {}
    exec(f"def f({name}: int, *, other: str = 'a'): return {name}, other", namespace)
    assert run(namespace["f"], **{name: 1}) == (1, "a")


def test_a_generator_function_is_not_run_before_its_items_are_asked_for():
    ran = []

    def count(upto: int):
        ran.append(upto)
        yield from range(upto)

    items = run(count, upto=2)
    assert ran == []
    assert list(items) == [0, 1]


def test_what_the_function_raises_is_no_bad_argument():
    def f(x: int):
        raise ValueError("none")

    with pytest.raises(ValueError, match="none") as caught:
        run(f, x=1)
    assert not isinstance(caught.value, BadArguments)


@pytest.mark.parametrize(
    ("hint", "values"), [(Colour, [Colour.RED]), (Level, [Level.LOW]), (Literal["a", 1, True], ["a", 1, True])]
)
def test_each_word_that_is_declared_to_the_model_is_understood(hint, values):
    declared = function_tool(taking(hint)).declaration.parameters.properties["x"]
    assert [given(hint, word) for word in declared.enum] == values


def test_what_cannot_be_read_is_refused_when_the_tool_is_made():
    with pytest.raises(TypeError):
        function_tool(taking(Annotated[timedelta, Schema(type="STRING")]))


@pytest.mark.parametrize("name", ["from", "content-type", "self", "it's", ""], ids=repr)
def test_a_member_may_have_any_name(name):
    entry = TypedDict("entry", {name: int})
    assert given(entry, {name: 1}) == {name: 1}
    assert complaint(entry, {name: "one"}) == f'x.{name} must be an integer, not "one"'


def test_a_parameter_may_be_named_self():
    def f(self: str) -> str:
        return self

    assert run(f, self="me") == "me"
