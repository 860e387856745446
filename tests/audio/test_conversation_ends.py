"""However an audio conversation ends, and from wherever: devices and session are free, and nobody waits for it."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from livesession import AudioDeviceError, ConcurrentReceiveError, ConfigurationError, FunctionDeclaration
from livesession.audio import CallbackOutput, PcmInput, SpokenText
from livesession.audio import start_audio_conversation as start
from tests.audio.conversing import BLOCK, Ear, Line, audio_sent
from tests.kit.waiting import PATIENCE, wait_until
from tests.tools.calling import DONE, call, session_with, tool_call

AT_ONCE = 1.0  # seconds; less than the 2 that the devices and functions are given to end


class Stubborn:
    """A device whose `close()` raises when it has closed."""

    def close(self) -> None:
        super().close()
        raise OSError("unplugged")


class StubbornInput(Stubborn, PcmInput):
    pass


class StubbornEar(Stubborn, Ear):
    pass


def time_of_stop(controllers) -> float:
    begun = time.monotonic()
    controllers[0].stop()
    return time.monotonic() - begun


def test_devices_that_cannot_be_closed_are_logged_and_the_session_is_free(caplog):
    with session_with() as (_, session):
        controller = start(session, input=StubbornInput(Line()), output=StubbornEar())
        controller.stop()
        assert controller.state == "over"
        assert not session.in_conversation
        assert controller.wait(0)
        with start(session, input=PcmInput(Line()), output=Ear()) as again:
            assert again.state == "listening"
    for name in ("input", "output"):
        assert f"the {name} of an audio conversation could not be closed" in caplog.text


def test_stop_in_the_handler_of_function_calls_returns_at_once():
    controllers, took = [], []

    def handle(calls):
        took.append(time_of_stop(controllers))
        return []

    with session_with(FunctionDeclaration(name="by_hand")) as (model, session):
        controllers.append(start(session, input=PcmInput(Line()), output=Ear(), function_calling_handler=handle))
        model.say(tool_call(call("by_hand")))
        assert controllers[0].wait(PATIENCE)
        wait_until(lambda: took)
    assert took[0] < AT_ONCE


def test_stop_in_the_function_that_takes_the_sound_returns_at_once():
    controllers, took, may_stop = [], [], threading.Event()

    def hear(pcm):
        if not took and may_stop.is_set():
            took.append(time_of_stop(controllers))

    with session_with() as (_, session):
        controllers.append(start(session, input=PcmInput(Line()), output=CallbackOutput(hear)))
        may_stop.set()
        assert controllers[0].wait(PATIENCE)
        wait_until(lambda: took)
    assert took[0] < AT_ONCE


def test_stop_in_an_input_returns_at_once():
    controllers, took, may_stop = [], [], threading.Event()

    class Own(PcmInput):
        def blocks(self):
            assert may_stop.wait(PATIENCE)
            took.append(time_of_stop(controllers))
            yield bytes(BLOCK)

    with session_with() as (_, session):
        controllers.append(start(session, input=Own([]), output=Ear()))
        may_stop.set()
        assert controllers[0].wait(PATIENCE)
        wait_until(lambda: took)
    assert took[0] < AT_ONCE


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signals on this system")
def test_stop_in_a_signal_handler_ends_the_wait_that_it_interrupts():
    with session_with() as (_, session):
        controller = start(session, input=PcmInput(Line()), output=Ear())
        before = signal.signal(signal.SIGUSR1, lambda *_: controller.stop())
        sender = threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGUSR1])
        sender.start()
        try:
            assert controller.wait(PATIENCE)
        finally:
            sender.join()
            signal.signal(signal.SIGUSR1, before)
        assert not session.in_conversation


@pytest.mark.parametrize("name", ["livesession-audio", "livesession-audio-in"])
def test_where_the_system_gives_no_thread_devices_and_session_are_free(monkeypatch, name):
    usual = threading.Thread.start

    def refuse(thread):
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        usual(thread)

    ear = Ear()
    with session_with() as (_, session):
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(AudioDeviceError, match="no thread"):
                start(session, input=PcmInput(Line()), output=ear)
        assert not session.in_conversation
        with pytest.raises(AudioDeviceError, match="closed before"):
            ear.start(bytes, print)
        start(session, input=PcmInput(Line()), output=Ear()).stop()


def test_an_output_that_is_refused_leaves_session_and_input_free():
    with session_with() as (model, session):
        used, line = Ear(), Line()
        used.close()
        into = PcmInput(line)
        with pytest.raises(AudioDeviceError):
            start(session, input=into, output=used)
        assert not session.in_conversation
        with start(session, input=into, output=Ear()):
            line.speak()
            assert any(audio_sent(model))


def test_the_name_of_a_wav_file_is_refused_with_what_takes_it():
    with session_with() as (_, session):
        with pytest.raises(ConfigurationError, match=r"input is .*WavInput\('question\.wav'\)"):
            start(session, input="question.wav", output=Ear())
        with pytest.raises(ConfigurationError, match=r"output is .*WavOutput\('answer\.WAV'\)"):
            start(session, input=PcmInput(Line()), output="answer.WAV")


def test_something_that_is_no_device_is_a_type_error_and_leaves_the_session_free():
    with session_with() as (_, session):
        with pytest.raises(
            TypeError, match=r"input is the index or the name of a device, or an object such as WavInput\(path\)"
        ):
            start(session, input=[b"pcm"], output=Ear())
        with pytest.raises(TypeError, match="output is"):
            start(session, input=PcmInput(Line()), output=print)
        assert not session.in_conversation
        start(session, input=PcmInput(Line()), output=Ear()).stop()


def test_who_receives_right_after_the_start_is_refused_and_does_not_take_the_session_over(monkeypatch):
    usual = threading.Thread.start

    def start_late(thread):
        run = thread.run
        thread.run = lambda: (time.sleep(0.1), run())
        usual(thread)

    with session_with() as (_, session):
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start_late)
            controller = start(session, input=PcmInput(Line()), output=Ear())
        with controller:
            with pytest.raises(ConcurrentReceiveError):
                next(session.receive(timeout=0))
            assert not controller.wait(0)
            assert controller.error is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_in_a_process_that_was_forked_the_end_of_the_block_touches_nothing():
    with session_with() as (model, session), start(session, input=PcmInput(Line()), output=Ear()) as controller:
        child = os.fork()
        if not child:
            took = 2 * AT_ONCE
            try:
                took = time_of_stop([controller])
            finally:
                os._exit(took > AT_ONCE)
        assert os.waitpid(child, 0)[1] == 0
        assert controller.state == "listening"
        model.say(DONE)


def test_what_was_being_said_is_closed_when_the_conversation_ends():
    said: list[SpokenText] = []
    with session_with() as (model, session):
        controller = start(session, input=PcmInput(Line()), output=Ear(), on_transcript=said.append)
        model.say({"serverContent": {"outputTranscription": {"text": "I was ab"}}})
        wait_until(lambda: said)
        controller.stop()
    assert said[-1] == SpokenText("model", "I was ab", is_final=True)
