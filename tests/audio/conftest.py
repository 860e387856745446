"""The sound system that the tests marked `audio` share; each of them finds it whole. And lines that are hung up."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from livesession import AudioDeviceError, MissingExtraError
from livesession.audio.portaudio import list_devices
from livesession.audio.portaudio.thread import call
from tests.audio.conversing import Line
from tests.audio.rig import Rig, missing_programs


@pytest.fixture(autouse=True)
def all_lines_are_hung_up():
    yield
    while Line.open:
        Line.open.pop().hang_up()


def restart_portaudio(sounddevice):
    """PortAudio knows the devices that were there when it started, perhaps long before these tests."""
    sounddevice._terminate()
    sounddevice._initialize()


@pytest.fixture(scope="session")
def sound_system():
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = Path(tempfile.mkdtemp(prefix="rig-"))
    rig = Rig(folder)
    try:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in rig.variables.items():
                environment.setenv(name, value)
            rig.mend()
            find_devices()
            yield rig
    finally:
        rig.end()
        shutil.rmtree(folder)


def find_devices():
    try:
        call(restart_portaudio)
    except (MissingExtraError, AudioDeviceError) as error:
        pytest.skip(str(error))
    if not list_devices():
        pytest.skip("ALSA does not find PulseAudio: is libasound2-plugins installed?")


@pytest.fixture
def rig(sound_system):
    sound_system.mend()
    return sound_system
