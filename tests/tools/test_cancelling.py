"""Calls that need no answer any more: cancelled by the server, over with the session, or forgotten in a resumption."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from livesession import (
    CancelToken,
    ConfigurationError,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveServerToolCallCancellation,
    LiveSession,
    LiveSessionResumed,
    SessionResumptionConfig,
    ToolCancelled,
    ToolOptions,
    ToolResult,
)
from livesession.emulator import LiveEmulator, ToolCall, UserTurn
from tests.kit.inside import writer_busy
from tests.kit.servers import Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import PATIENCE, wait_until
from tests.tools.calling import DONE, call, calling_model, cancellation, session_with, tool_call


class Waiting:
    """A tool that waits to be cancelled."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.reasons: list[str | None] = []

    def wait(self, cancel: CancelToken) -> str:
        self.begun.set()
        cancel.wait(PATIENCE)
        self.reasons.append(cancel.reason)
        return "too late"


class Stubborn:
    """A tool that does not look at its token."""

    def __init__(self) -> None:
        self.begun, self.may_end, self.ended = threading.Event(), threading.Event(), threading.Event()

    def work(self) -> str:
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        self.ended.set()
        return "too late"


def test_a_call_that_is_made_again_under_its_id_is_answered_once_and_the_first_run_is_told():
    tool = Waiting()

    def f(number: int, cancel: CancelToken) -> object:
        return tool.wait(cancel) if number == 1 else number

    with session_with(f) as (model, session):
        model.say(tool_call(call("f", "7", number=1)))
        assert tool.begun.wait(PATIENCE)
        model.say(tool_call(call("f", "7", number=2)))
        assert model.answer()["response"] == {"output": 2}
        wait_until(lambda: tool.reasons)
        assert tool.reasons == ["the call was made again, under the same id"]
        wait_until(lambda: session.tool_statistics.dropped == 1)
        model.hears_nothing_before(session)


def test_a_cancelled_call_sets_the_token_and_its_late_answer_is_dropped_and_counted():
    tool = Waiting()
    with session_with(tool.wait) as (model, session):
        model.say(tool_call(call("wait", "7")))
        assert tool.begun.wait(PATIENCE)
        model.say(cancellation("7"))
        wait_until(lambda: session.tool_statistics.dropped == 1)
        model.hears_nothing_before(session)
        assert tool.reasons == ["the server has cancelled the call, because the user went on"]
        messages = session.receive(timeout=PATIENCE)
        next(messages)
        assert isinstance(next(messages), LiveServerToolCallCancellation)
        result = next(messages)
        assert isinstance(result, ToolResult)
        assert (result.outcome, result.response) == ("dropped", {"output": "too late"})


def test_check_ends_a_cancelled_function_without_an_answer():
    begun, ended = threading.Event(), threading.Event()

    def work(cancel: CancelToken) -> None:
        begun.set()
        cancel.wait(PATIENCE)
        try:
            cancel.check()
        except ToolCancelled:
            ended.set()
            raise

    with session_with(work) as (model, session):
        model.say(tool_call(call("work", "7")))
        assert begun.wait(PATIENCE)
        model.say(cancellation("7"))
        assert ended.wait(PATIENCE)
        model.hears_nothing_before(session)


def test_a_call_that_is_cancelled_before_a_thread_is_free_is_never_run():
    busy, ran = Stubborn(), []

    def late() -> None:
        ran.append(True)

    with session_with(busy.work, late, tool_options=ToolOptions(concurrency=1)) as (model, session):
        model.say(tool_call(call("work", "1"), call("late", "2")), cancellation("2"))
        assert busy.begun.wait(PATIENCE)
        list_of_one = session.receive(timeout=PATIENCE)
        next(list_of_one), next(list_of_one)
        busy.may_end.set()
        assert model.answer()["id"] == "1"
        wait_until(lambda: session.tool_statistics.running == 0)
    assert not ran


def test_cancelling_by_hidden_messages_shows_nothing():
    tool = Waiting()
    with session_with(tool.wait, tool_options=ToolOptions(messages=False)) as (model, session):
        model.say(tool_call(call("wait", "7")), cancellation("7"), {"goAway": {"timeLeft": "9s"}})
        assert next(session.receive(timeout=PATIENCE)).time_left == 9.0


def test_close_sets_the_tokens_and_waits_for_functions_that_heed_them():
    tool = Waiting()
    with session_with(tool.wait) as (model, session):
        model.say(tool_call(call("wait")))
        assert tool.begun.wait(PATIENCE)
        session.close()
        assert tool.reasons == ["the session has ended"]
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("livesession-tool")]


def test_close_does_not_wait_longer_than_its_time_limit_for_a_function_that_does_not():
    tool = Stubborn()
    with session_with(tool.work) as (model, session):
        model.say(tool_call(call("work")))
        assert tool.begun.wait(PATIENCE)
        began = time.monotonic()
        session.close(timeout=0.2)
        assert time.monotonic() - began < 5
        tool.may_end.set()


def test_close_forgets_the_calls_that_wait_for_a_thread(caplog):
    busy, ran = Stubborn(), []

    def late() -> None:
        ran.append(True)

    with session_with(busy.work, late, tool_options=ToolOptions(concurrency=1)) as (model, session):
        model.say(tool_call(call("work", "1"), call("late", "2")))
        assert busy.begun.wait(PATIENCE)
        wait_until(lambda: session.tool_statistics.running == 2)
        session.close(timeout=0.1)
        assert session.tool_statistics.running == 1
        busy.may_end.set()
        wait_until(lambda: session.tool_statistics.running == 0)
    assert caplog.messages[-1].endswith("functions that still run: work")
    assert not ran


