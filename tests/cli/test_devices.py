"""`livesession devices`: its lists, with devices and without."""

from __future__ import annotations

import subprocess
import sys

import pytest

from livesession.audio.portaudio import AudioDevice

BUILT_IN = AudioDevice(
    index=0, name="Built-in \x1b[31mAudio", host_api="ALSA", input_channels=1, output_channels=2, default_rate=48_000,
    is_default_input=True, is_default_output=False,
)  # fmt: skip
SCREEN = AudioDevice(
    index=12, name="Screen [HDMI]", host_api="ALSA", input_channels=0, output_channels=8, default_rate=44_100,
    is_default_input=False, is_default_output=True,
)  # fmt: skip


@pytest.fixture
def there_are(monkeypatch):
    def there_are(*devices):
        monkeypatch.setattr("livesession.audio.list_devices", lambda: devices)

    return there_are


def test_devices_are_listed_by_what_they_are_for_and_the_defaults_are_marked(command, there_are):
    there_are(BUILT_IN, SCREEN)
    done = command("devices")
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        [
            "Microphones",
            "*  0  Built-in [31mAudio  (ALSA, 1 channel, 48000 Hz)",
            "Loudspeakers",
            "   0  Built-in [31mAudio  (ALSA, 2 channels, 48000 Hz)",
            "* 12  Screen [HDMI]  (ALSA, 8 channels, 44100 Hz)",
        ],
    )


def test_a_machine_without_devices_says_so(command, there_are):
    there_are()
    done = command("devices")
    assert (done.exit_code, done.stdout) == (0, "Microphones\n  none\nLoudspeakers\n  none\n")


def test_a_missing_extra_is_one_line_that_installs_it(environment):
    program = 'import sys; sys.modules["sounddevice"] = None; from livesession.__main__ import main; main()'
    done = subprocess.run(
        [sys.executable, "-c", program, "devices"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert 'pip install "livesession[audio]"' in done.stderr


def test_the_help_shows_an_example(command):
    assert "\n  livesession devices" in command("devices", "-h").stdout
