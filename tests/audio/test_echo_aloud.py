"""The echo canceller in a room whose microphone hears the loudspeaker, through real PortAudio."""

from __future__ import annotations

import base64
import math
import time
from contextlib import contextmanager, suppress

import pytest

from livesession import LiveGenerationConfig, LiveGenerativeModel, RealtimeInputConfig
from livesession.audio import WebRtcEchoCanceller, start_audio_conversation
from livesession.emulator import LiveEmulator, Speech, UserTurn
from tests.audio.sound import Sound, correlation, level
from tests.kit.waiting import wait_until

pytest.importorskip("livekit.rtc", reason="the extra echo is not installed")
pytestmark = pytest.mark.audio

RATE = 16_000
TALE = (
    "Once upon a time there was a fisherman, who lived with his wife in a small hut near the sea. "
    "Every day he went out to fish, and he fished, and he fished."
)
SENTENCE = "Stop now, please, I would like to ask another question."
TALKS_ON = LiveGenerationConfig(realtime_input_config=RealtimeInputConfig(activity_handling="NO_INTERRUPTION"))
LEARNS_FOR = 2.0  # seconds of the tale
WHOLE = 0.96  # correlation of what the microphone hears with the tale
ATTEMPTS = 4


class TornSoundError(Exception):
    """A sound system that is made of programs tears the sound on a busy machine; no canceller finds its way then."""


def undisturbed(attempt):
    """Does it until the sound was whole."""
    for _ in range(ATTEMPTS):
        with suppress(TornSoundError):
            return attempt()
    return pytest.skip("this machine is too busy: the sound was torn each time")


class Tap:
    """A canceller, and what it heard."""

    def __init__(self, canceller):
        self.played = canceller.played
        self.pcm = bytearray()
        self._canceller = canceller

    def cleaned(self, pcm):
        self.pcm += pcm
        return self._canceller.cleaned(pcm)

    @property
    def heard(self):
        return Sound.of_pcm(bytes(self.pcm), RATE)


class Room:
    """A conversation with a model that tells a tale when it is asked in writing, in a room with an echo."""

    def __init__(self, emulator, session, controller, tale, turns, tap, echo_ms):
        self.emulator = emulator
        self.session = session
        self.controller = controller
        self.tale = tale
        self.turns = turns  # what the model was told
        self.tap = tap
        self.echo_ms = echo_ms

    @property
    def played(self):
        """Seconds of the tale."""
        return self.controller.statistics.played_ms / 1000

    def listen(self, until):
        """To the tale, from its beginning to some second of it, or to its end."""
        wait_until(lambda: self.controller.statistics.sent_ms > 200)
        self.session.send_text_realtime("Tell me a tale.")
        wait_until(lambda: self.played > 0)
        wait_until(lambda: self.played > until or self.controller.state == "listening")
        part, enough = self.tale.between(0, self.played), len(self.tap.pcm) + 2 * RATE * (0.4 + self.echo_ms / 1000)
        wait_until(lambda: len(self.tap.pcm) > enough)
        end = part.between(part.seconds - 1, part.seconds)  # in which something may have interrupted it
        if min(correlation(self.tap.heard, each) for each in (part, end)) < WHOLE:
            raise TornSoundError

    def sent(self, since=0.0):
        """What the model received from then on."""
        inputs = [each.message.get("realtimeInput", {}) for each in self.emulator.received if each.at > since]
        pcm = b"".join(base64.b64decode(each["audio"]["data"]) for each in inputs if "audio" in each)
        return Sound.of_pcm(pcm, RATE)

    def attenuation(self):
        """Decibels between the echo that the microphone hears and what the model receives, after some time."""
        heard, sent = self.tap.heard, self.sent()
        start, end = heard.first_sound + LEARNS_FOR, sent.seconds - 1
        return level(heard.between(start, end)) - level(sent.between(start, end))


@pytest.fixture
def converse(rig):
    """Opens the conversation through the default devices, with a canceller."""
    whole_tale = Sound.of_wav(rig.speech(TALE))

    @contextmanager
    def converse(config=None, seconds=10, echo_ms=60, **options):
        tale = whole_tale.between(0, seconds)
        turns: list[UserTurn] = []

        def tell(turn):
            turns.append(turn)
            return Speech(tale.pcm(24_000), "A tale.") if turn.text else None

        with rig.echo(latency_ms=echo_ms), LiveEmulator(tell, pace=1.5) as emulator:
            model = LiveGenerativeModel("m-live", backend=emulator.backend(), generation_config=config)
            with model.connect() as session, WebRtcEchoCanceller(**options) as canceller:
                tap = Tap(canceller)
                with start_audio_conversation(session, echo_canceller=tap) as controller:
                    yield Room(emulator, session, controller, tale, turns, tap, echo_ms)

    return converse


def test_the_model_speaks_to_its_end_and_hears_nothing_of_itself(converse):
    def attempt():
        with converse(seconds=6) as room:
            room.listen(until=math.inf)
            assert room.attenuation() > 40
            statistics = room.controller.statistics
            assert statistics.interruptions == statistics.cut_ms == statistics.held_ms == 0
            assert room.played == pytest.approx(room.tale.seconds, abs=0.1)
            assert len(room.turns) == 1

    undisturbed(attempt)


def test_the_user_can_cut_in_beside_a_loudspeaker(rig, converse):
    def attempt():
        with converse() as room:
            room.listen(until=LEARNS_FOR)
            assert not room.controller.statistics.interruptions
            rig.say(SENTENCE)
            wait_until(lambda: room.controller.statistics.interruptions)
            assert room.played < LEARNS_FOR + 2.5
            assert room.controller.statistics.cut_ms > 200

    undisturbed(attempt)


def test_what_the_user_says_over_the_model_reaches_it(rig, converse):
    def attempt():
        with converse(TALKS_ON) as room:
            room.listen(until=LEARNS_FOR)
            began = time.monotonic()
            said = rig.say(SENTENCE)
            wait_until(lambda: len(room.turns) == 2)
            assert room.controller.state == "speaking"
            assert correlation(room.sent(began), said) > 0.35
            assert len(room.turns[1].audio) / 2 / RATE > said.seconds / 2

    undisturbed(attempt)


def test_an_echo_that_comes_very_late_is_taken_out_where_its_delay_is_told(converse):
    def attempt():
        with converse(seconds=6, echo_ms=900, delay_ms=900) as room:
            room.listen(until=math.inf)
            assert room.attenuation() > 35
            assert not room.controller.statistics.interruptions

    undisturbed(attempt)


def test_without_a_canceller_the_model_hears_itself_and_falls_silent(rig):
    speech = Sound.of_wav(rig.speech(TALE)).pcm(24_000)
    with rig.echo(), LiveEmulator(lambda turn: Speech(speech) if turn.text else None, pace=1.5) as emulator:
        with LiveGenerativeModel("m-live", backend=emulator.backend()).connect() as session:
            with start_audio_conversation(session, half_duplex=False) as controller:
                session.send_text_realtime("Tell me a tale.")
                wait_until(lambda: controller.statistics.interruptions)
