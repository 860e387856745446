"""Which message belongs to which answer: the cases in which turns could be taken for one another."""

from __future__ import annotations

import threading

import pytest

from livesession import (
    AutomaticActivityDetection,
    HistoryConfig,
    LiveGenerationConfig,
    PcmAudio,
    ProtocolError,
    RealtimeInputConfig,
    ReceiveTimeout,
    SessionClosedError,
    SessionOptions,
    SessionResumptionConfig,
    Turn,
)
from tests.kit.servers import Peer, script_server
from tests.kit.waiting import PATIENCE

DONE = {"serverContent": {"turnComplete": True}}
MANUAL = RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))


def said(text: str) -> dict:
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}}}


def conversation(*exchanges: list[dict]):
    """A script: after the setup, the frames of each exchange in answer to one message of the client."""

    def script(peer: Peer) -> None:
        peer.accept()
        for frames in exchanges:
            peer.read()
            peer.send(*frames)
        peer.wait_for_end()

    return script


def test_what_trails_a_turn_does_not_enter_the_next_answer():
    late = {"serverContent": {"outputTranscription": {"text": ", as I said."}}}
    phantom = {"serverContent": {"interrupted": True}}
    usage = {"usageMetadata": {"totalTokenCount": 99}}
    trailed = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(said("Paris"), DONE, late, phantom, usage)
        assert peer.websocket.ping().wait(PATIENCE)  # answered by the reader, behind what it has read before
        trailed.set()
        peer.read()
        peer.send(said("Rome"), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        assert session.ask("France?").text == "Paris"
        assert trailed.wait(PATIENCE)
        turn = session.ask("Italy?")
    assert (turn.text, turn.output_transcript) == ("Rome", "")
    assert not turn.interrupted
    assert turn.usage is None


def test_news_of_the_session_is_not_skipped_with_what_is_left_of_a_turn():
    gave_up = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(said("old"))
        assert gave_up.wait(PATIENCE)
        peer.read()
        peer.send({"goAway": {"timeLeft": "5s"}}, said("rest"), DONE, said("new"), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        session.send("a", True)
        for _ in session.receive_turn():
            break
        gave_up.set()
        session.send("b", True)
        kinds = [type(message).__name__ for message in session.receive_turn()]
    assert kinds == ["LiveServerGoingAwayNotice", "LiveServerContent", "LiveServerContent"]


def test_a_turn_that_ends_in_a_message_that_cannot_be_read_ends_all_the_same():
    odd = {**DONE, "usageMetadata": {"totalTokenCount": []}}
    script = conversation([said("a"), odd], [said("b"), DONE])
    with script_server(script) as server, server.model().connect() as session:
        turn = session.ask("x", timeout=PATIENCE)
        assert (turn.text, turn.complete, len(turn.problems)) == ("a", True, 1)
        session.send("y", True)
        stream = session.receive_turn()
        assert "".join(message.text for message in stream) == "b"


def test_the_iterator_of_a_turn_ends_after_the_error_of_its_last_message():
    odd = {**DONE, "usageMetadata": {"totalTokenCount": []}}
    with script_server(conversation([odd])) as server, server.model().connect() as session:
        session.send("x", True)
        stream = session.receive_turn()
        assert next(stream).text == ""
        with pytest.raises(ProtocolError):
            next(stream)
        assert list(stream) == []


def test_an_error_that_the_server_reports_meanwhile_is_in_the_log_without_the_key(caplog):
    error = {"error": {"code": 400, "message": "test-key is blocked", "status": "FAILED_PRECONDITION"}}
    script = conversation([error, said("all the same"), DONE])
    with script_server(script) as server, server.model().connect() as session:
        assert session.ask("?").text == "all the same"
    assert "the server reported an error: <secret> is blocked (FAILED_PRECONDITION)" in caplog.text


def test_an_answer_after_a_resumption_in_the_middle_of_a_turn_is_found():
    calls = threading.Semaphore(1)

    def script(peer: Peer) -> None:
        peer.accept()
        if calls.acquire(blocking=False):
            peer.send({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}})
            peer.read()
            peer.send(said("half of the"))
            peer.drop()
        else:
            peer.read()
            peer.send(said("whole"), DONE)
            peer.wait_for_end()

    with script_server(script) as server:
        model = server.model(options=SessionOptions(resumption=None))
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            with pytest.raises(SessionClosedError):
                session.ask("one")
            session.resume_session()
            assert session.ask("two", timeout=PATIENCE).text == "whole"


def test_seeding_the_history_is_not_a_question():
    config = LiveGenerationConfig(history_config=HistoryConfig(initial_history_in_client_content=True))
    with script_server(conversation([], [said("answer"), DONE])) as server:
        with server.model(generation_config=config).connect() as session:
            session.send("once upon a time", turn_complete=True)
            assert session.ask("and then?", timeout=PATIENCE).text == "answer"


@pytest.mark.parametrize("by", ["text", "activity end"])
def test_realtime_input_that_asks_has_an_answer_of_its_own(by):
    config = LiveGenerationConfig(realtime_input_config=MANUAL) if by == "activity end" else LiveGenerationConfig()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.read()
        peer.send(said("to the first"), DONE, said("to the second"), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model(generation_config=config).connect() as session:
        if by == "text":
            session.send_text_realtime("first")
        else:
            session.send_activity_end()
        assert session.ask("second").text == "to the second"


def test_a_server_that_answers_two_requests_at_once_is_understood_after_a_time_out():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.read()
        peer.send(said("to both"), DONE)
        peer.read()
        peer.send(said("to the third"), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        session.send("first", True)
        with pytest.raises(ReceiveTimeout, match="1 turns that belong to earlier requests"):
            session.ask("second", timeout=0.3)
        assert session.ask("third", timeout=PATIENCE).text == "to the third"


def test_a_problem_in_a_turn_does_not_keep_the_session_alive():
    with script_server(conversation([b"{", DONE])) as server, server.model().connect() as session:
        [problem] = session.ask("x").problems
    assert problem.__traceback__ is None


def test_a_function_call_that_is_left_over_from_an_earlier_turn_is_no_answer_to_the_next_question():
    call = {"toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": {}}]}}
    cancelled = {"toolCallCancellation": {"ids": ["1"]}}
    script = conversation([call, cancelled, DONE], [said("an answer"), DONE])
    with script_server(script) as server, server.model().connect() as session:
        session.send("one", True)
        turn = session.ask("two", timeout=PATIENCE)
    assert (turn.text, turn.function_calls, turn.complete) == ("an answer", (), True)


def test_two_calls_without_an_id_are_two_calls():
    call = {"toolCall": {"functionCalls": [{"name": "f", "args": {}}, {"name": "g", "args": {}}]}}
    with script_server(conversation([call])) as server, server.model().connect() as session:
        assert [each.name for each in session.ask("x", timeout=PATIENCE).function_calls] == ["f", "g"]
        assert [each.name for each in session.pending_calls] == ["f", "g"]


def test_turns_that_differ_in_the_rate_of_their_sound_are_not_equal():
    slow, fast = (Turn(audio=PcmAudio(b"\0\0", rate)) for rate in (16_000, 24_000))
    assert slow != fast
    assert {slow, fast, Turn(audio=b"\0\0")} == {slow, fast}
