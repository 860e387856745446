"""The screen of `livesession talk`, drawn without a terminal, and the activity of the model that it shows."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from livesession import LiveServerContent, LiveServerToolCall
from livesession.audio import SpokenText
from livesession.cli.screen import PAUSE, Meter, ModelActivity, Screen
from livesession.cli.transcript import Transcript
from livesession.messages.content import Content, GenerativeContentBlob, Part
from livesession.messages.server import Transcription

HEARD = LiveServerContent(input_transcription=Transcription(text="What is the time?"))
BLOB = GenerativeContentBlob(data=b"12", mime_type="audio/pcm;rate=24000")
SOUND = LiveServerContent(model_turn=Content(role="model", parts=(Part(inline_data=BLOB),)))
OVER = LiveServerContent(turn_complete=True)
CALL = LiveServerToolCall()


def conversation(**properties):
    """A stand-in for an audio conversation, with the attributes that the screen reads."""
    statistics = SimpleNamespace(response_ms=1234.5, dropped_ms=20.0)
    usual = {"state": "listening", "muted": False, "input_level": 0.0, "output_level": 0.0, "statistics": statistics}
    return SimpleNamespace(**usual | properties)


@pytest.mark.parametrize(
    ("messages", "state"),
    [
        ([], "listening"),
        ([HEARD], "thinking"),
        ([HEARD, SOUND], "listening"),
        ([HEARD, SOUND, HEARD], "listening"),
        ([HEARD, SOUND, OVER, HEARD], "thinking"),
        ([HEARD, OVER], "listening"),
        ([HEARD, SOUND, CALL], "thinking"),
        ([HEARD, CALL, SOUND, OVER], "listening"),
    ],
)
def test_the_model_thinks_from_the_last_words_or_a_call_to_its_first_sound(messages, state):
    activity = ModelActivity()
    for message in messages:
        activity.on_message(message)
    assert activity.state(conversation()) == state
    assert activity.state(conversation(state="speaking")) == "speaking"


def test_the_model_does_not_think_while_the_user_speaks(monkeypatch):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    activity = ModelActivity()
    activity.on_message(HEARD)
    assert activity.state(conversation(input_level=0.1)) == "listening"
    now += PAUSE / 2
    assert activity.state(conversation()) == "listening"
    now += PAUSE
    assert activity.state(conversation()) == "thinking"
    assert activity.state(conversation(muted=True, input_level=0.1)) == "thinking"


def drawn(transcript, width=40, height=12, is_pushed=False, **properties):
    """The lines of the screen."""
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    screen = Screen(conversation(**properties), transcript, ModelActivity(), "A model", is_pushed=is_pushed)
    lines = console.render_lines(screen, console.options.update(height=height))
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


def test_the_screen_shows_the_end_of_what_was_said_and_keeps_its_form():
    transcript = Transcript()
    transcript.add(SpokenText("user", "First.", is_final=True))
    transcript.add(SpokenText("model", "word " * 20, is_final=False))
    transcript.add(SpokenText("user", "Second.", is_final=False))
    assert drawn(transcript, width=44, height=12, input_level=1.0, output_level=0.1) == [
        " A model                        ● listening",
        "",
        " You    ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━",
        " Model  ━━━━━━━━━━━━━━━━━━━━━┈┈┈┈┈┈┈┈┈┈┈┈┈┈",
        " ──────────────────────────────────────────",
        "",
        " You    Second.",
        " Model  word word word word word word word",
        "        word word word word word word word",
        "        word word word word word word",
        " ──────────────────────────────────────────",
        " answered after 1,234 ms …  m mute   q quit",
    ]


def test_a_microphone_that_is_not_sent_has_no_meter():
    assert drawn(Transcript(), muted=True, input_level=1.0)[2] == " You    muted"
    assert drawn(Transcript(), muted=True, is_pushed=True)[2] == " You    press space to speak"


def test_a_meter_rises_at_once_and_falls_slowly():
    meter = Meter("green")
    lengths = []
    for level in (0.0, 1.0, 0.0, 0.0):
        meter.set(level)
        [line] = Console(file=io.StringIO(), width=50).render_lines(meter)
        lengths.append("".join(segment.text for segment in line).count("━"))
    assert lengths == [0, 50, 46, 42]


def test_what_grows_is_printed_once_when_it_is_finished_or_nothing_grows_any_more():
    console = Console(file=io.StringIO(), width=20)
    transcript = Transcript()
    transcript.add(SpokenText("model", "Hel", is_final=False))
    transcript.add(SpokenText("user", "Hi, ", is_final=False))
    transcript.print_finished(console)
    assert transcript.last(5) == [("user", "Hi,"), ("model", "Hel")]
    transcript.add(SpokenText("user", "Hi, you over there, \x1bin the room.", is_final=True))
    for _ in range(2):
        transcript.print_finished(console)
    assert console.file.getvalue() == "You    Hi, you over there, in the room.\n"
    transcript.print_rest(console)
    assert console.file.getvalue().splitlines()[1:] == ["Model  Hel"]
