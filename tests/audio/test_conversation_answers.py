"""When an input that ends has been answered: by slow models, after slow functions, or never."""

from __future__ import annotations

import itertools
import logging
import threading

import pytest

from livesession import (
    FunctionDeclaration,
    FunctionResponse,
    LiveServerContent,
    LiveServerToolCall,
    LiveSessionResumed,
    SessionOptions,
    SessionResumptionConfig,
)
from livesession.audio import PcmInput
from livesession.audio import start_audio_conversation as start
from livesession.audio.answer_tracker import DOUBT, QUIET, AnswerTracker
from livesession.messages.content import Content, Part
from tests.audio.conversing import LOUD, MANUAL, Ear, Line, audio_sent, hears_key, speech
from tests.kit.servers import script_server
from tests.kit.waiting import PATIENCE, wait_until
from tests.tools.calling import DONE, call, session_with, tool_call

SPOKEN = LiveServerContent(model_turn=Content(role="model", parts=(Part(text="Well"),)))
OVER = LiveServerContent(turn_complete=True)
CUT = LiveServerContent(interrupted=True)
SOFT, SPEECH = {"is_loud": False}, {"is_loud": True}


@pytest.mark.parametrize(
    ("events", "patience"),
    [
        ([], QUIET),
        ([SOFT], 60),  # a soft voice
        ([SPEECH, SPOKEN], 60),
        ([SPEECH, SPOKEN, OVER], QUIET),
        ([SPEECH, OVER], QUIET),
        ([SPEECH, SPOKEN, OVER, SOFT], QUIET),  # the room
        ([SPEECH, SPOKEN, OVER, SPEECH], DOUBT),
        ([SPEECH, SPOKEN, OVER, SPEECH, SOFT], DOUBT),
        ([SPEECH, SPOKEN, OVER, SPEECH, SPOKEN], 60),
        ([SPEECH, SPOKEN, SPEECH, CUT, OVER], 60),
        ([SPEECH, SPOKEN, SPEECH, CUT, OVER, SPOKEN, OVER], QUIET),
        ([SPEECH, SPOKEN, OVER, LiveServerToolCall()], 60),
        ([SPEECH, SPOKEN, OVER, LiveSessionResumed()], 60),
    ],
)
def test_an_answer_that_is_owed_is_waited_for_and_what_may_be_one_to_a_noise_not_as_long(events, patience):
    answer = AnswerTracker(60)
    for event in events:
        if isinstance(event, dict):
            answer.heard(**event)
        else:
            answer.take(event)
    assert answer.patience == patience


def test_a_model_that_was_asked_is_waited_for_though_the_room_is_silent_then():
    answer = AnswerTracker(60)
    answer.take(SPOKEN)
    answer.take(OVER)
    answer.asked()
    answer.heard(**SOFT)
    assert answer.patience == 60


@pytest.fixture
def short_quiet(monkeypatch):
    """Seconds after which a model that owes nothing has said all."""
    monkeypatch.setattr("livesession.audio.answer_tracker.QUIET", 0.1)
    return 0.1


def test_a_model_that_thinks_for_long_before_its_first_word_is_heard(short_quiet):
    ear = Ear()
    with session_with() as (model, session):
        controller = start(session, input=PcmInput([LOUD]), output=ear)
        hears_key(model, "audioStreamEnd")
        assert not controller.wait(4 * short_quiet)
        model.say(speech(100), DONE)
        assert controller.wait(PATIENCE)
    assert len(ear.heard) == 2 * 24 * 100


def test_a_long_answer_is_played_to_its_end(short_quiet):
    line, ear = Line(), Ear()
    with session_with() as (model, session), start(session, input=PcmInput(line), output=ear) as controller:
        line.speak()
        audio_sent(model)
        line.hang_up()
        model.say(speech(500), DONE)
        assert controller.wait(PATIENCE)
    assert len(ear.heard) == 2 * 24 * 500


def test_what_was_said_in_push_to_talk_waits_for_its_answer_too(short_quiet):
    with session_with(generation_config=MANUAL) as (model, session):
        spoken = threading.Event()

        def line():
            assert spoken.wait(PATIENCE)
            yield LOUD

        controller = start(session, input=PcmInput(line()), output=Ear())
        controller.begin_talking()
        spoken.set()
        hears_key(model, "activityEnd")
        assert not controller.wait(4 * short_quiet)
        model.say(DONE)
        assert controller.wait(PATIENCE)


def test_silence_waits_for_no_answer(short_quiet):
    with session_with() as (_, session):
        controller = start(session, input=PcmInput([bytes(640)]), output=Ear())
        assert controller.wait(PATIENCE)