def test_the_end_of_the_session_by_the_server_sets_the_tokens():
    tool = Waiting()
    with session_with(tool.wait) as (model, session):
        model.say(tool_call(call("wait")))
        assert tool.begun.wait(PATIENCE)
        model.peer.close(1008, "no")
        wait_until(lambda: tool.reasons)
        assert tool.reasons == ["the session has ended"]
        assert session.close_code == 1008


def test_an_answer_that_would_cross_the_user_s_next_turn_waits_and_is_dropped_when_the_call_is_cancelled():
    tool = Stubborn()
    with session_with(tool.work) as (model, session):
        model.say(tool_call(call("work", "7")))
        assert tool.begun.wait(PATIENCE)
        session.send("Never mind.", turn_complete=True)
        assert "clientContent" in model.hears()
        tool.may_end.set()
        assert tool.ended.wait(PATIENCE)
        model.say(cancellation("7"), DONE)
        wait_until(lambda: session.tool_statistics.dropped == 1)
        model.hears_nothing_before(session)


def test_an_answer_that_would_cross_the_user_s_next_turn_goes_out_when_the_turn_ends_without_a_cancellation():
    tool = Stubborn()
    with session_with(tool.work) as (model, session):
        model.say(tool_call(call("work", "7")))
        assert tool.begun.wait(PATIENCE)
        session.interrupt()
        assert "clientContent" in model.hears()
        tool.may_end.set()
        assert tool.ended.wait(PATIENCE)
        model.say(DONE)
        assert model.answer()["response"] == {"output": "too late"}


def test_a_function_that_sends_a_turn_itself_does_not_end_the_session_with_its_answer():
    sessions: list[LiveSession] = []

    def answer(turn: UserTurn):
        yield from [ToolCall("go_on")] if turn.text == "call" else ["fine"]

    def go_on() -> str:
        sessions[0].send("another turn", turn_complete=True)
        return "an answer that comes too late"

    text = LiveGenerationConfig(response_modalities="TEXT")
    with LiveEmulator(answer) as emulator:
        model = LiveGenerativeModel("m-live", backend=emulator.backend(), generation_config=text, tools=[go_on])
        with model.connect() as session:
            sessions.append(session)
            session.send("call", turn_complete=True)
            wait_until(lambda: session.tool_statistics.dropped == 1)
            assert session.ask("hello").text == "fine"


def test_a_resumption_that_the_server_has_forgotten_the_call_over_sets_the_token_and_no_answer_is_sent():
    tool = Waiting()
    handle = {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}}
    heard: list[dict] = []
    connections: list[Peer] = []
    asked = threading.Event()

    def script(peer: Peer) -> None:
        connections.append(peer)
        peer.accept()
        peer.send(handle)
        if len(connections) == 1:
            peer.send(tool_call(call("wait", "7")))
            assert tool.begun.wait(PATIENCE)
            peer.drop()
        else:
            heard.append(peer.read())
            asked.set()
            peer.wait_for_end()

    with script_server(script) as server:
        with server.model(tools=[tool.wait]).connect(session_resumption=SessionResumptionConfig()) as session:
            wait_until(lambda: tool.reasons)
            session.send("a mark")
            assert asked.wait(PATIENCE)
            resumed = next(m for m in session.receive(timeout=PATIENCE) if isinstance(m, LiveSessionResumed))
    assert tool.reasons == ["the session was resumed, and the server has forgotten the call"]
    assert resumed.cancelled_calls == ("7",)
    assert [*heard[0]] == ["clientContent"]


@pytest.mark.parametrize("resumption", [None, SessionResumptionConfig()], ids=["plain", "resumable"])
def test_an_answer_that_waits_for_the_network_while_the_call_is_cancelled_is_not_sent(resumption):
    tool = Stubborn()
    with calling_model() as (model, server):
        with server.model(tools=[tool.work]).connect(session_resumption=resumption) as session:
            messages = session.receive(timeout=PATIENCE)
            model.say(tool_call(call("work", "7")))
            next(messages)
            with writer_busy(session):  # as a large message on a slow network has it
                tool.may_end.set()
                assert tool.ended.wait(PATIENCE)
                model.say(cancellation("7"))
                next(messages)
            wait_until(lambda: session.tool_statistics.dropped == 1)
            model.hears_nothing_before(session)


def test_a_call_that_comes_after_close_is_not_run():
    ran = threading.Event()

    def work() -> None:
        ran.set()

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.recv(65536)  # the close frame
        peer.socket.sendall(frame(json.dumps(tool_call(call("work"))).encode()))
        peer.wait_for_end()

    with raw_server(script) as server:
        server.model(tools=[work]).connect().close(timeout=0.5)
    assert not ran.is_set()


def test_the_process_ends_though_a_function_does_not():
    program = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
from tests.tools.calling import calling_model, call, tool_call
from livesession import SessionOptions
from tests.kit.inside import writer_busy
begun = threading.Event()
def forever() -> None:
    begun.set()
    while True:
        time.sleep(1)
with calling_model() as (model, server):
    session = server.model(tools=[forever], options=SessionOptions(close_timeout=0.1)).connect()
    model.say(tool_call(call("forever")))
    assert begun.wait(20)
    session.close()
print("left")
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parents[2])],
        capture_output=True,
        text=True,
        timeout=40,
    )
    assert done.stdout == "left\n", done.stderr
    assert done.returncode == 0


def test_options_that_make_no_sense_are_refused():
    for wrong in ({"timeout": 0}, {"concurrency": 0}, {"concurrency": 1.5}, {"hold_audio": -1}, {"timeout": True}):
        with pytest.raises(ConfigurationError):
            ToolOptions(**wrong)
