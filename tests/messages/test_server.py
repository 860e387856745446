"""Single messages and closes of real servers: each comes out as it was meant, and the session goes on or says why."""

from __future__ import annotations

import contextlib
import json

import pytest

from livesession import ConnectionClosedError, SetupRejectedError
from tests.kit.servers import script_server
from tests.kit.waiting import PATIENCE
from tests.kit.wire_data import REASON, frame_of, wire_data

ENTRIES = wire_data("server_messages.jsonl")
GOOD = [entry for entry in ENTRIES if entry["valid"]]
FIRST = [entry for entry in GOOD if entry.get("first")]
LATER = [entry for entry in GOOD if not entry.get("first")]
CLOSES = [entry for entry in ENTRIES if "close" in entry]
REFUSALS = [entry for entry in CLOSES if entry.get("setup_phase")]
ENDS = [entry for entry in CLOSES if not entry.get("setup_phase")]

MARK = {"serverContent": {"modelTurn": {"parts": [{"text": "the next message"}]}}}

pytestmark = pytest.mark.skipif(not ENTRIES, reason=REASON)


@pytest.fixture(params=["plain", "TLS"])
def serve(request, server_tls, client_tls):
    """Serves a script, plain and over TLS; gives the model to connect with."""

    @contextlib.contextmanager
    def served(script):
        if request.param == "plain":
            with script_server(script) as server:
                yield server.model()
        else:
            with script_server(script, server_tls) as server:
                yield server.model(ssl_context=client_tls)

    return served


def each(entries: list[dict]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", entries, ids=[entry["id"] for entry in entries])


def raw(entry: dict) -> str | bytes:
    text = entry.get("text") or json.dumps(entry["json"])
    return text if entry["opcode"] == "text" else text.encode()


def canonical(frame: dict) -> dict:
    """The frame with one of two names (`type`) and one of many spellings of a duration (`0.2s` for `0.200s`)."""
    if "voiceActivity" not in frame:
        return frame
    activity = frame["voiceActivity"]
    kind = activity.get("type") or activity["voiceActivityType"]
    offset = f"{float(activity['audioOffset'].rstrip('s')):g}s"
    return {**frame, "voiceActivity": {"type": kind, "audioOffset": offset}}


@each(LATER)
def test_a_message_comes_out_typed_and_the_next_one_too(entry, serve):
    def script(peer):
        peer.accept()
        peer.send(raw(entry), MARK)
        peer.wait_for_end()

    with serve(script) as model, model.connect() as session:
        received = []
        for message in session.receive(timeout=PATIENCE):
            if frame_of([message]) == MARK:
                break
            received.append(message)
    assert frame_of(received) == canonical(entry["json"])


@each(FIRST)
def test_a_setup_complete_opens_the_session(entry, serve):
    def script(peer):
        peer.read()
        peer.send(raw(entry), MARK)
        peer.wait_for_end()

    with serve(script) as model, model.connect() as session:
        assert session.session_id == entry["json"]["setupComplete"].get("sessionId")
        assert frame_of([next(session.receive(timeout=PATIENCE))]) == MARK


@each(REFUSALS)
def test_a_close_instead_of_setup_complete_is_a_refusal_with_code_and_reason(entry, serve):
    def script(peer):
        peer.read()
        peer.close(**entry["close"])

    with serve(script) as model, pytest.raises(SetupRejectedError) as caught:
        model.connect()
    assert (caught.value.code, caught.value.reason) == (entry["close"]["code"], entry["close"]["reason"])
    assert caught.value.hint
    assert entry["close"]["reason"] in str(caught.value)


@each(ENDS)
def test_a_close_comes_after_everything_that_had_arrived_with_code_and_reason(entry, serve):
    def script(peer):
        peer.accept()
        peer.send(*[MARK] * 3)
        peer.close(**entry["close"])

    with serve(script) as model, model.connect() as session:
        stream = session.receive(timeout=PATIENCE)
        assert frame_of([next(stream)]) == frame_of([next(stream)]) == frame_of([next(stream)]) == MARK
        with pytest.raises(ConnectionClosedError) as caught:
            next(stream)
        assert (caught.value.code, caught.value.reason) == (entry["close"]["code"], entry["close"]["reason"])
        assert (session.close_code, session.close_reason) == (caught.value.code, caught.value.reason)
        assert caught.value.origin == "server"
        assert caught.value.hint


def test_every_entry_is_in_one_of_the_tests():
    assert len(ENTRIES) == 50
    assert len(FIRST) + len(LATER) + len(REFUSALS) + len(ENDS) == len(ENTRIES)
