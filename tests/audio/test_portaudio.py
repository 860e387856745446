"""The microphone and the loudspeaker through real PortAudio, with PulseAudio in the place of the hardware."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from livesession import AudioDeviceError
from livesession.audio.device_protocols import AudioInput, AudioOutput
from livesession.audio.portaudio import Microphone, Speaker, list_devices
from tests.audio.devices import Listener, Player, never
from tests.audio.sound import Sound, correlation
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.audio

ROOT = Path(__file__).parents[2]
SENTENCE = "Can you hear me well?"
FORMS = [{}, {"rate": 16_000}, {"rate": 48_000, "channels": 2, "block_ms": 7}]


@pytest.mark.parametrize("form", FORMS)
def test_the_microphone_hears_what_is_said_in_the_room(rig, form):
    with closing(Microphone(**form)) as microphone:
        listener = Listener(microphone)
        listener.wait_for_more()
        said = rig.say(SENTENCE)
        listener.wait_for_more(20)
    listener.result()
    size = microphone.rate * form.get("block_ms", 20) // 1000 * 2 * microphone.channels
    assert correlation(listener.sound, said) > 0.8
    assert {len(block) for block in listener.blocks} == {size}
    assert microphone.dropped_ms == 0


@pytest.mark.parametrize("form", FORMS)
def test_the_loudspeaker_plays_what_is_rendered_without_gaps(rig, form):
    said = Sound.of_wav(rig.speech(SENTENCE))
    with closing(Speaker(**form)) as speaker, rig.record() as recording:
        player = Player(said.pcm(speaker.rate, speaker.channels), speaker.channels)
        speaker.start(player, never)
        wait_until(lambda: not player.pcm)
        time.sleep(0.3)
        assert 0 < speaker.latency < 200
    assert correlation(recording.sound, said) > 0.95  # a gap in the middle would leave half of it in its place


def test_a_slow_consumer_loses_the_oldest_and_is_told_how_much(rig):
    microphone = Microphone(buffer_ms=100)
    blocks = microphone.blocks()
    next(blocks)
    began = time.monotonic()
    time.sleep(0.6)
    lost = microphone.dropped_ms
    kept = [next(blocks) for _ in range(5)]
    took = time.monotonic() - began
    microphone.close()
    assert 400 <= lost <= 520
    assert took < 0.65
    assert len(kept) == 5
    assert list(blocks) == []


def test_what_portaudio_has_lost_before_counts_too(rig):
    microphone = Microphone(rate=16_000)
    for number, (begins_at, overflows) in enumerate([(5.0, True), (5.02, False), (5.34, True), (5.36, False)]):
        times, status = SimpleNamespace(inputBufferAdcTime=begins_at), SimpleNamespace(input_overflow=overflows)
        microphone._hear(bytes(640), times, status)
        assert microphone.dropped_ms == pytest.approx(0 if number < 2 else 300)


def test_close_ends_a_waiting_iterator_at_once(rig):
    listener = Listener(Microphone(block_ms=1500))
    wait_until(lambda: rig.listeners() == 1)
    began = time.monotonic()
    listener.microphone.close()
    listener.result()
    listener.microphone.close()
    assert time.monotonic() - began < 0.5
    assert listener.blocks == []
    assert rig.listeners() == 0


def test_the_next_one_can_be_opened_right_after_close(rig):
    for _ in range(5):
        with closing(Microphone()) as microphone, closing(Speaker()) as speaker:
            speaker.start(Player(), never)
            assert next(microphone.blocks())


def test_leaving_the_loop_closes_the_microphone(rig):
    for _ in Microphone().blocks():
        break
    gc.collect()
    assert rig.listeners() == 0


def test_each_is_for_once(rig):
    microphone, speaker = Microphone(), Speaker()
    first = microphone.blocks()
    next(first)
    with pytest.raises(AudioDeviceError, match="used before"):
        next(microphone.blocks())
    assert next(first)
    speaker.start(Player(), never)
    with pytest.raises(AudioDeviceError, match="used before"):
        speaker.start(Player(), never)
    microphone.close()
    speaker.close()
    with pytest.raises(AudioDeviceError, match="closed"):
        speaker.start(Player(), never)


def test_one_that_is_closed_before_it_is_opened_stays_closed(rig):
    microphone = Microphone()
    microphone.close()
    assert list(microphone.blocks()) == []


def test_render_is_not_called_after_close(rig):
    player = Player()
    speaker = Speaker()
    speaker.start(player, never)
    wait_until(lambda: player.asked_at)
    speaker.close()
    closed = time.monotonic()
    time.sleep(0.1)
    assert player.asked_at < closed


def test_what_render_raises_is_told_once_and_silence_follows(rig):
    told, calls = [], []

    def render(frames):
        calls.append(frames)
        raise KeyError("no sound")

    with closing(Speaker()) as speaker, rig.record() as recording:
        speaker.start(render, told.append)
        wait_until(lambda: told)
        time.sleep(0.2)
    assert [repr(error) for error in told] == ["KeyError('no sound')"]
    assert len(calls) == 1
    assert recording.sound.first_sound is None


def test_who_is_told_of_a_failure_may_close(rig):
    speaker = Speaker()
    closed = []
    speaker.start(lambda frames: 1 / 0, lambda error: closed.append(speaker.close()))
    wait_until(lambda: closed)
    assert rig.speakers() == 0


def test_a_device_is_found_by_a_part_of_its_name_and_by_its_index(rig):
    headset = next(device for device in list_devices() if device.name == "headset")
    assert Microphone("Head").name == Speaker(headset.index).name == "headset"
    assert repr(Microphone("head", rate=8_000)) == "Microphone('headset', 8000 Hz, 1 channels)"
    with closing(Microphone("head")) as microphone:
        assert next(microphone.blocks())


def test_both_are_what_a_conversation_wants(rig):
    assert isinstance(Microphone(), AudioInput)
    assert isinstance(Speaker(is_loudspeaker=False), AudioOutput)
    assert (Speaker().is_loudspeaker, Speaker(is_loudspeaker=False).is_loudspeaker) == (True, False)
    assert Microphone().rate == Speaker().rate == 44_100


def test_the_list_has_every_device_and_marks_the_default(rig):
    devices = {device.name: device for device in list_devices()}
    assert set(devices) == {"default", "headset"}
    default = devices["default"]
    assert (default.host_api, default.default_rate, default.directions) == ("ALSA", 44_100, ("input", "output"))
    assert default.is_default_input
    assert default.is_default_output
    assert not devices["headset"].is_default_input


def test_the_command_lists_them(rig):
    command = [sys.executable, "-m", "livesession", "devices"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [
        f"{'*' if device.is_default_input else ' '}  {device.index}  {device.name}  (ALSA, 32 channels, 44100 Hz)"
        for device in list_devices()
    ]
    assert lines == ["Microphones", *rows, "Loudspeakers", *rows]
