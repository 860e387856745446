"""An audio conversation through real PortAudio: what is said into the microphone comes back from the loudspeaker."""

from __future__ import annotations

import pytest

from livesession import AudioDeviceError, AudioTranscriptionConfig, LiveGenerationConfig, LiveGenerativeModel
from livesession.audio import SpokenText, start_audio_conversation
from livesession.emulator import LiveEmulator, Speech, UserTurn
from livesession.emulator.speech.sound import to_output_rate
from tests.audio.rig import RATE
from tests.audio.sound import Sound, correlation
from tests.kit.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.audio

SENTENCE = "Can you hear me well?"
BYTES_A_SECOND = 2 * RATE
CONFIG = LiveGenerationConfig(output_audio_transcription=AudioTranscriptionConfig())


def say_it_back(turn: UserTurn) -> Speech:
    return Speech(to_output_rate(turn.audio), "You said something.")


def talk_for_long(turn: UserTurn) -> Speech | None:
    """And then hold its tongue."""
    return None if turn.history else Speech(to_output_rate(turn.audio) * 20, "This takes a while.")


@pytest.fixture
def talk(rig):
    """Opens a session with an emulator whose model answers so, and talks with it through the default devices."""
    opened = []

    def start(responder, **options):
        emulator = LiveEmulator(responder, pace=1.5).start()
        opened.append(emulator.stop)
        session = LiveGenerativeModel("m-live", backend=emulator.backend(), generation_config=CONFIG).connect()
        opened.append(session.close)
        return session, start_audio_conversation(session, **options)

    yield start
    while opened:
        opened.pop()()


def test_what_is_said_into_the_microphone_comes_back_from_the_loudspeaker(rig, talk):
    said_texts: list[SpokenText] = []
    with rig.record() as recording:
        session, controller = talk(say_it_back, on_transcript=said_texts.append)
        with controller:
            wait_until(lambda: controller.statistics.sent_ms > 200)
            said = rig.say(SENTENCE)
            wait_until(lambda: any(text.is_final for text in said_texts))
            wait_until(lambda: controller.state == "listening")
            heard = len(recording.pcm)
            wait_until(lambda: len(recording.pcm) > heard + BYTES_A_SECOND)  # what the device held, and silence
        assert not session.in_conversation
        statistics = controller.statistics
    assert correlation(recording.sound, said) > 0.8
    assert statistics.played_ms == pytest.approx(said.seconds * 1000, abs=600)
    assert statistics.held_ms > 0  # the microphone is silent while the loudspeaker plays
    assert statistics.underruns == 0
    assert 0 < statistics.response_ms < 3000
    assert [text.text for text in said_texts if text.is_final] == ["You said something."]


def test_the_user_can_cut_in_and_the_loudspeaker_falls_silent(rig, talk):
    with rig.record() as recording:
        _, controller = talk(talk_for_long, half_duplex=False)
        with controller:
            wait_until(lambda: controller.statistics.sent_ms > 200)
            rig.say(SENTENCE)
            wait_until(lambda: controller.statistics.played_ms > 500)
            rig.say("Stop now, please.")
            wait_until(lambda: controller.statistics.interruptions)
            played = controller.statistics.played_ms
            begun = len(recording.pcm)
            wait_until(lambda: len(recording.pcm) > begun + BYTES_A_SECOND // 2)
            silence = recording.pcm[begun + BYTES_A_SECOND // 4 : begun + BYTES_A_SECOND // 2]
            assert controller.statistics.cut_ms > 100
            assert controller.statistics.played_ms - played < 250
    assert Sound.of_pcm(bytes(silence), RATE).first_sound is None


def test_a_microphone_that_vanishes_ends_the_conversation_and_the_session_lives_on(rig, talk):
    session, controller = talk(say_it_back)
    wait_until(lambda: controller.statistics.sent_ms > 200)
    rig.kill()
    with pytest.raises(AudioDeviceError):
        controller.wait(PATIENCE)
    assert not session.is_closed
    assert not session.in_conversation
    assert session.ask("Are you still there?").complete


def test_a_second_conversation_can_begin_at_once(rig, talk):
    session, controller = talk(say_it_back)
    wait_until(lambda: controller.statistics.sent_ms > 100)
    controller.stop()
    with start_audio_conversation(session) as again:
        wait_until(lambda: again.statistics.sent_ms > 100)
    assert again.error is None
