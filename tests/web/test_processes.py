"""A pool in processes that fork, that end, and in which gevent has patched the standard library."""

from __future__ import annotations

import os
import queue
import textwrap

import pytest
from websockets.exceptions import ConnectionClosed

from tests.environments.programs import run_live
from tests.kit.servers import Peer, script_server
from tests.kit.waiting import PATIENCE

pytestmark = pytest.mark.slow

POOL = """
from livesession.web import SessionPool
pool = SessionPool(lambda handle: model().connect(), busy_timeout=15)

def ask(visitor):
    with pool.lease(visitor) as session:
        return session.ask(visitor).text
"""

PATCH = "from gevent import monkey\nmonkey.patch_all()\nimport gevent"
LATE = "import warnings\nwarnings.simplefilter('ignore')  # gevent warns: ssl was there\n"


@pytest.fixture
def server():
    """Answers with the question, and tells with which code each session was closed."""
    codes: queue.Queue[int] = queue.Queue()

    def echo(peer: Peer) -> None:
        peer.accept()
        try:
            while True:
                text = peer.read()["clientContent"]["turns"][0]["parts"][0]["text"]
                peer.send({"serverContent": {"modelTurn": {"parts": [{"text": text}]}, "turnComplete": True}})
        except ConnectionClosed as closed:
            codes.put(closed.rcvd.code if closed.rcvd else 1006)

    with script_server(echo) as server:
        server.codes = codes
        yield server


def test_a_program_that_ends_closes_the_sessions_of_its_pool(server):
    code = POOL + "\nsay(ask('ada'), ask('bob'))\nsys.exit(3)"
    assert run_live(code, server.url, status=3).lines == ["ada bob"]
    assert [server.codes.get(timeout=PATIENCE) for _ in range(2)] == [1000, 1000]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_has_sessions_of_its_own_and_the_parent_s_go_on(server):
    code = """
        say(ask("ada"), pool.in_use)
        child = os.fork()
        if child == 0:
            say("child", pool.in_use, ask("ada"), pool.in_use)
            sys.exit(0)
        say("ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        say(ask("ada"), pool.in_use)
        """
    before = "import warnings\nwarnings.simplefilter('ignore', DeprecationWarning)  # newer Pythons: fork among threads"
    program = POOL + textwrap.dedent(code)
    assert run_live(program, server.url, before=before).lines == [
        "ada 1",
        "child 0 ada 1",
        "ended with 0",
        "ada 1",
    ]
    assert [server.codes.get(timeout=PATIENCE) for _ in range(2)] == [1000, 1000]


@pytest.mark.parametrize(
    ("before", "after"), [(PATCH, ""), ("", LATE + PATCH)], ids=["before the import", "after the pool was made"]
)
def test_under_gevent_greenlets_share_a_pool(before, after, server):
    code = f"""{POOL}
{after}
asking = [gevent.spawn(ask, name) for name in "abcde" * 4]
gevent.joinall(asking, raise_error=True)
say("".join(each.value for each in asking), pool.in_use)
pool.leave("a")
pool.close()
say(pool.in_use)
"""
    assert run_live(code, server.url, before=before).lines == ["abcde" * 4 + " 5", "0"]
    assert [server.codes.get(timeout=PATIENCE) for _ in range(5)] == [1000] * 5


def test_under_gevent_a_program_that_ends_closes_the_sessions_of_its_pool(server):
    assert run_live(POOL + "\nsay(ask('ada'))", server.url, before=PATCH).lines == ["ada"]
    assert server.codes.get(timeout=PATIENCE) == 1000
