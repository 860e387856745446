"""How long the model goes on speaking when the user cuts in: `python -m benchmarks.barge_in [--times N]`.

From the first sample of speech on the microphone to silence on the loudspeaker: real devices of a PulseAudio without
hardware, PortAudio, an audio conversation with `half_duplex=False`, and the emulator with its detection of speech.
Needs what the tests marked `audio` need.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import define, frozen

from benchmarks.clients.client import clear_proxies
from benchmarks.machine import describe
from livesession import LiveGenerativeModel, LiveServerContent, LiveServerMessage, LiveSession
from livesession.audio import AudioConversationController, start_audio_conversation
from livesession.emulator import LiveEmulator, Speech, UserTurn
from tests.audio.rig import RATE, Recording, Rig, missing_programs
from tests.audio.sound import Sound
from tests.kit.waiting import InThread, wait_until

TONE = array("h", ([3000] * 40 + [-3000] * 40) * 300 * 20).tobytes()  # 20 s that never fall silent by themselves
INTERJECTIONS = ("No, wait a moment.", "Well, let me say something.", "One moment, please.", "I mean another one.")
SPEAKS_FOR = 0.7  # seconds, before the user cuts in
TRAILING = RATE  # bytes recorded afterwards: half a second


@frozen
class Interruption:
    """When what happened, in seconds of the monotonic clock.

    Attributes:
        said: The first sample of speech was on the microphone.
        received: The server had it.
        detected: The server took it for speech.
        told: The client had dropped what was not played, upon the server's `interrupted`.
        silent: The loudspeaker had played its last sample.
    """

    said: float
    received: float
    detected: float
    told: float
    silent: float


PARTS = (
    ("microphone, client, network: until the server hears it", "said", "received"),
    ("the emulator's detection of speech", "received", "detected"),
    ("`interrupted`: network and client", "detected", "told"),
    ("what the loudspeaker's buffers still hold", "told", "silent"),
    ("**from `interrupted` to silence**", "detected", "silent"),
    ("**from the first sample of speech to silence**", "said", "silent"),
)


@define
class Model:
    """A model that sings until it is interrupted, when it is asked in writing; it answers to nothing else."""

    detected: float = 0.0
    told: float = 0.0

    def respond(self, turn: UserTurn) -> Speech | None:
        if not turn.text:
            return None
        threading.Thread(target=self._watch, args=[turn], daemon=True).start()
        return Speech(TONE)

    def notice(self, message: LiveServerMessage) -> None:
        if isinstance(message, LiveServerContent) and message.interrupted:
            self.told = time.monotonic()

    def _watch(self, turn: UserTurn) -> None:
        turn.interrupted.wait()
        self.detected = time.monotonic()


@contextmanager
def sound_system() -> Iterator[Rig]:
    if missing := missing_programs():
        sys.exit(f"not installed: {', '.join(missing)}")
    folder = Path(tempfile.mkdtemp(prefix="rig-"))
    rig = Rig(folder)
    try:
        os.environ.update(rig.variables)
        rig.mend()
        yield rig
    finally:
        rig.end()
        shutil.rmtree(folder)


@define
class Scene:
    """A conversation that is going on."""

    rig: Rig
    emulator: LiveEmulator
    model: Model
    session: LiveSession
    controller: AudioConversationController

    def interrupt(self, interjection: str) -> Interruption:
        """Lets the model sing, and the user cut in."""
        self.model.detected = self.model.told = 0.0
        played = self.controller.statistics.played_ms
        with self.rig.record("speaker") as speaker, self.rig.record("room") as room:
            self.session.send_text_realtime("Sing.")
            wait_until(lambda: self.controller.statistics.played_ms > played + 1000 * SPEAKS_FOR)
            saying = InThread(lambda: self.rig.say(interjection))
            wait_until(lambda: self.model.detected and self.model.told)
            saying.result()
            recorded = len(speaker.pcm)
            wait_until(lambda: len(speaker.pcm) > recorded + TRAILING)
        return self._times(speaker, room)

    def _times(self, speaker: Recording, room: Recording) -> Interruption:
        said = room.began_at + room.sound.first_sound
        silent = speaker.began_at + speaker.sound.last_sound
        return Interruption(said, self._received(said), self.model.detected, self.model.told, silent)

    def _received(self, said: float) -> float:
        """When the server had the beginning of it."""
        pieces = ((each.at, each.message.get("realtimeInput")) for each in self.emulator.received if each.at > said)
        return next(at for at, piece in pieces if isinstance(piece, dict) and "audio" in piece and is_audible(piece))


def is_audible(piece: dict[str, dict[str, str]]) -> bool:
    return Sound.of_pcm(base64.b64decode(piece["audio"]["data"]), 16_000).first_sound is not None


@contextmanager
def conversation(rig: Rig) -> Iterator[Scene]:
    model = Model()
    with LiveEmulator(model.respond, pace=1.5) as emulator:
        with LiveGenerativeModel("m-live", backend=emulator.backend()).connect() as session:
            with start_audio_conversation(session, half_duplex=False, on_message=model.notice) as controller:
                wait_until(lambda: controller.statistics.sent_ms > 500)
                yield Scene(rig, emulator, model, session, controller)


def table(interruptions: Sequence[Interruption]) -> Iterable[str]:
    yield f"| {len(interruptions)} interruptions | p50 | max |\n|---|---|---|"
    for name, start, end in PARTS:
        times = [1000 * (getattr(each, end) - getattr(each, start)) for each in interruptions]
        yield f"| {name} | {statistics.median(times):.0f} ms | {max(times):.0f} ms |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, metavar="N", help="interruptions (default 20)")
    times = parser.parse_args().times
    clear_proxies()
    with sound_system() as rig, conversation(rig) as scene:
        found = [scene.interrupt(INTERJECTIONS[number % len(INTERJECTIONS)]) for number in range(times)]
    print("\n".join(f"{name:17} {value}" for name, value in describe().items()), end="\n\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
