"""A sound system without hardware: PulseAudio of one's own, with a room that a microphone hears, and a loudspeaker.

Two null sinks: what is played to "room" is heard by the source "microphone", the default one; "speaker" is the default
sink, and its monitor is recorded. Programs find them by `variables`: PortAudio through ALSA's plugin for PulseAudio.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.audio.sound import Sound
from tests.kit.waiting import wait_until

PROGRAMS = ["pulseaudio", "pactl", "paplay", "parec", "espeak-ng"]
RATE = 48_000
MODULES = [
    "module-native-protocol-unix socket={folder}/native auth-anonymous=1",
    f"module-null-sink sink_name=speaker rate={RATE}",
    f"module-null-sink sink_name=room rate={RATE}",
    "module-remap-source source_name=microphone master=room.monitor",
]
ALSA = """
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.headset { type pulse }
"""


def missing_programs():
    return [program for program in PROGRAMS if shutil.which(program) is None]


class Recording:
    """What was to be heard in one place so far: `pcm` is 48,000 Hz mono, from `began_at` on the monotonic clock."""

    def __init__(self):
        self.pcm = bytearray()
        self.began_at = math.inf

    @property
    def sound(self):
        return Sound.of_pcm(bytes(self.pcm), RATE)

    def read(self, stream):
        while piece := stream.read1(65_536):
            self.pcm += piece
            # What was delayed least on its way here tells best when it all began.
            self.began_at = min(self.began_at, time.monotonic() - len(self.pcm) / (2 * RATE))


class Rig:
    """PulseAudio in a folder of its own, whose path must be short."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.variables = {
            "ALSA_CONFIG_PATH": f"{folder}/asound.conf",
            "PULSE_COOKIE": f"{folder}/cookie",
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_SERVER": f"unix:{folder}/native",
        }
        self._environment = {**os.environ, **self.variables, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        self._server: subprocess.Popen | None = None
        self._listeners: list[subprocess.Popen] = []
        self._is_whole = False
        Path(folder, "asound.conf").write_text(ALSA)

    def mend(self):
        """Starts it, or starts it anew after something was taken away."""
        if not self._is_whole:
            self.end()
            self._start()

    def end(self):
        """Ends everything that was started."""
        self._is_whole = False
        for process in [*self._listeners, self._server]:
            if process is not None:
                process.kill()
                process.wait()
        self._listeners, self._server = [], None

    def kill(self):
        """The whole sound system dies."""
        self._is_whole = False
        self._server.kill()
        self._server.wait()

    def unload(self, sink):
        """A device is pulled out."""
        self._is_whole = False
        number = next(fields[0] for fields in self._listed("modules") if f"sink_name={sink} " in fields[2])
        self._run("pactl", "unload-module", number)

    @contextmanager
    def hanging(self):
        """The sound system answers nobody, for as long as the block lasts."""
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)

    def listeners(self):
        """How many programs use the microphone."""
        return self._users("source-outputs", "sources", "microphone")

    def speakers(self):
        """How many programs use the loudspeaker."""
        return self._users("sink-inputs", "sinks", "speaker")

    def _users(self, kind, devices, name):
        number = next(fields[0] for fields in self._listed(devices) if fields[1] == name)
        return sum(fields[1] == number for fields in self._listed(kind))

    def _listed(self, kind):
        return [line.split("\t") for line in self._run("pactl", "list", "short", kind).splitlines()]

    def speech(self, text) -> Path:
        """The text spoken by espeak-ng, as a WAV file."""
        path = self.folder / f"{abs(hash(text))}.wav"
        if not path.exists():
            self._run("espeak-ng", "-v", "en-us", "-s", "150", "-w", str(path), text)
        return path

    def say(self, text) -> Sound:
        """Somebody speaks in the room; returns when he has said it."""
        path = self.speech(text)
        self.play(path)
        return Sound.of_wav(path)

    def play(self, wav, on="room"):
        self._run("paplay", f"--device={on}", str(wav))

    @contextmanager
    def echo(self, volume=0.5, latency_ms=60):
        """The microphone hears the loudspeaker too, for as long as the block lasts."""
        # Without adjusting, because both sinks keep the same time.
        path = ["source=speaker.monitor", "sink=room", f"latency_msec={latency_ms}", "adjust_time=0"]
        number = self._run("pactl", "load-module", "module-loopback", *path).strip()
        try:
            wait_until(lambda: self._listed("sink-inputs"))
            self._run("pactl", "set-sink-input-volume", self._listed("sink-inputs")[-1][0], str(volume))
            yield
        finally:
            self._run("pactl", "unload-module", number)

    @contextmanager
    def record(self, place="speaker"):
        """Records what the loudspeaker plays, or what is said in the room, from now to the end of the block."""
        recording = Recording()
        command = ["parec", f"--device={place}.monitor", f"--rate={RATE}", "--channels=1", "--format=s16le"]
        with self._popen(*command, "--latency-msec=10", stdout=subprocess.PIPE) as parec:
            reader = threading.Thread(target=recording.read, args=[parec.stdout])
            reader.start()
            try:
                wait_until(lambda: recording.pcm)
                yield recording
            finally:
                parec.kill()
                reader.join()

    def _start(self):
        with suppress(FileNotFoundError):
            os.remove(self.folder / "native")
        loads = [f"--load={module.format(folder=self.folder)}" for module in MODULES]
        options = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes"]
        with open(self.folder / "log", "ab") as log:
            self._server = self._popen("pulseaudio", *options, "--realtime=no", *loads, stdout=log, stderr=log)
        wait_until(self._answers)
        self._run("pactl", "set-default-sink", "speaker")
        self._run("pactl", "set-default-source", "microphone")
        # A null sink that nobody listens to sleeps for 2 seconds at a time, unlike a sound card, and goes on sleeping.
        self._listeners = [self._listen(sink) for sink in ("speaker", "room")]
        wait_until(lambda: len(self._listed("source-outputs")) == 3)  # these, and the microphone in the room
        for state in ("1", "0"):
            self._run("pactl", "suspend-sink", "speaker", state)
            self._run("pactl", "suspend-sink", "room", state)
        self._is_whole = True

    def _answers(self):
        assert self._server.poll() is None, (self.folder / "log").read_text()
        return self._popen("pactl", "info", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait() == 0

    def _listen(self, sink):
        command = ["parec", f"--device={sink}.monitor", "--latency-msec=10"]
        return self._popen(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _popen(self, *command, **options):
        return subprocess.Popen(command, env=self._environment, **options)

    def _run(self, *command):
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
