"""`livesession.web` from outside: its names, their documentation, and what importing it costs."""

from __future__ import annotations

import types

import pytest

import livesession.web
from livesession.web import SessionPool
from tests.environments.programs import command, run_command


@pytest.mark.parametrize("name", livesession.web.__all__)
def test_each_public_class_and_function_is_documented(name):
    value = getattr(livesession.web, name)
    if isinstance(value, (type, types.FunctionType)) and not isinstance(value, types.GenericAlias):
        assert value.__doc__


def test_each_public_member_of_the_pool_is_documented():
    members = {name: value for name, value in vars(SessionPool).items() if not name.startswith("_")}
    assert [name for name, value in members.items() if not value.__doc__] == []


def test_it_needs_no_framework_and_no_extra_and_is_not_imported_with_the_package():
    code = """
import sys, livesession
print(*sys.modules)
import livesession.web
print(*sys.modules)
"""
    before, after = (set(line.split()) for line in run_command(command("-c", code)).lines)
    assert "livesession.web" not in before
    assert after.isdisjoint({"flask", "django", "numpy", "soxr", "sounddevice", "websockets", "gunicorn"})
