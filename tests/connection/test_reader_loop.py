"""What the reader loop owes a channel that answers with one and the same plan each time."""

from __future__ import annotations

import socket
import time

import pytest

from livesession.connection.reader_loop import READ, Plan, join_loop
from livesession.sync.events import Event

ENOUGH = 3


class Steadfast:
    """A channel that follows one plan, until it has been served often enough."""

    def __init__(self, plan: Plan) -> None:
        self.socket, self.peer = socket.socketpair()
        self.followed: Plan | None = None
        self.loop = None
        self.served = 0
        self.over = Event()
        self._plan = plan

    def serve(self, scratch):
        self.served += 1
        return self._plan if self.served < ENOUGH else None

    def announce(self):
        pass

    def on_removed(self):
        self.over.set()

    def fail(self, error):
        raise error


@pytest.fixture
def serve():
    """Has a channel with this plan served to its end; how often it was."""
    channels = []

    def served(plan):
        channel = Steadfast(plan)
        channels.append(channel)
        join_loop(channel)
        assert channel.over.wait(5)
        return channel.served

    yield served
    for channel in channels:
        channel.socket.close()
        channel.peer.close()


def test_a_channel_is_served_at_its_time_though_its_plan_is_the_same_as_before(serve):
    assert serve(Plan(READ, time.monotonic())) == ENOUGH


def test_a_channel_that_has_more_to_do_is_served_again_though_its_plan_is_the_same_as_before(serve):
    assert serve(Plan(READ, again=True)) == ENOUGH
