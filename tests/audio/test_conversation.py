"""Audio conversations without a sound card: PCM and files in the place of microphone and loudspeaker."""

from __future__ import annotations

import logging
import threading
from array import array

import pytest

from livesession import (
    AudioDeviceError,
    AudioTranscriptionConfig,
    ConcurrentReceiveError,
    ConnectionClosedError,
    FunctionDeclaration,
    FunctionResponse,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveServerContent,
    LiveServerToolCall,
    SessionClosedError,
)
from livesession.audio import CallbackOutput, PcmInput, SpokenText, WavFile, WavInput, WavOutput
from livesession.audio import start_audio_conversation as start
from livesession.cli import __path__ as cli_path
from livesession.emulator import LiveEmulator
from tests.audio.conversing import BLOCK, LOUD, MANUAL, Ear, Line, Room, RoomInput, audio_sent, hears_key, speech
from tests.kit.waiting import PATIENCE, wait_until
from tests.tools.calling import DONE, call, said, session_with, tool_call

QUESTION = f"{cli_path[0]}/question.wav"


def test_a_spoken_question_goes_in_and_the_answer_comes_out_with_both_transcripts(tmp_path):
    said_texts: list[SpokenText] = []
    config = LiveGenerationConfig(
        input_audio_transcription=AudioTranscriptionConfig(), output_audio_transcription=AudioTranscriptionConfig()
    )
    with LiveEmulator() as emulator:
        model = LiveGenerativeModel("m-live", backend=emulator.backend(), generation_config=config)
        with model.connect() as session:
            into, out = WavInput(QUESTION, pace=4, silence_after=1), WavOutput(tmp_path / "heard.wav")
            controller = start(session, input=into, output=out, on_transcript=said_texts.append)
            assert session.in_conversation
            assert controller.wait(PATIENCE)
            assert not session.in_conversation
            assert session.ask("Still there?").complete
    heard = WavFile(tmp_path / "heard.wav")
    loud = sum(any(abs(sample) > 500 for sample in array("h", block)) for block in heard.blocks(20))
    assert 0.8 < loud * 0.02 < WavFile(QUESTION).seconds
    final = {text.role: text.text for text in said_texts if text.is_final}
    assert final["model"].startswith("You spoke for ")
    assert final["user"]


def test_all_audio_of_a_message_is_played_and_counted():
    ear = Ear()
    with session_with() as (model, session), start(session, input=PcmInput(Line()), output=ear) as controller:
        parts = [part for _ in range(3) for part in speech(40)["serverContent"]["modelTurn"]["parts"]]
        model.say({"serverContent": {"modelTurn": {"parts": parts}}}, DONE)
        wait_until(lambda: len(ear.heard) == 2 * 24 * 120)
        assert controller.statistics.played_ms == 120
        wait_until(lambda: controller.state == "listening")


def test_what_is_not_played_when_the_user_cuts_in_is_dropped():
    ear = Ear()
    with session_with() as (model, session), start(session, input=PcmInput(Line()), output=ear) as controller:
        model.say(speech(5000))
        wait_until(lambda: len(ear.heard) > 0)
        assert controller.state == "speaking"
        model.say({"serverContent": {"interrupted": True}}, DONE)
        wait_until(lambda: controller.statistics.interruptions)
        wait_until(lambda: controller.state == "listening")
        statistics = controller.statistics
        assert statistics.cut_ms + statistics.played_ms == pytest.approx(5000, abs=1)
        assert statistics.cut_ms > 1000


def test_the_microphone_counts_as_silent_while_a_loudspeaker_without_an_echo_canceller_plays():
    line, room = Line(), Room()
    microphone = PcmInput(line, is_microphone=True)
    with session_with() as (model, session), start(session, input=microphone, output=room) as controller:
        line.speak()
        assert any(audio_sent(model))
        model.say(speech(5000))
        wait_until(lambda: controller.state == "speaking")
        line.speak()
        assert not any(audio_sent(model))
        assert controller.statistics.held_ms == 20
        model.say({"serverContent": {"interrupted": True}}, DONE)
        wait_until(lambda: controller.state == "listening")
        wait_until(lambda: (line.speak(), any(audio_sent(model)))[1])


