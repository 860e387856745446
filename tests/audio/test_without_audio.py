"""Where there is no sound: a missing package, a missing library, no device. Needs none of them, and no PulseAudio."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from livesession import ConfigurationError
from livesession.audio.portaudio import Microphone, Speaker

ROOT = Path(__file__).parents[2]
NO_PACKAGE = 'import sys; sys.modules["sounddevice"] = None'
NO_LIBRARY = "import ctypes.util; ctypes.util.find_library = lambda name: None"
NO_START = """
import importlib
from livesession.audio.portaudio import library
class PortAudioError(Exception): pass
def fails(name): raise PortAudioError("Error initializing PortAudio: Host error")
importlib.import_module = fails
"""
NO_DEVICE = """
import sys, types
class PortAudioError(Exception): pass
def query_devices(device=None, kind=None):
    if kind is None: return ()
    raise PortAudioError("Error querying device -1")
fake = types.SimpleNamespace(PortAudioError=PortAudioError, query_devices=query_devices, query_hostapis=lambda: ())
sys.modules["sounddevice"] = fake
"""
PROGRAM = """
{before}
from livesession import AudioDeviceError, MissingExtraError
from livesession.audio.portaudio import Microphone, Speaker, list_devices
try: {does}
except (AudioDeviceError, MissingExtraError) as error: print(type(error).__name__, error)
"""
EVERYTHING = ["Microphone()", "Speaker()", "list_devices()"]


def said(before, does):
    program = PROGRAM.format(before=before, does=does)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("does", EVERYTHING)
def test_a_missing_package_is_named_with_the_command_that_installs_it(does):
    text = said(NO_PACKAGE, does)
    assert text.startswith("MissingExtraError Using a microphone or a loudspeaker needs an optional package")
    assert 'pip install "livesession[audio]"' in text


@pytest.mark.skipif(sys.platform != "linux", reason="the package brings the library along")
@pytest.mark.skipif(find_spec("sounddevice") is None, reason="sounddevice is not installed")
@pytest.mark.parametrize("does", EVERYTHING)
def test_a_missing_system_library_is_named_with_its_package(does):
    text = said(NO_LIBRARY, does)
    assert text.startswith("AudioDeviceError The system library PortAudio is missing")
    assert "sudo apt-get install libportaudio2" in text


def test_a_library_that_does_not_start_is_told():
    assert said(NO_START, "Speaker()") == (
        "AudioDeviceError The sound system does not start: Error initializing PortAudio: Host error.\n"
    )


@pytest.mark.parametrize(("does", "what"), [("Microphone()", "microphone"), ("Speaker()", "loudspeaker")])
def test_a_machine_without_devices_has_no_default_one(does, what):
    assert said(NO_DEVICE, does) == (
        f"AudioDeviceError There is no default {what}. There are: none; see  livesession devices\n"
    )


def test_a_machine_without_devices_has_an_empty_list():
    assert said(NO_DEVICE, "print(list_devices())") == "()\n"


@pytest.mark.parametrize("number", ["rate", "channels", "block_ms"])
@pytest.mark.parametrize("kind", [Microphone, Speaker])
def test_numbers_are_checked_before_anything_else(kind, number):
    for value in (0, -1, 1.5, True, "20"):
        with pytest.raises(ConfigurationError, match=f"{number} must be a whole number over 0"):
            kind(**{number: value})
