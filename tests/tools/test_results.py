"""Results of functions as the model is told of them: returned values and raised errors."""

from __future__ import annotations

import enum
import json
import math
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

import attrs
import pydantic
import pytest

from livesession.errors import ToolCancelled, ToolError
from livesession.tools.declare.arguments import BadArguments
from livesession.tools.results import as_error, as_response


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@dataclass
class Stop:
    city: str
    when: date


@attrs.frozen
class Room:
    number: int
    colours: frozenset[Colour]


class Point(NamedTuple):
    x: int


class Guest(pydantic.BaseModel):
    since: date


@pytest.mark.parametrize("value", [0, "", False, None, [], {}, 0.0], ids=repr)
def test_a_falsy_value_is_answered_as_it_is(value):
    output = as_response(value)["output"]
    assert output == value
    assert type(output) is type(value)


VALUES = {
    "text": ("Zażółć 🎉", "Zażółć 🎉"),
    "nested": ({"a": [1, 2.5, None, True]}, {"a": [1, 2.5, None, True]}),
    "tuple": ((1, 2), [1, 2]),
    "set": ({1}, [1]),
    "frozenset": (frozenset({"a"}), ["a"]),
    "deque": (deque([1]), [1]),
    "range": (range(3), [0, 1, 2]),
    "mapping": (MappingProxyType({"a": 1}), {"a": 1}),
    "OrderedDict": (OrderedDict(a=1), {"a": 1}),
    "keys that are numbers": ({1: "a"}, {"1": "a"}),
    "bytes": (b"\x00\xff", "AP8="),
    "bytearray": (bytearray(b"\x00"), "AA=="),
    "Enum": (Colour.RED, "red"),
    "IntEnum": (Level.LOW, 1),
    "datetime": (datetime(2030, 1, 31, 9, 30, tzinfo=timezone.utc), "2030-01-31T09:30:00+00:00"),
    "date": (date(2030, 1, 31), "2030-01-31"),
    "time": (time(9, 30), "09:30:00"),
    "Decimal": (Decimal("19.90"), "19.90"),
    "Path": (Path("a") / "b", str(Path("a") / "b")),
    "UUID": (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "dataclass": (Stop("Oslo", date(2030, 1, 31)), {"city": "Oslo", "when": "2030-01-31"}),
    "attrs class": (Room(7, frozenset({Colour.RED})), {"number": 7, "colours": ["red"]}),
    "classes within": ({"rooms": [Room(7, frozenset())]}, {"rooms": [{"number": 7, "colours": []}]}),
    "NamedTuple": (Point(1), [1]),
    "pydantic": ([Guest(since=date(2030, 1, 31))], [{"since": "2030-01-31"}]),
}


@pytest.mark.parametrize(("value", "expected"), VALUES.values(), ids=VALUES)
def test_a_value_is_answered_as_the_json_that_is_like_it(value, expected):
    answer = as_response(value)
    assert answer == {"output": expected}
    assert json.loads(json.dumps(answer)) == answer


def test_an_answer_does_not_change_with_the_value_it_was_made_of():
    value = {"a": [1]}
    answer = as_response(value)
    value["a"].append(2)
    assert answer == {"output": {"a": [1]}}


endless: list = []
endless.append(endless)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (math.nan, "The returned float cannot be written as JSON"),
        ([math.inf], "The returned list cannot be written as JSON"),
        (object(), "there is no JSON for object"),
        ({"a": {"b": iter([1])}}, "there is no JSON for list_iterator"),
        ({(1, 2): 3}, "keys must be str"),
        (endless, "cannot be written as JSON"),
        ("\ud800", "surrogates not allowed"),
        (Stop, "there is no JSON for type"),
    ],
    ids=["NaN", "infinity", "object", "iterator", "key", "endless", "half a pair", "class"],
)
def test_a_value_that_json_cannot_hold_is_a_type_error_that_says_so(value, why):
    with pytest.raises(TypeError, match=why):
        as_response(value)


# Errors.


def error(raised: BaseException) -> str:
    return as_error(raised, str)["error"]


def test_an_exception_is_answered_by_its_type_and_its_message():
    assert as_error(ValueError("unknown city"), str) == {"error": "ValueError: unknown city"}


@pytest.mark.parametrize("cls", [ToolError, ToolCancelled, BadArguments])
def test_what_is_meant_for_the_model_is_told_without_the_name_of_a_class(cls):
    assert error(cls("Ask for the postcode.")) == "Ask for the postcode."


def test_an_exception_without_a_message_is_answered_by_its_type():
    assert error(TimeoutError()) == "TimeoutError"


def test_an_error_is_one_line_of_at_most_500_characters():
    said = error(RuntimeError("a\n  b\t" + "x" * 1_000))
    assert said.startswith("RuntimeError: a b xxx")
    assert said.endswith("xxx...")
    assert len(said) == 500


def test_neither_the_traceback_nor_the_cause_is_told():
    def fail():
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner

    with pytest.raises(ValueError, match="outer") as caught:
        fail()
    assert error(caught.value) == "ValueError: outer"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("https://ann:pass@host/x failed", "https://<secret>@host/x failed"),
        ("redis://:pass@host", "redis://<secret>@host"),
        ("GET https://h/x?key=abc&city=Oslo", "GET https://h/x?key=<secret>&city=Oslo"),
        ("https://h/x?access_token=abc#top", "https://h/x?access_token=<secret>"),
        ("host=h password=abc dbname=d", "host=h password=<secret> dbname=d"),
        ("api_key='abc'", "api_key='<secret>'"),
        ('{"api_key": "abc", "city": "Oslo"}', '{"api_key": "<secret>", "city": "Oslo"}'),
        ("{'X-Goog-Api-Key': 'abc'}", "{'X-Goog-Api-Key': '<secret>'}"),
        ("postgres://ann:p@ss@host/db", "postgres://<secret>@host/db"),
        ("there is no key: Oslo", "there is no key: Oslo"),
        ("X-Goog-Signature=abc;", "X-Goog-Signature=<secret>;"),
        ("Authorization: Bearer ya29.a-b_c/d==", "Authorization: Bearer <secret>"),
        ("mail ann@host about the key", "mail ann@host about the key"),
    ],
)
def test_what_looks_like_a_secret_is_left_out_of_an_error(message, expected):
    assert error(RuntimeError(message)) == f"RuntimeError: {expected}"


def test_the_secrets_of_the_session_are_left_out_of_an_error():
    redacted = as_error(RuntimeError("sent AIza-1"), lambda text: text.replace("AIza-1", "<secret>"))
    assert redacted == {"error": "RuntimeError: sent <secret>"}


def test_a_secret_at_the_end_of_what_is_shown_is_left_out_whole():
    assert "abc" not in error(RuntimeError("x" * 475 + " key=" + "abc" * 100))


def test_an_error_that_cannot_be_told_is_answered_by_its_type():
    class Broken(Exception):
        def __str__(self):
            raise RuntimeError

    assert error(Broken()) == "Broken"
