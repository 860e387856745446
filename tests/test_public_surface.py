"""What users hold on to is still there: compared with the list of before the code was moved into rooms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.surface import surface

KNOWN = json.loads(Path(__file__).with_name("public_surface.json").read_text(encoding="utf-8"))


def gone(before: object, now: object, place: str = "") -> Iterator[str]:
    """Yields what was there and is not any more."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name, value in before.items():
            if name in now:
                yield from gone(value, now[name], f"{place}/{name}")
            else:
                yield f"{place}/{name}"
    elif isinstance(before, list) and isinstance(now, list):
        yield from (f"{place}/{each}" for each in before if each not in now)
    elif before != now:
        yield f"{place}: {before} is {now}"


@pytest.mark.parametrize("kind", KNOWN)
def test_nothing_that_users_hold_on_to_has_gone(kind):
    assert list(gone(KNOWN[kind], surface()[kind])) == []


def test_what_has_gone_is_seen():
    assert list(gone({"a": ["b"], "c": 1, "d": {}}, {"a": [], "c": 2})) == ["/a/b", "/c: 1 is 2", "/d"]