def test_a_model_that_never_answers_is_given_up_after_the_time_limit_of_a_turn(short_quiet, caplog):
    options = SessionOptions(turn_timeout=0.3)
    with session_with(options=options) as (_, session), caplog.at_level(logging.WARNING, "livesession"):
        controller = start(session, input=PcmInput([LOUD]), output=Ear())
        assert controller.wait(PATIENCE)
        assert controller.error is None
    assert "the model has not answered within 0.3 s" in caplog.text


@pytest.mark.parametrize("is_tool", [True, False])
def test_a_slow_function_does_not_end_the_conversation(short_quiet, is_tool):
    may_end, ear = threading.Event(), Ear()

    def slow() -> str:
        assert may_end.wait(PATIENCE)
        return "found"

    def handle(calls):
        return [FunctionResponse(id=calls[0].id, response={"output": slow()})]

    tool = slow if is_tool else FunctionDeclaration(name="slow")
    with session_with(tool, options=SessionOptions(turn_timeout=0.3)) as (model, session):
        controller = start(session, input=PcmInput([LOUD]), output=ear, function_calling_handler=handle)
        hears_key(model, "audioStreamEnd")
        model.say(tool_call(call("slow")))
        assert not controller.wait(4 * short_quiet)
        may_end.set()
        assert model.answer()["response"] == {"output": "found"}
        model.say(speech(100), DONE)
        assert controller.wait(PATIENCE)
    assert len(ear.heard) == 2 * 24 * 100


def test_a_call_that_nobody_answers_does_not_hold_the_conversation_for_ever(short_quiet):
    with session_with(FunctionDeclaration(name="by_hand"), options=SessionOptions(turn_timeout=0.5)) as (
        model,
        session,
    ):
        controller = start(session, input=PcmInput([LOUD]), output=Ear())
        model.say(tool_call(call("by_hand")))
        assert controller.wait(PATIENCE)
        assert session.pending_calls


@pytest.mark.parametrize(
    "answers", [[FunctionResponse(id="another", response={})], [FunctionResponse(id="1", response=3)], ["no"], None]
)
def test_an_answer_of_the_handler_that_cannot_be_sent_is_an_error_for_the_model(answers):
    with session_with(FunctionDeclaration(name="by_hand")) as (model, session):
        handled = start(session, input=PcmInput(Line()), output=Ear(), function_calling_handler=lambda calls: answers)
        with handled:
            model.say(tool_call(call("by_hand", "1")))
            answer = next(message for message in iter(model.hears, None) if "toolResponse" in message)
            [response] = answer["toolResponse"]["functionResponses"]
            assert (response["id"], list(response["response"])) == ("1", ["error"])
            wait_until(lambda: not session.pending_calls)


def test_a_handler_may_leave_the_answer_for_later():
    with session_with(FunctionDeclaration(name="by_hand")) as (model, session):
        handled = threading.Event()

        def handle(calls):
            handled.set()
            return []

        with start(session, input=PcmInput(Line()), output=Ear(), function_calling_handler=handle):
            model.say(tool_call(call("by_hand", "1")))
            assert handled.wait(PATIENCE)
            session.send_function_responses([FunctionResponse(id="1", response={"output": 1})])
            assert model.answer()["response"] == {"output": 1}


def test_a_handler_that_outlives_the_conversation_still_answers(monkeypatch):
    monkeypatch.setattr("livesession.audio.controller.RELEASE", 0.1)
    began, may_end = threading.Event(), threading.Event()

    def handle(calls):
        began.set()
        assert may_end.wait(PATIENCE)
        return [FunctionResponse(id="1", response={"output": "late"})]

    with session_with(FunctionDeclaration(name="by_hand")) as (model, session):
        controller = start(session, input=PcmInput([LOUD] * 3), output=Ear(), function_calling_handler=handle)
        audio_sent(model)
        model.say(tool_call(call("by_hand", "1")))
        assert began.wait(PATIENCE)
        controller.stop()
        assert not session.in_conversation
        may_end.set()
        while "toolResponse" not in (message := model.hears()):
            pass
        assert message["toolResponse"]["functionResponses"][0]["response"] == {"output": "late"}


def test_what_was_cut_off_when_the_session_was_resumed_is_played_and_closed_and_the_conversation_goes_on():
    visits, said, ear = itertools.count(), [], Ear()

    def serve(peer):
        peer.accept()
        if next(visits) == 0:
            peer.send({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}}, speech(30))
            peer.send({"serverContent": {"outputTranscription": {"text": "I was ab"}}})
            peer.drop()
        else:
            peer.send(speech(100), {"serverContent": {"outputTranscription": {"text": "Again"}}}, DONE)
            peer.wait_for_end()

    with script_server(serve) as server:
        with server.model().connect(session_resumption=SessionResumptionConfig()) as session:
            with start(session, input=PcmInput(Line()), output=ear, on_transcript=said.append) as controller:
                wait_until(lambda: controller.statistics.played_ms == 130)
                assert controller.error is None
    assert [text.text for text in said if text.is_final] == ["I was ab", "Again"]
