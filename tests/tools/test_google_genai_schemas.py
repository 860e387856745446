"""The declarations of the same functions by google-genai and by livesession: equal, different, or only ours."""

from __future__ import annotations

import datetime
import enum
import functools
import json
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Dict, List, Literal, NamedTuple, Optional, TypedDict, Union  # noqa: UP035

import attrs
import pytest

pytest.importorskip("google.genai")

import annotated_types
import pydantic
from google.genai import types

from livesession import Tool
from livesession.codec import encode
from livesession.messages.client import LiveClientSetup
from livesession.tools.tool_factory import declaration

# google-genai's Schema wants strings in an enum, and warns of the numbers that its own conversion puts there.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Point:
    x: int
    y: float = 0.0


@attrs.frozen
class Room:
    number: int


class Address(TypedDict):
    street: str


class Size(NamedTuple):
    width: int


class Guest(pydantic.BaseModel):
    name: str


class Booking(pydantic.BaseModel):
    nights: int = 1


def ours(function) -> dict:
    """The declaration in the setup message."""
    setup = LiveClientSetup(model="m", tools=[Tool(function_declarations=[declaration(function)])])
    return json.loads(encode(setup))["setup"]["tools"][0]["functionDeclarations"][0]


def theirs(function) -> dict:
    declared = types.FunctionDeclaration.from_callable_with_api_option(callable=function, api_option="GEMINI_API")
    return declared.model_dump(exclude_none=True, by_alias=True, mode="json")


def taking(hint):
    """A function with one parameter of this type."""

    def f(x): ...

    f.__annotations__["x"] = hint
    return f


def of(schema: dict, required: list[str] | None = ["x"]) -> dict:  # noqa: B006
    """The declaration of a function that takes an `x`."""
    parameters = {"type": "OBJECT", "properties": {"x": schema}}
    return {"name": "f", "parameters": parameters | ({} if required is None else {"required": required})}


STRING, INTEGER, NUMBER, BOOLEAN = ({"type": name} for name in ("STRING", "INTEGER", "NUMBER", "BOOLEAN"))


def strings(*words: str, **more: object) -> dict:
    return {"type": "STRING", "enum": list(words), **more}


def array(items: dict) -> dict:
    return {"type": "ARRAY", "items": items}


def object_of(required: list[str], **properties: dict) -> dict:
    return {"type": "OBJECT", "properties": properties, "required": required}


POINT = object_of(["x"], x=INTEGER, y=NUMBER | {"default": 0.0})


# Functions whose signature matters as a whole.


def nothing(): ...


def documented():
    """Does it.

    At length.
    """


def several(name: str, count: int = 3, exact: bool = False, words: list[str] = [], note: str | None = None): ...  # noqa: B006


def keyword_only(*, name: str, count: int = 0): ...


def positional_only(name: str, /): ...


def colour_by_default(name: str, colour: Colour = Colour.RED, kind: Literal["a", "b"] = "a"): ...


class Shop:
    def price(self, name: str):
        """What it costs."""

    @staticmethod
    def open(day: str): ...

    @classmethod
    def all(cls, kind: str): ...

    def __call__(self, name: str): ...


def with_sections(city: str):
    """Says the weather.

    Args:
        city: Where.

    Returns:
        It in words.
    """


def all_optional(x: int = 3): ...


def none_by_default(x: str = None): ...  # noqa: RUF013


none_by_default.__annotations__["x"] = str  # not as text, of which Python 3.10 makes an Optional


def union_by_default(x: int | str = 3): ...


def level_by_default(x: Level = Level.LOW): ...


def point_by_default(x: Point = Point(1)): ...  # noqa: B008


def with_tuple(size: tuple[int, int], name: str): ...


def any_number(x: int, *more: int): ...


async def later(x: int): ...


def numbered(x: Optional[Literal["a", "b"]]): ...  # noqa: UP045


NAME_AND_COUNT = object_of(["name"], name=STRING, count=INTEGER | {"default": 0})

