"""Under gevent, patched in before the import and after it: greenlets take turns, and no wait blocks the hub."""

from __future__ import annotations

import textwrap

import pytest

from tests.environments.programs import run_live

pytestmark = pytest.mark.slow

pytest.importorskip("gevent", reason="gevent is not installed (extra `test`)")

PATCH = "from gevent import monkey\nmonkey.patch_all()\nimport gevent"
PATCHED = {
    "before the import": (PATCH, ""),
    "after the import": ("import warnings\nwarnings.simplefilter('ignore')", PATCH),  # gevent warns: ssl was there
}


TICKER = """
ticks = []

def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0)

def await_ticks(count):
    begun = len(ticks)
    while len(ticks) < begun + count:
        gevent.sleep(0)

ticker = gevent.spawn(tick)
"""
"""A greenlet at a program's hand that counts in `ticks`."""


def run_patched(patched: str, code: str, place) -> list[str]:
    before, after = PATCHED[patched]
    program = "\n".join([after, TICKER, textwrap.dedent(code), "ticker.kill()"])
    return run_live(program, place.url, place.ca_file, before=before).lines


either = pytest.mark.parametrize("patched", PATCHED)


@either
def test_a_consumer_that_waits_lets_the_other_greenlets_run(patched, place):
    lines = run_patched(
        patched,
        """
        with model().connect() as session:
            stream = session.receive(timeout=15)
            consumer = gevent.spawn(next, stream)
            await_ticks(500)
            say("ticked while it waited:", not consumer.ready())
            session.send("woken", turn_complete=True)
            say(consumer.get().text)
            stream.close()
            begun = len(ticks)
            try:
                next(session.receive(timeout=0.1))
            except TimeoutError:
                say("ticked while the main greenlet waited:", len(ticks) > begun + 100)
        say(session.is_closed, session.close_code)
        """,
        place,
    )
    assert lines == [
        "ticked while it waited: True",
        "woken",
        "ticked while the main greenlet waited: True",
        "True 1000",
    ]


@either
def test_two_sessions_in_greenlets_answer_side_by_side(patched, tls_place):
    lines = run_patched(
        patched,
        """
        both = model()

        def talk(name):
            with both.connect() as session:
                return [session.ask(f"{name} {number}").text for number in range(3)]

        talks = [gevent.spawn(talk, name) for name in ("one", "other")]
        gevent.joinall(talks, raise_error=True)
        say([each.value for each in talks])
        """,
        tls_place,
    )
    assert lines == ["[['one 0', 'one 1', 'one 2'], ['other 0', 'other 1', 'other 2']]"]


@either
def test_close_from_another_greenlet_ends_a_consumer(patched, plain_place):
    lines = run_patched(
        patched,
        """
        session, texts = model().connect(), []
        consumer = gevent.spawn(lambda: [texts.append(message.text) for message in session.receive()])
        session.send("last words", turn_complete=True)
        while not texts:
            gevent.sleep(0.001)
        session.close()
        consumer.get()
        say(texts)
        """,
        plain_place,
    )
    assert lines == ["['last words']"]


@pytest.mark.parametrize("deaf_place", ["TLS"], indirect=True)
def test_a_stuck_send_lets_the_other_greenlets_run(deaf_place):
    code = """
        session, ticks = model().connect(), []

        def tick():
            while True:
                ticks.append(1)
                gevent.sleep(0)

        def send():
            try:
                session.send_video_realtime(image(16_000_000))
            except Exception as error:
                return type(error).__name__

        ticker, sender = gevent.spawn(tick), gevent.spawn(send)
        say(next(session.receive()).text)
        begun = len(ticks)
        while len(ticks) < begun + 500:
            gevent.sleep(0)
        say("stuck:", not sender.ready())
        session.close(timeout=0.2)
        say(sender.get())
        ticker.kill()
        """
    done = run_live(code, deaf_place.url, deaf_place.ca_file, before=PATCH)
    assert done.lines[:2] == ["go on", "stuck: True"]
    assert done.lines[2] in ("ConnectionClosedError", "SessionClosedError")
