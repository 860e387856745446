"""What both sides say, put together turn by turn, in whatever order and with whatever signals it comes."""

from __future__ import annotations

import pytest

from livesession import LiveServerContent
from livesession.audio.transcripts import Transcripts
from livesession.messages.content import Content, Part
from livesession.messages.server import Transcription

OVER = LiveServerContent(turn_complete=True)
CUT = LiveServerContent(interrupted=True)
SOUND = LiveServerContent(model_turn=Content(role="model", parts=(Part(text="sound"),)))


def user(text, **other):
    return LiveServerContent(input_transcription=Transcription(text=text), **other)


def model(text, **other):
    return LiveServerContent(output_transcription=Transcription(text=text), **other)


@pytest.mark.parametrize(
    ("messages", "finals"),
    [
        ([user("Hi "), user("you"), model("Hello"), OVER], ["user: Hi you", "model: Hello"]),
        ([model("Hel"), user("Hi"), model("lo"), OVER], ["user: Hi", "model: Hello"]),
        ([user("Hi"), OVER, model("Hello"), OVER], ["user: Hi", "model: Hello"]),
        ([user("Hi", turn_complete=True)], ["user: Hi"]),
        ([user("A"), model("B"), CUT, user("C"), OVER, model("D"), OVER], [*"AB", "C", "D"]),
        ([user("A"), model("B"), CUT, model("b"), OVER, user("C"), model("D"), OVER], [*"ABbCD"]),
        # A server that does not end the turn that was interrupted.
        ([user("A"), model("B"), CUT, user("C"), SOUND, model("D"), OVER, user("E"), OVER], [*"ABCDE"]),
        ([OVER, CUT, OVER], []),
    ],
)
def test_a_text_is_closed_when_its_turn_is_over_or_the_user_has_cut_in(messages, finals):
    transcripts = Transcripts()
    said = [text for message in messages for text in transcripts.add(message) if text.is_final]
    shown = [f"{text.role}: {text.text}" if ":" in finals[0] else text.text for text in said]
    assert shown == finals
    assert list(transcripts.close()) == []


def test_a_text_that_is_open_at_the_end_can_be_closed():
    transcripts = Transcripts()
    list(transcripts.add(user("Hi")))
    list(transcripts.add(model("Hel")))
    assert [(text.role, text.text, text.is_final) for text in transcripts.close()] == [
        ("user", "Hi", True),
        ("model", "Hel", True),
    ]