EQUAL = {
    "str": (taking(str), of(STRING)),
    "int": (taking(int), of(INTEGER)),
    "float": (taking(float), of(NUMBER)),
    "bool": (taking(bool), of(BOOLEAN)),
    "None": (taking(None), of({"type": "NULL"})),
    "list": (taking(list[str]), of(array(STRING))),
    "List": (taking(List[int]), of(array(INTEGER))),  # noqa: UP006
    "list of lists": (taking(list[list[int]]), of(array(array(INTEGER)))),
    "Sequence": (taking(Sequence[str]), of(array(STRING))),
    "Iterable": (taking(Iterable[int]), of(array(INTEGER))),
    "set": (taking(set[str]), of(array(STRING))),
    "frozenset": (taking(frozenset[int]), of(array(INTEGER))),
    "tuple of any length": (taking(tuple[int, ...]), of(array(INTEGER))),
    "bare dict": (taking(dict), of({"type": "OBJECT"})),
    "dict": (taking(dict[str, int]), of({"type": "OBJECT"})),
    "Dict": (taking(Dict[str, str]), of({"type": "OBJECT"})),  # noqa: UP006
    "Mapping": (taking(Mapping[str, int]), of({"type": "OBJECT"})),
    "Literal": (taking(Literal["a", "b"]), of(strings("a", "b"))),
    "Enum": (taking(Colour), of(strings("red", "blue", title="Colour"))),
    "datetime": (taking(datetime.datetime), of({"type": "STRING", "format": "date-time"})),
    "list of dataclasses": (taking(list[Point]), of(array(POINT))),
    "pydantic": (taking(Guest), of(object_of(["name"], name=STRING))),
    "bounded number": (
        taking(Annotated[int, annotated_types.Ge(1), annotated_types.Le(9)]),
        of(INTEGER | {"minimum": 1, "maximum": 9}),
    ),
    "bounded string": (
        taking(Annotated[str, annotated_types.Len(1, 5)]),
        of(STRING | {"minLength": 1, "maxLength": 5}),
    ),
    "pydantic.Field": (
        taking(Annotated[int, pydantic.Field(description="d", ge=1)]),
        of(INTEGER | {"description": "d", "minimum": 1}),
    ),
    "no parameters": (nothing, {"name": "nothing"}),
    "docstring": (documented, {"name": "documented", "description": "Does it.\n\nAt length."}),
    "defaults": (
        several,
        {
            "name": "several",
            "parameters": object_of(
                ["name"],
                name=STRING,
                count=INTEGER | {"default": 3},
                exact=BOOLEAN | {"default": False},
                words=array(STRING) | {"default": []},
                note=STRING | {"nullable": True},
            ),
        },
    ),
    "defaults that are words": (
        colour_by_default,
        {
            "name": "colour_by_default",
            "parameters": object_of(
                ["name"],
                name=STRING,
                colour=strings("red", "blue", title="Colour", default="red"),
                kind=strings("a", "b", default="a"),
            ),
        },
    ),
    "keyword-only": (keyword_only, {"name": "keyword_only", "parameters": NAME_AND_COUNT}),
    "positional-only": (positional_only, {"name": "positional_only", "parameters": object_of(["name"], name=STRING)}),
    "bound method": (
        Shop().price,
        {"name": "price", "description": "What it costs.", "parameters": object_of(["name"], name=STRING)},
    ),
    "static method": (Shop.open, {"name": "open", "parameters": object_of(["day"], day=STRING)}),
    "class method": (Shop.all, {"name": "all", "parameters": object_of(["kind"], kind=STRING)}),
}
"""A function, and what both say of it."""

ONLY_REQUIRED = "an empty `required` says nothing"
BESIDE_ANY_OF = "Vertex AI refuses anything beside anyOf, and the value is no OBJECT"
WORDS = "the service's enum holds strings alone, and goes with the type STRING alone"
FORMATS = "of a string the service knows no format but date-time, and refuses others"
EITHER = {"anyOf": [INTEGER, STRING]}
EITHER_OR_NULL = {"anyOf": [INTEGER | {"nullable": True}, STRING | {"nullable": True}]}

