"""Devices that vanish, hang, or are not there, through real PortAudio; and processes that end without closing them."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from livesession import AudioDeviceError
from livesession.audio.portaudio import Microphone, Speaker
from livesession.audio.portaudio import device_stream as stream
from tests.audio.devices import Listener, Player, never
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.audio

ROOT = Path(__file__).parents[2]
TOLD_WITHIN = 2.0
VANISHING = [lambda rig: rig.kill(), lambda rig: rig.unload("room") or rig.unload("speaker")]


@pytest.mark.parametrize("take_away", VANISHING, ids=["killed", "unloaded"])
def test_devices_that_vanish_are_told_within_2_seconds(rig, take_away):
    told = []
    with closing(Microphone()) as microphone, closing(Speaker()) as speaker:
        listener = Listener(microphone)
        listener.wait_for_more()
        speaker.start(Player(), told.append)
        take_away(rig)
        began = time.monotonic()
        with pytest.raises(AudioDeviceError, match="The microphone 'default' has vanished"):
            listener.result()
        wait_until(lambda: told)
        assert time.monotonic() - began < TOLD_WITHIN
    assert [str(error) for error in told] == ["The loudspeaker 'default' has vanished."]


def test_a_sound_server_that_hangs_is_told_and_holds_up_nobody(rig, monkeypatch):
    monkeypatch.setattr(stream, "SETTLES_WITHIN", 0.0)
    monkeypatch.setattr(stream, "CLOSE_WITHIN", 0.5)
    told = []
    microphone, speaker = Microphone(), Speaker()
    listener = Listener(microphone)
    listener.wait_for_more()
    speaker.start(Player(), told.append)
    with rig.hanging():
        began = time.monotonic()
        with pytest.raises(AudioDeviceError, match="The microphone 'default' has stopped"):
            listener.result()
        wait_until(lambda: told)
        speaker.close()
        assert time.monotonic() - began < TOLD_WITHIN + 1
    assert [str(error) for error in told] == ["The loudspeaker 'default' has stopped."]
    wait_until(lambda: rig.listeners() == rig.speakers() == 0)


def test_a_sound_server_that_is_gone_refuses(rig):
    microphone, speaker = Microphone(), Speaker()
    rig.kill()
    with pytest.raises(AudioDeviceError, match="The microphone 'default' cannot be opened"):
        next(microphone.blocks())
    with pytest.raises(AudioDeviceError, match="The loudspeaker 'default' cannot be opened"):
        speaker.start(Player(), never)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"rate": 1}, "with 1 Hz and 1 channels: Invalid sample rate.*livesession devices"),
        ({"channels": 500}, "with 44100 Hz and 500 channels: Invalid number of channels"),
        ({"channels": 10**12}, "with 44100 Hz and 1000000000000 channels: "),
    ],
)
def test_a_form_that_a_device_does_not_have_is_refused(rig, form, said):
    with pytest.raises(AudioDeviceError, match=f"The microphone 'default' cannot be opened {said}"):
        next(Microphone(**form).blocks())
    with pytest.raises(AudioDeviceError, match=f"The loudspeaker 'default' cannot be opened {said}"):
        Speaker(**form).start(Player(), never)


@pytest.mark.parametrize("device", [77, -5, 10**12, "nothing of this kind", "e"])
def test_an_unknown_device_is_refused_with_those_that_there_are(rig, device):
    known = r"is not known: .*\. There are: 0 '\w+', 1 '\w+'; see  livesession devices$"
    with pytest.raises(AudioDeviceError, match=f"^The microphone {device!r} {known}"):
        Microphone(device)
    with pytest.raises(AudioDeviceError, match=f"^The loudspeaker {device!r} {known}"):
        Speaker(device)


FORGETFUL = """
from livesession.audio.portaudio import Microphone, Speaker
speaker = Speaker()
speaker.start(lambda frames: b"", print)
blocks = Microphone().blocks()
print(len(next(blocks)), flush=True)
input()
"""


@pytest.fixture
def forgetful():
    """A process that has opened both, waits for a line, and then ends without closing them."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", FORGETFUL], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdout.readline() == b"1764\n"
        yield process
        process.kill()


def test_the_interpreter_ends_although_nobody_has_closed_anything(rig, forgetful):
    assert forgetful.communicate(b"\n", timeout=10) == (b"", b"")
    assert forgetful.returncode == 0


def test_the_interpreter_ends_although_the_sound_server_hangs(rig, forgetful):
    with rig.hanging():
        forgetful.communicate(b"\n", timeout=10)
    assert forgetful.returncode == 0