def test_with_headphones_the_microphone_is_heard_while_the_model_speaks():
    line = Line()
    with session_with() as (model, session):
        with start(session, input=RoomInput(line), output=Room(), half_duplex=False) as controller:
            model.say(speech(2000))
            wait_until(lambda: controller.state == "speaking")
            line.speak()
            assert any(audio_sent(model))


class Untouched:
    """An echo canceller for a room without echoes."""

    def played(self, pcm: bytes) -> None:
        pass

    def cleaned(self, pcm: bytes) -> bytes:
        return pcm


def test_with_an_echo_canceller_the_microphone_is_heard_while_the_model_speaks():
    line = Line()
    with session_with() as (model, session):
        with start(session, input=RoomInput(line), output=Room(), echo_canceller=Untouched()) as controller:
            model.say(speech(2000))
            wait_until(lambda: controller.state == "speaking")
            line.speak()
            assert any(audio_sent(model))


def test_the_silence_between_two_turns_is_no_underrun():
    ear = Ear()
    with session_with() as (model, session), start(session, input=PcmInput(Line()), output=ear) as controller:
        for number in (1, 2):
            model.say(speech(100), DONE)
            wait_until(lambda number=number: len(ear.heard) == number * 2 * 24 * 100)
            wait_until(lambda: controller.state == "listening")
        assert controller.statistics.underruns == 0


def test_the_time_from_the_user_s_last_sound_to_the_model_s_first_is_measured():
    line = Line()
    with session_with() as (model, session), start(session, input=PcmInput(line), output=Ear()) as controller:
        assert controller.statistics.response_ms is None
        line.speak()
        audio_sent(model)
        model.say(speech(100), DONE)
        wait_until(lambda: controller.statistics.response_ms)
        assert 0 < controller.statistics.response_ms < 1000 * PATIENCE


def test_other_consumers_are_refused_meanwhile():
    with session_with() as (_, session), start(session, input=PcmInput(Line()), output=Ear()):
        with pytest.raises(ConcurrentReceiveError):
            session.ask("Hello?")
        with pytest.raises(ConcurrentReceiveError, match="audio conversation already"):
            start(session, input=PcmInput(Line()), output=Ear())


def test_a_second_conversation_can_begin_at_once_and_nothing_is_lost_in_between():
    with session_with() as (model, session):
        for _ in range(2):
            start(session, input=PcmInput(Line()), output=Ear()).stop()
        model.say(said("after it"), DONE)
        assert session.receive_turn().collect().text == "after it"
        assert not session.in_conversation


def test_it_can_be_stopped_from_a_callback():
    controllers = []
    with session_with() as (model, session):
        controllers.append(
            start(session, input=PcmInput(Line()), output=Ear(), on_message=lambda message: controllers[0].stop())
        )
        model.say(DONE)
        assert controllers[0].wait(PATIENCE)
        assert controllers[0].state == "over"


def test_a_callback_that_fails_is_logged_and_the_conversation_goes_on(caplog):
    seen = threading.Event()

    def fail(message: object) -> None:
        seen.set()
        raise ValueError("mine")

    with session_with() as (model, session), caplog.at_level(logging.ERROR, "livesession"):
        with start(session, input=PcmInput(Line()), output=Ear(), on_message=fail) as controller:
            model.say(DONE)
            assert seen.wait(PATIENCE)
            assert not controller.wait(0)
    assert "a callback of the audio conversation failed" in caplog.text


def test_an_input_that_fails_ends_the_conversation_and_not_the_session():
    def broken():
        yield LOUD
        raise OSError("unplugged")

    with session_with() as (_, session):
        controller = start(session, input=PcmInput(broken()), output=Ear())
        with pytest.raises(AudioDeviceError, match="unplugged"):
            controller.wait(PATIENCE)
        assert isinstance(controller.error, AudioDeviceError)
        assert not session.is_closed
        assert not session.in_conversation
        start(session, input=PcmInput(Line()), output=Ear()).stop()


def test_an_output_that_fails_ends_the_conversation_and_not_the_session():
    def broken(pcm: bytes) -> None:
        raise OSError("unplugged")

    with session_with() as (_, session):
        controller = start(session, input=PcmInput(Line()), output=CallbackOutput(broken))
        with pytest.raises(AudioDeviceError, match="unplugged"):
            controller.wait(PATIENCE)
        assert not session.is_closed


