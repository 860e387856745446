"""What the server is told of the microphone: in push to talk it ends the session for a mark or a sound too many."""

from __future__ import annotations

import threading

import pytest

from livesession import InvalidRequestError, LiveGenerativeModel, LiveSession, SendTimeout, SessionOptions
from livesession.audio import PcmInput
from livesession.audio import start_audio_conversation as start
from livesession.emulator import LiveEmulator
from tests.audio.conversing import LOUD, MANUAL, Ear, Line, audio_sent, hears_key
from tests.kit.inside import writer_busy
from tests.kit.waiting import PATIENCE, InThread, wait_until
from tests.tools.calling import session_with


def realtime_inputs(emulator):
    return [next(iter(each.message["realtimeInput"])) for each in emulator.received if "realtimeInput" in each.message]


@pytest.fixture
def pushed():
    """An emulator, and a session with it in which the user pushes to talk."""
    with LiveEmulator() as emulator:
        model = LiveGenerativeModel("m-live", backend=emulator.backend(), generation_config=MANUAL)
        with model.connect() as session:
            yield emulator, session


def test_to_begin_twice_and_to_end_twice_is_to_do_it_once(pushed):
    emulator, session = pushed
    with start(session, input=PcmInput(Line()), output=Ear()) as controller:
        controller.end_talking()
        for _ in range(2):
            controller.begin_talking()
        for _ in range(2):
            controller.end_talking()
        emulator.wait_for(lambda received: "activityEnd" in received.message.get("realtimeInput", {}), PATIENCE)
    assert realtime_inputs(emulator) == ["activityStart", "activityEnd"]
    assert session.ask("Still there?").complete


def test_to_begin_that_could_not_be_sent_can_be_tried_again():
    options = SessionOptions(send_timeout=0.05)
    with session_with(generation_config=MANUAL, options=options) as (model, session):
        with start(session, input=PcmInput(Line()), output=Ear()) as controller:
            with writer_busy(session), pytest.raises(SendTimeout):
                InThread(controller.begin_talking).result()
            controller.begin_talking()
            hears_key(model, "activityStart")


def test_to_take_the_mute_back_sends_no_sound_before_the_user_begins_to_talk(pushed):
    emulator, session = pushed
    line = Line()
    with start(session, input=PcmInput(line), output=Ear()) as controller:
        controller.muted = True
        controller.muted = False
        assert controller.muted
        line.speak()
        wait_until(lambda: controller.statistics.held_ms == 20)
    assert realtime_inputs(emulator) == []
    assert session.ask("Still there?").complete


def test_muted_in_the_middle_of_talking_nothing_is_sent_until_it_is_taken_back():
    line = Line()
    with session_with(generation_config=MANUAL) as (model, session):
        with start(session, input=PcmInput(line), output=Ear()) as controller:
            controller.begin_talking()
            controller.muted = True
            line.speak(LOUD)
            wait_until(lambda: controller.statistics.held_ms == 20)
            controller.muted = False
            line.speak(LOUD[:320])
            assert len(audio_sent(model)) == 320


def test_stopped_while_the_user_talks_the_server_is_told_and_the_next_conversation_can_begin(pushed):
    emulator, session = pushed
    for _ in range(2):
        with start(session, input=PcmInput(Line()), output=Ear()) as controller:
            controller.begin_talking()
        controller.begin_talking()
        controller.end_talking()
    assert session.ask("Still there?").complete
    assert realtime_inputs(emulator) == ["activityStart", "activityEnd"] * 2


class Stall:
    """Holds sound back on its way to the socket, until `may_send` is set."""

    def __init__(self, monkeypatch) -> None:
        self.is_sending, self.may_send = threading.Event(), threading.Event()
        send = LiveSession.send_audio_realtime

        def send_slowly(session, pcm):
            self.is_sending.set()
            assert self.may_send.wait(PATIENCE)
            send(session, pcm)

        monkeypatch.setattr(LiveSession, "send_audio_realtime", send_slowly)


@pytest.fixture
def stall(monkeypatch):
    stall = Stall(monkeypatch)
    yield stall
    stall.may_send.set()


def test_no_sound_follows_the_end_of_talking(stall):
    line = Line()
    with session_with(generation_config=MANUAL) as (model, session):
        with start(session, input=PcmInput(line), output=Ear()) as controller:
            controller.begin_talking()
            line.speak()
            assert stall.is_sending.wait(PATIENCE)
            ending = InThread(controller.end_talking)
            wait_until(lambda: controller.muted)
            ending.thread.join(0.1)
            assert ending.thread.is_alive()  # it waits for the sound that is on its way
            stall.may_send.set()
            ending.result()
            kinds = [next(iter(model.hears()["realtimeInput"])) for _ in range(3)]
            assert kinds == ["activityStart", "audio", "activityEnd"]


def test_to_mute_does_not_wait_for_a_network_that_hangs(stall, monkeypatch):
    monkeypatch.setattr("livesession.audio.uplink.SHUTS_WITHIN", 0.1)
    line = Line()
    with session_with() as (model, session), start(session, input=PcmInput(line), output=Ear()) as controller:
        line.speak()
        assert stall.is_sending.wait(PATIENCE)
        controller.muted = True
        stall.may_send.set()
        assert [next(iter(model.hears()["realtimeInput"])) for _ in range(2)] == ["audio", "audioStreamEnd"]


def test_push_to_talk_is_refused_where_the_server_listens_by_itself_and_the_microphone_stays_open():
    line = Line()
    with session_with() as (model, session), start(session, input=PcmInput(line), output=Ear()) as controller:
        for push in (controller.begin_talking, controller.end_talking):
            with pytest.raises(InvalidRequestError):
                push()
        assert not controller.muted
        line.speak()
        assert any(audio_sent(model))


def test_when_it_is_over_muting_tells_the_server_nothing():
    with session_with() as (model, session):
        controller = start(session, input=PcmInput(Line()), output=Ear())
        controller.stop()
        controller.muted = True
        model.hears_nothing_before(session)


def test_an_input_that_ends_while_the_user_talks_ends_his_turn():
    with session_with(generation_config=MANUAL) as (model, session):
        line = Line()
        controller = start(session, input=PcmInput(line), output=Ear())
        controller.begin_talking()
        line.hang_up()
        hears_key(model, "activityEnd")
        assert controller.muted
        controller.stop()
