"""Functions that are declared to the model, and what tests look at in their declarations."""

from __future__ import annotations

from livesession import Schema
from livesession.tools.tool_factory import declaration


def weather(city: str, days: int = 3):
    """Says the weather."""


class TodoList:
    """Keeps what is to be done."""

    def add(self, task: str):
        """Adds a task."""

    def __call__(self, task: str): ...


def properties(function) -> dict[str, Schema]:
    return declaration(function).parameters.properties


def required(function) -> tuple[str, ...]:
    return declaration(function).parameters.required


STRING, INTEGER, NUMBER, BOOLEAN = (Schema(type=name) for name in ("STRING", "INTEGER", "NUMBER", "BOOLEAN"))