DIFFERENT = {
    "Optional": (
        taking(Optional[str]),  # noqa: UP045
        of(STRING | {"nullable": True}, None), of(STRING | {"nullable": True}, []), ONLY_REQUIRED,
    ),
    "or None": (
        taking(list[str] | None),
        of(array(STRING) | {"nullable": True}, None), of(array(STRING) | {"nullable": True}, []), ONLY_REQUIRED,
    ),
    "Optional dataclass": (
        taking(Point | None), of(POINT | {"nullable": True}, None), of(POINT | {"nullable": True}, []), ONLY_REQUIRED,
    ),
    "all optional": (
        all_optional,
        of(INTEGER | {"default": 3}, None) | {"name": "all_optional"},
        of(INTEGER | {"default": 3}, []) | {"name": "all_optional"}, ONLY_REQUIRED,
    ),
    "Union": (taking(Union[int, str]), of(EITHER), of(EITHER | {"type": "OBJECT"}), BESIDE_ANY_OF),  # noqa: UP007
    "Union or None": (
        taking(int | str | None),
        of(EITHER_OR_NULL, None), of(EITHER | {"type": "OBJECT", "nullable": True}, []), BESIDE_ANY_OF,
    ),
    "list of a union": (
        taking(list[int | str]), of(array(EITHER)), of(array(EITHER | {"type": "OBJECT"})), BESIDE_ANY_OF
    ),
    "Union with a default": (
        union_by_default,
        of(EITHER, None) | {"name": "union_by_default"},
        of(EITHER | {"type": "OBJECT", "default": 3}, []) | {"name": "union_by_default"}, BESIDE_ANY_OF,
    ),
    "Literal of numbers": (
        taking(Literal[1, 2]), of(strings("1", "2")), of({"type": "INTEGER", "enum": [1, 2]}), WORDS
    ),
    "mixed Literal": (taking(Literal["a", 1]), of(strings("a", "1")), of({"enum": ["a", 1]}), WORDS),
    "IntEnum": (
        taking(Level),
        of(strings("LOW", "HIGH", title="Level")),
        of({"type": "INTEGER", "enum": [1, 2], "title": "Level"}), WORDS,
    ),
    "IntEnum by default": (
        level_by_default,
        of(strings("LOW", "HIGH", title="Level", default="LOW"), None) | {"name": "level_by_default"},
        of({"type": "INTEGER", "enum": [1, 2], "title": "Level", "default": 1}, []) | {"name": "level_by_default"},
        WORDS,
    ),
    "list of an Enum": (
        taking(list[Colour]),
        of(array(strings("red", "blue", title="Colour"))), of(array(strings("red", "blue"))),
        "an Enum is the same everywhere; they give a title only where it is the parameter itself",
    ),
    "date": (
        taking(datetime.date),
        of(STRING | {"description": "As a date such as 2030-01-31."}), of(STRING | {"format": "date"}), FORMATS,
    ),
    "bytes": (
        taking(bytes), of(STRING | {"description": "As base64."}), of(STRING | {"format": "binary"}), FORMATS
    ),
    "pydantic with a default": (
        taking(Booking),
        of({"type": "OBJECT", "properties": {"nights": INTEGER | {"default": 1}}}),
        of(object_of(["nights"], nights=INTEGER)),
        "what has a default may be left out",
    ),
    "None by default": (
        none_by_default,
        of(STRING | {"nullable": True}, None) | {"name": "none_by_default"}, of(STRING) | {"name": "none_by_default"},
        "what has a default may be left out",
    ),
    "Annotated with a text": (
        taking(Annotated[str, "The city"]), of(STRING | {"description": "The city"}), of(STRING),
        "the text is for the model",
    ),
    "docstring with sections": (
        with_sections,
        {
            "name": "with_sections",
            "description": "Says the weather.\n\nReturns: It in words.",
            "parameters": object_of(["city"], city=STRING | {"description": "Where."}),
        },
        {
            "name": "with_sections",
            "description": "Says the weather.\n\nArgs:\n    city: Where.\n\nReturns:\n    It in words.",
            "parameters": object_of(["city"], city=STRING),
        },
        "what is said of a parameter belongs to the parameter",
    ),
}  # fmt: skip
"""A function, what livesession says of it, what google-genai does, and why that is not the same."""

NOTHING_SAID = "the service asks for the type of each value and of each item, and refuses this when the session opens"

REFUSED = {
    "bare list": (taking(list), of({"type": "ARRAY"}), NOTHING_SAID),
    "list of anything": (taking(list[Any]), of({"type": "ARRAY"}), NOTHING_SAID),
    "bare tuple": (taking(tuple), of({"type": "ARRAY"}), NOTHING_SAID),
    "Any": (taking(Any), of({}), NOTHING_SAID),
    "keys that are numbers": (taking(dict[int, str]), of({"type": "OBJECT"}), "JSON has no such keys"),
    "any number of arguments": (any_number, of(INTEGER) | {"name": "any_number"}, "the model cannot be told of them"),
    "async function": (later, of(INTEGER) | {"name": "later"}, "a tool is a plain function"),
}
"""A function that livesession refuses with a TypeError, what google-genai says of it, and why it should not."""

