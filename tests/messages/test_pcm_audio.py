"""`PcmAudio`: bytes that know their sample rate."""

from __future__ import annotations

import copy
import pickle

import pytest

from livesession import ConfigurationError, LiveGenerativeModel, PcmAudio
from livesession.audio import WavFile, write_wav
from livesession.emulator import LiveEmulator

TENTH = b"\x00\x20\x00\xe0" * 1_200  # at 24,000 Hz


def test_it_is_bytes_in_every_way_but_its_repr():
    audio = PcmAudio(TENTH)
    assert audio == TENTH
    assert hash(audio) == hash(TENTH)
    assert isinstance(audio, bytes)
    assert f"{audio!r} {audio}" == "<PcmAudio, 0.1 s, 24000 Hz> <PcmAudio, 0.1 s, 24000 Hz>"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda audio: pickle.loads(pickle.dumps(audio))])
def test_a_copy_knows_the_rate_too(copied):
    audio = copied(PcmAudio(TENTH, 16_000))
    assert (audio, audio.rate, audio.seconds) == (TENTH, 16_000, 0.15)


def test_a_turn_holds_what_the_model_spoke_with_its_rate(tmp_path):
    with LiveEmulator() as emulator:
        with LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend()).connect() as session:
            turn = session.ask("Hello")
    assert (type(turn.audio), turn.audio.rate, turn.audio.seconds) == (PcmAudio, 24_000, turn.audio_seconds)
    write_wav(tmp_path / "answer.wav", turn.audio)
    assert b"".join(WavFile(tmp_path / "answer.wav").blocks()) == turn.audio


def test_it_is_sent_with_its_rate():
    with LiveEmulator() as emulator:
        with LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend()).connect() as session:
            session.send_audio_realtime(PcmAudio(TENTH))
            session.send_media_stream([PcmAudio(TENTH, 16_000)])
            emulator.wait_for(lambda received: "16000" in str(received.message))
        sent = [received.message["realtimeInput"]["audio"] for received in emulator.received[1:]]
    assert [piece["mimeType"] for piece in sent] == ["audio/pcm;rate=24000", "audio/pcm;rate=16000"]


@pytest.mark.parametrize(
    ("pcm", "rate", "error"), [(TENTH, 0, ConfigurationError), ("question.wav", 24_000, TypeError)]
)
def test_what_is_no_sound_is_refused(pcm, rate, error):
    with pytest.raises(error, match=r"not 0|not str"):
        PcmAudio(pcm, rate)
