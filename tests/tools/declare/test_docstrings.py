"""Descriptions of functions and parameters, which come from docstrings and from `Annotated`."""

from __future__ import annotations

import sys
from datetime import date
from typing import Annotated

import pytest

from livesession.tools.declare.docstrings import documentation
from livesession.tools.tool_factory import declaration
from tests.tools.declared import properties

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
