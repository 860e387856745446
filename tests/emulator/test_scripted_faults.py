"""Scripted faults: in the middle of an answer, and when a client connects."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidMessage, InvalidStatus

from livesession.emulator import Close, Delay, Drop, GoAway, LiveEmulator

LONG = "many words " * 5_000


def test_a_drop_cuts_the_connection_after_all_that_was_said_before(emulator, dial, read):
    emulator.on_text("Hi").reply(LONG).drop()
    client = dial(emulator)
    client.say("Hi")
    messages = []
    with suppress(ConnectionClosedError):
        while True:
            messages.append(client.receive())
    assert client.socket.close_code == 1006
    assert read.texts(messages) == LONG


def test_a_close_has_its_code_and_reason(emulator, dial):
    emulator.on_text("Hi").close(1008, "Quota exceeded.")
    client = dial(emulator)
    client.say("Hi")
    assert client.close_frame() == (1008, "Quota exceeded.")


def test_go_away_is_announced_and_the_answer_goes_on_until_it_comes_true(emulator, dial, read):
    emulator.on_text("Hi").go_away(0.5).reply("Goodbye.")
    client = dial(emulator)
    client.say("Hi")
    messages = client.turn()
    assert messages[0] == {"goAway": {"timeLeft": "0.500s"}}
    assert read.texts(messages) == "Goodbye."
    assert client.close_frame()[0] == 1011


def test_a_delay_holds_up_what_comes_next(emulator, dial, read):
    emulator.on_text("Hi").reply("a").delay(0.2).reply("b")
    client = dial(emulator)
    start = time.monotonic()
    client.say("Hi")
    assert read.texts([client.receive()]) == "a"
    assert read.texts([client.receive()]) == "b"
    assert time.monotonic() - start > 0.2


def test_a_delay_ends_with_an_interruption(emulator, dial, read):
    emulator.on_text("Hi").reply("a").delay(60).reply("b")
    client = dial(emulator)
    client.say("Hi")
    client.receive()
    client.say("Stop", complete=False)
    assert read.kinds(client.turn()) == ["interrupted", "turnComplete"]


@pytest.mark.parametrize("frame", [b"\x00\xff", "{", '{"unheard": "of"}'])
def test_a_malformed_frame_goes_out_as_it_is_and_the_answer_goes_on(emulator, dial, read, frame):
    emulator.on_text("Hi").malformed(frame).reply("Hello!")
    client = dial(emulator)
    client.say("Hi")
    assert client.raw() == frame
    assert read.texts(client.turn()) == "Hello!"


def test_a_malformed_frame_is_json_that_breaks_off_unless_one_is_given(emulator, dial):
    emulator.on_text("Hi").malformed()
    client = dial(emulator)
    client.say("Hi")
    with pytest.raises(ValueError, match="Expecting"):
        client.receive()


def test_an_ending_that_comes_last_happens_once(emulator, dial, read):
    emulator.on_text("Hi").close().next_time().drop()
    ends = []
    for _ in range(2):
        client = dial(emulator)
        client.say("Hi")
        with pytest.raises(ConnectionClosed) as end:
            client.drain()
        ends.append(end.value.rcvd and end.value.rcvd.code)
    client = dial(emulator)
    client.say("Hi")
    assert (ends, read.texts(client.turn())) == ([1011, None], "You said: Hi")


def test_an_ending_happens_as_often_as_times_says(emulator, dial):
    emulator.on_text("Hi", times=3).close(1013)
    for _ in range(3):
        client = dial(emulator)
        client.say("Hi")
        assert client.close_frame()[0] == 1013


def test_a_responder_of_ones_own_yields_faults_like_anything_else(dial, read):
    def answer(turn):
        yield from ("a", Delay(0), GoAway(30), Close(1012, "restart") if turn.text == "close" else Drop())

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("close")
        assert client.close_frame() == (1012, "restart")
        client = dial(emulator)
        client.say("drop")
        with pytest.raises(ConnectionClosedError):
            client.drain()


def test_a_connection_is_rejected_with_a_status_and_a_body_as_googles(emulator, dial):
    emulator.on_connect().reject(429, "Slow down.")
    with pytest.raises(InvalidStatus) as rejected:
        dial(emulator)
    assert rejected.value.response.status_code == 429
    assert b'"status": "RESOURCE_EXHAUSTED"' in rejected.value.response.body
    assert b"Slow down." in rejected.value.response.body


def test_the_connection_after_a_rejected_one_is_served(emulator, dial):
    emulator.on_connect(times=2).reject(503)
    for _ in range(2):
        with pytest.raises(InvalidStatus):
            dial(emulator)
    dial(emulator)


def test_a_connection_is_closed_instead_of_set_up(emulator, dial):
    emulator.on_connect().close(1007, "API key not valid.")
    client = dial(emulator, setup=False)
    assert client.close_frame() == (1007, "API key not valid.")


def test_a_connection_is_dropped_on_the_upgrade_without_a_word_in_the_log(dial, caplog):
    with LiveEmulator() as emulator:
        emulator.on_connect().drop()
        with pytest.raises((InvalidMessage, OSError)):
            dial(emulator)
    assert caplog.records == []


@pytest.mark.parametrize(
    "then", [lambda chain: chain, lambda chain: chain.reject(503), lambda chain: chain.close(1011)],
    ids=["served", "rejected", "closed"],
)  # fmt: skip
def test_a_client_that_leaves_while_its_upgrade_is_delayed_is_not_in_the_log(then, dial, caplog):
    with LiveEmulator() as emulator:
        then(emulator.on_connect(times=1).delay(60))
        with pytest.raises(TimeoutError):
            dial(emulator, open_timeout=0.1)
        dial(emulator)
    assert caplog.records == []


def test_each_connection_is_delayed_and_then_served(emulator, dial):
    emulator.on_connect().delay(0.1)
    for _ in range(2):
        start = time.monotonic()
        dial(emulator)
        assert time.monotonic() - start > 0.1


def test_a_connection_that_is_delayed_for_long_does_not_hold_up_the_end(dial):
    with LiveEmulator() as emulator:
        emulator.on_connect().delay(600)
        with pytest.raises(TimeoutError):
            dial(emulator, open_timeout=0.1)
        start = time.monotonic()
    assert time.monotonic() - start < 10


def test_a_connection_that_the_service_would_refuse_uses_nothing_up(dial):
    with LiveEmulator(api_keys=["another"]) as emulator:
        emulator.on_connect().reject(429)
        with pytest.raises(InvalidStatus) as rejected:
            dial(emulator, "vertex")
    assert rejected.value.response.status_code == 401


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda emulator: emulator.on_any().close(1006), "cannot have the code 1006"),
        (lambda emulator: emulator.on_any().close(200), "cannot have the code 200"),
        (lambda emulator: emulator.on_any().close(1008, "é" * 62), "at most 123 bytes of UTF-8, not 124"),
        (lambda emulator: emulator.on_any().delay(-1), "must be >= 0"),
        (lambda emulator: emulator.on_any().go_away(-1), "must be >= 0"),
        (lambda emulator: emulator.on_connect().reject(200), "400 to 599, not 200"),
        (lambda emulator: emulator.on_connect().reject("429"), "400 to 599, not '429'"),
        (lambda emulator: emulator.on_connect().reject(499), "499"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_where_it_is_written(fault, message):
    with pytest.raises(ValueError, match=message):
        fault(LiveEmulator())