def test_the_end_of_the_session_ends_it_with_the_error_of_the_session():
    with session_with() as (model, session):
        controller = start(session, input=PcmInput(Line()), output=Ear())
        model.peer.close(1008, "no")
        with pytest.raises(ConnectionClosedError, match="no"):
            controller.wait(PATIENCE)
        assert not session.in_conversation


def test_a_closed_session_cannot_converse():
    with session_with() as (_, session):
        session.close()
        with pytest.raises(SessionClosedError):
            start(session, input=PcmInput(Line()), output=Ear())


def test_closing_the_session_ends_it_quietly():
    with session_with() as (_, session):
        controller = start(session, input=PcmInput(Line()), output=Ear())
        session.close()
        assert controller.wait(PATIENCE)
        assert controller.error is None


def test_the_handler_gets_the_calls_that_no_function_answers_and_playing_goes_on_meanwhile():
    ear, may_end, handled = Ear(), threading.Event(), []

    def add(a: int) -> int:
        return a + 1

    def handle(calls) -> list[FunctionResponse]:
        handled.extend(each.name for each in calls)
        assert may_end.wait(PATIENCE)
        return [FunctionResponse(id=each.id, response={"output": "by hand"}) for each in calls]

    with session_with(add, FunctionDeclaration(name="by_hand")) as (model, session):
        with start(session, input=PcmInput(Line()), output=ear, function_calling_handler=handle):
            model.say(tool_call(call("add", "1", a=1), call("by_hand", "2"), call("by_hand", "3")))
            assert model.answer()["response"] == {"output": 2}
            model.say(speech(60), DONE)
            wait_until(lambda: len(ear.heard) == 2 * 24 * 60)
            may_end.set()
            assert [answer["id"] for answer in model.answers(2)] == ["2", "3"]
    assert handled == ["by_hand", "by_hand"]


def test_a_handler_that_fails_answers_with_the_error():
    def handle(calls) -> FunctionResponse:
        raise LookupError("nothing there")

    with session_with(FunctionDeclaration(name="by_hand")) as (model, session):
        with start(session, input=PcmInput(Line()), output=Ear(), function_calling_handler=handle):
            model.say(tool_call(call("by_hand", "1")))
            assert model.answer()["response"] == {"error": "LookupError: nothing there"}


def test_muting_says_that_the_microphone_pauses_and_sends_nothing_until_it_is_taken_back():
    line = Line()
    with session_with() as (model, session), start(session, input=PcmInput(line), output=Ear()) as controller:
        controller.muted = True
        hears_key(model, "audioStreamEnd")
        line.speak()
        wait_until(lambda: controller.statistics.held_ms == 20)
        controller.muted = False
        line.speak(LOUD[:320])
        assert len(audio_sent(model)) == 320


def test_push_to_talk_sends_only_what_is_said_between_the_marks():
    line = Line()
    with session_with(generation_config=MANUAL) as (model, session):
        with start(session, input=PcmInput(line), output=Ear()) as controller:
            assert controller.muted
            line.speak()
            wait_until(lambda: controller.statistics.held_ms == 20)
            controller.begin_talking()
            hears_key(model, "activityStart")
            line.speak()
            assert len(audio_sent(model)) == BLOCK
            controller.end_talking()
            hears_key(model, "activityEnd")


def test_every_message_is_shown():
    seen = []
    with session_with(FunctionDeclaration(name="by_hand")) as (model, session):
        with start(session, input=PcmInput(Line()), output=Ear(), on_message=seen.append):
            model.say(said("text"), tool_call(call("by_hand")), {"serverContent": {"interrupted": True}}, DONE)
            wait_until(lambda: len(seen) == 4)
    assert [type(message) for message in seen] == [LiveServerContent, LiveServerToolCall, *[LiveServerContent] * 2]


def test_a_rest_of_speech_before_a_pause_does_not_shut_the_microphone_for_good():
    line, room = Line(), Room()
    with session_with() as (model, session), start(session, input=RoomInput(line), output=room) as controller:
        model.say(speech(30))
        wait_until(lambda: controller.state == "speaking")
        wait_until(lambda: (line.speak(), any(audio_sent(model)))[1])
        assert controller.statistics.played_ms == 30
