"""One thread reads all sessions: what happens to one must not be felt by the others."""

from __future__ import annotations

import json
import logging
import threading
from itertools import islice

import pytest

from livesession import ConnectionClosedError, SessionOptions
from tests.kit.inside import core_of
from tests.kit.servers import PATIENCE, Peer, frame, raw_server, script_server
from tests.kit.waiting import InThread, wait_until


def said(text: str) -> dict:
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}, "turnComplete": True}}


def echo(peer: Peer) -> None:
    """Answers with the same text; `flood` with more than an inbox holds."""
    peer.accept()
    while True:
        text = peer.read()["clientContent"]["turns"][0]["parts"][0]["text"]
        peer.send(*([said("x" * 2_000)] * 100 if text == "flood" else [said(text)]))


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "livesession-reader"]


def test_sessions_share_one_thread_and_the_last_one_ends_it():
    with script_server(echo) as server:
        sessions = [server.model().connect() for _ in range(20)]
        assert len(readers()) == 1
        for session in sessions[1:]:
            session.close()
        assert sessions[0].ask("still here?").text == "still here?"
        sessions[0].close()
        assert readers() == []


def test_a_session_whose_messages_nobody_receives_does_not_hold_up_another():
    with script_server(echo) as server:
        full = server.model(options=SessionOptions(inbox_bytes=10_000)).connect()
        with full, server.model().connect() as other:
            full.send("flood", turn_complete=True)
            wait_until(lambda: not core_of(full).state.queue.has_room)
            assert [other.ask(str(number)).text for number in range(50)] == [str(number) for number in range(50)]
            texts = [message.text for message in islice(full.receive(timeout=PATIENCE), 100)]
            assert texts == ["x" * 2_000] * 100


def test_a_large_message_that_arrives_slowly_does_not_hold_up_another_session():
    half_sent, go_on = threading.Event(), threading.Event()

    def script(peer) -> None:
        peer.accept()
        data = frame(json.dumps(said("y" * 20_000_000)).encode())
        peer.socket.sendall(data[:10_000_000])
        half_sent.set()
        assert go_on.wait(PATIENCE)
        peer.socket.sendall(data[10_000_000:])
        peer.wait_for_end()

    with raw_server(script) as slow, script_server(echo) as server:
        with slow.model().connect() as large, server.model().connect() as other:
            assert half_sent.wait(PATIENCE)
            assert other.ask("quick").text == "quick"
            go_on.set()
            assert len(large.receive_turn(timeout=PATIENCE).collect().text) == 20_000_000
            large.close(timeout=0.1)


def test_a_flood_to_one_session_leaves_another_one_its_turn():
    """Nobody would get an answer, were the reader to stay with the one that always has more."""
    leaving = threading.Event()

    def script(peer) -> None:
        peer.accept()
        pieces = frame(json.dumps(said("z" * 5_000)).encode()) * 20
        while not leaving.is_set():
            peer.socket.sendall(pieces)

    with raw_server(script) as flooding, script_server(echo) as server:
        loud, other = flooding.model().connect(), server.model().connect()
        consumer = InThread(lambda: sum(1 for _ in loud.receive()))
        assert [other.ask(str(number)).text for number in range(20)] == [str(number) for number in range(20)]
        leaving.set()
        loud.close(timeout=0.5)
        assert consumer.result() > 0
        other.close()


def test_a_failure_on_the_reader_thread_ends_one_session_and_not_the_others(monkeypatch):
    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "inbox is full" in record.getMessage():
                raise RuntimeError("a log handler's own fault")

    monkeypatch.setattr(logging.getLogger("livesession"), "handlers", [Failing()])
    with script_server(echo) as server, server.model().connect() as other:
        broken = server.model(options=SessionOptions(inbox_bytes=10_000)).connect()
        broken.send("flood", turn_complete=True)
        with pytest.raises(ConnectionClosedError, match="log handler"):
            list(broken.receive(timeout=PATIENCE))
        assert other.ask("unharmed").text == "unharmed"


def test_a_failure_when_a_consumer_is_told_ends_one_session_and_not_the_others():
    def fails() -> None:
        raise RuntimeError("a fault of who is told")

    with script_server(echo) as server, server.model().connect() as other:
        broken = server.model().connect()
        core_of(broken).state.queue.add_listener(fails)
        broken.send("x", turn_complete=True)
        wait_until(lambda: broken.is_closed)
        core_of(broken).state.queue.remove_listener(fails)
        assert other.ask("unharmed").text == "unharmed"
        broken.close()


def test_closing_one_session_with_a_deaf_server_does_not_hold_up_another():
    leaving = threading.Event()

    def deaf(peer) -> None:
        peer.accept()
        leaving.wait(PATIENCE)

    with raw_server(deaf) as silent, script_server(echo) as server, server.model().connect() as other:
        closing = silent.model().connect()
        closer = InThread(lambda: closing.close(timeout=1))
        assert other.ask("meanwhile").text == "meanwhile"
        assert closer.thread.is_alive()
        closer.result()
        leaving.set()
