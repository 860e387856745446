"""The cancel token by itself: what a function sees of it, and what sets it."""

from __future__ import annotations

import threading

import pytest

from livesession import CancelToken, ToolCancelled
from livesession.sync.deadline import Deadline
from livesession.tools.cancel_token import CancelSource, source_of
from tests.kit.waiting import PATIENCE, InThread


@pytest.fixture
def source() -> CancelSource:
    return CancelSource()


@pytest.fixture
def token(source) -> CancelToken:
    return CancelToken(source)


@pytest.mark.parametrize("timeout", [0.0, 0.01])
def test_a_token_that_is_not_set_lets_a_wait_end_by_its_time(token, timeout):
    assert not token.wait(timeout)
    assert not token.is_cancelled
    assert token.reason is None
    assert repr(token) == "<CancelToken>"
    token.check()


def test_a_token_that_is_set_says_why_and_lets_nobody_wait(source, token):
    source.cancel("because")
    assert token.wait()
    assert token.is_cancelled
    assert token.reason == "because"
    assert repr(token) == "<CancelToken, cancelled: because>"
    with pytest.raises(ToolCancelled, match="because"):
        token.check()


def test_the_first_reason_stays(source, token):
    source.cancel("the user went on")
    source.cancel("the session has ended")
    assert token.reason == "the user went on"


def test_all_threads_that_wait_go_on_when_it_is_set(source, token):
    waiting = [InThread(token.wait) for _ in range(3)]
    source.cancel("because")
    assert [each.result() for each in waiting] == [True] * 3


def test_a_token_that_a_program_makes_itself_is_never_set():
    assert not CancelToken().wait(0)


def test_a_wait_for_something_else_ends_with_that_or_with_the_token(source, token):
    has_happened = threading.Event()
    first = InThread(lambda: source_of(token).wait_until(has_happened.is_set, Deadline(PATIENCE)))
    has_happened.set()
    source.wake()
    first.result()
    assert not token.is_cancelled
    second = InThread(lambda: source_of(token).wait_until(lambda: False, Deadline(None)))
    source.cancel("because")
    second.result()
