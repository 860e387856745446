"""The schema of each kind of type hint."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, Tuple, TypedDict  # noqa: UP035
from uuid import UUID

import annotated_types
import attrs
import pydantic
import pytest
import typing_extensions

from livesession import Schema
from livesession.tools.declare.hint_schemas import schema_of
from tests.tools.declared import BOOLEAN, INTEGER, NUMBER, STRING


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


@pytest.mark.parametrize(
    "hint", [set[tuple[int, str]], frozenset[frozenset[int]], set[Literal["a", 1]], set[str | None], set[Room]], ids=str
)
def test_a_set_of_what_is_hashable_can_be_declared(hint):
    assert schema_of(hint).type == "ARRAY"


@pytest.mark.parametrize(
    "hint",
    [list, tuple[()], Tuple, Any, object, dict[int, str], typing_extensions.TypeAliasType("Bad", complex)],  # noqa: UP006
)
def test_a_type_that_the_service_does_not_take_is_a_type_error(hint):
    with pytest.raises(TypeError):
        schema_of(hint)
