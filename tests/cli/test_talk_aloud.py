"""`livesession talk` by microphone and loudspeaker, in tmux, from which the test reads the user's screen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.audio.rig import Rig, missing_programs
from tests.kit.waiting import wait_until


@pytest.fixture
def room(environment):
    """A room with a microphone and a loudspeaker."""
    if missing := [*missing_programs(), *(["tmux"] if shutil.which("tmux") is None else [])]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tempfile.mkdtemp(prefix="rig-")  # not tmp_path: sockets need short paths
    rig = Rig(Path(folder))
    try:
        rig.mend()
        devices = [sys.executable, "-m", "livesession", "devices"]
        found = subprocess.run(
            devices, env={**environment, **rig.variables}, capture_output=True, text=True, check=False
        )
        if found.returncode or "none" in found.stdout:
            pytest.skip(f"no devices: {found.stderr or found.stdout}")
        yield rig
    finally:
        rig.end()
        shutil.rmtree(folder)


class Window:
    """A program in tmux, whose screen can be read."""

    def __init__(self, socket, environment):
        self._tmux = ["tmux", "-S", str(socket), "-f", os.devnull]
        self._environment = environment

    def open(self, columns, rows, command):
        self._run("new-session", "-d", "-x", str(columns), "-y", str(rows), f"{command}; echo code $?; exec sleep 60")

    def press(self, key):
        self._run("send-keys", key)

    def lines(self):
        return self._run("capture-pane", "-p").splitlines()

    def wait_for(self, text):
        wait_until(lambda: text in "\n".join(self.lines()))

    def close(self):
        self._run("kill-server")

    def _run(self, *args):
        done = subprocess.run([*self._tmux, *args], env=self._environment, capture_output=True, text=True, check=True)
        return done.stdout


@pytest.fixture
def window(room, environment):
    window = Window(room.folder / "tmux", {**environment, **room.variables})
    yield window
    window.close()


@pytest.mark.audio
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_what_is_said_into_the_microphone_is_on_the_screen(room, window, columns, rows):
    window.open(columns, rows, f"{sys.executable} -m livesession talk --back-end emulator")
    window.wait_for("● listening")
    wait_until(lambda: room.listeners() == 1)
    with room.record() as heard:
        room.say("Hello there, can you hear me well?")
        window.wait_for("● speaking")
        window.wait_for(" Model  ━━━━━━━━")
        window.wait_for(" Model  ┈┈┈┈┈┈┈┈")
        window.wait_for("● listening")
    lines = window.lines()
    assert len(lines) == rows
    assert lines[0].startswith(" The built-in emulator")
    assert lines[0].endswith("● listening")
    assert [lines[2], lines[3]] == [f" {side:<5}  {'┈' * (columns - 9)}" for side in ("You", "Model")]
    assert lines[5].startswith(" You    [speech, ")
    assert lines[6].startswith(" Model  You spoke for ")
    assert lines[-1].startswith(" answered after ")
    assert lines[-1].endswith("q quit")
    assert heard.sound.first_sound is not None
    window.press("q")
    window.wait_for("code 0")
    assert [line[:13] for line in window.lines()[:3]] == ["You    [speec", "Model  You sp", "code 0"]