PAIR = array(INTEGER) | {"minItems": 2, "maxItems": 2}
A_TUPLE = {"type": "array", "minItems": 2, "maxItems": 2, "unevaluatedItems": False}

THEY_FAIL = {
    "dataclass": (taking(Point), of(POINT), ValueError),
    "attrs class": (taking(Room), of(object_of(["number"], number=INTEGER)), ValueError),
    "TypedDict": (taking(Address), of(object_of(["street"], street=STRING)), ValueError),
    "Literal of a truth value": (taking(Literal[True]), of(strings("true")), ValueError),
    "dataclass by default": (
        point_by_default, {"name": "point_by_default", "parameters": {"type": "OBJECT", "properties": {"x": POINT}}},
        ValueError,
    ),
    "partial": (
        functools.partial(keyword_only, name="a"),
        {
            "name": "keyword_only",
            "parameters": {"type": "OBJECT", "properties": {"count": INTEGER | {"default": 0}}},
        },
        (TypeError, KeyError),  # before Python 3.14, and since
    ),
    "object with __call__": (
        Shop(), {"name": "shop", "parameters": object_of(["name"], name=STRING)}, (TypeError, KeyError)
    ),
    "NamedTuple": (
        taking(Size),
        of(object_of(["width"], width=INTEGER)),
        {"name": "f", "parametersJsonSchema": {"x": A_TUPLE | {
            "minItems": 1, "maxItems": 1, "prefixItems": [{"title": "Width", "type": "integer"}]
        }}},
    ),
    "tuple of a length": (
        taking(tuple[int, int]),
        of(PAIR),
        {"name": "f", "parametersJsonSchema": {"x": A_TUPLE | {"prefixItems": [{"type": "integer"}] * 2}}},
    ),
    "tuple beside others": (
        with_tuple,
        {"name": "with_tuple", "parameters": object_of(["size", "name"], size=PAIR, name=STRING)},
        {"name": "with_tuple", "parameters": object_of(["name"], name=STRING)},
    ),
    "attrs class or str": (
        taking(Room | str),
        of({"anyOf": [object_of(["number"], number=INTEGER), STRING]}),
        of(STRING),
    ),
    "exclusive bound": (taking(Annotated[int, annotated_types.Gt(0)]), of(INTEGER | {"minimum": 1}), ValueError),
    "Optional Literal": (
        numbered,
        {
            "name": "numbered",
            "parameters": {"type": "OBJECT", "properties": {"x": strings("a", "b", nullable=True)}},
        },
        {
            "name": "numbered",
            "parameters": object_of([], x=(
                STRING if sys.version_info < (3, 14) else strings("a", "b")  # since then it loses nothing
            ) | {"nullable": True}),
        },
    ),
}  # fmt: skip
"""A function, what livesession says of it, and google-genai's error, or a declaration that has lost the parameter."""


@pytest.fixture(autouse=True)
def quiet():
    """google-genai recommends another mode, once, in its log."""
    logging.getLogger("google_genai").setLevel(logging.ERROR)


def rows(table):
    return [pytest.param(*row, id=name) for name, row in table.items()]


@pytest.mark.parametrize(("function", "expected"), rows(EQUAL))
def test_both_say_the_same(function, expected):
    assert ours(function) == expected
    assert theirs(function) == expected


@pytest.mark.parametrize(("function", "expected", "their_own", "reason"), rows(DIFFERENT))
def test_each_says_its_own_for_a_reason(function, expected, their_own, reason):
    assert ours(function) == expected
    assert theirs(function) == their_own, reason


@pytest.mark.parametrize(("function", "their_own", "reason"), rows(REFUSED))
def test_what_the_service_would_refuse_is_refused_at_once(function, their_own, reason):
    with pytest.raises(TypeError):
        declaration(function)
    assert theirs(function) == their_own, reason


@pytest.mark.parametrize(("function", "expected", "their_failure"), rows(THEY_FAIL))
def test_there_is_a_declaration_where_google_genai_fails(function, expected, their_failure):
    assert ours(function) == expected
    if isinstance(their_failure, dict):
        assert theirs(function) == their_failure
    else:
        with pytest.raises(their_failure):
            theirs(function)
