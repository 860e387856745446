"""`livesession ask`: one question and its answer, for scripts."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import attrs
import click

from livesession.cli.answer_output import model_words, readable_messages, send_text
from livesession.cli.console import AnswerWriter, new_console, note
from livesession.cli.file_arguments import INPUT_FILE, OutputFile
from livesession.cli.target import Target, session_options
from livesession.errors import LiveSessionError

if TYPE_CHECKING:
    from livesession.audio import WavFile
    from livesession.session.live_session import LiveSession
    from livesession.session.turn import Turn

__all__ = ["ask"]


@attrs.frozen
class PrintedAnswer:
    """A turn that has been printed, and how long it took.

    Attributes:
        turn: The model's answer.
        first: Seconds from the end of the question to the first message.
        total: Seconds from the end of the question to the end of the turn.
    """

    turn: Turn
    first: float
    total: float


@click.command()
@click.argument("text", required=False)
@click.option("--audio-in", type=INPUT_FILE, help="Speech: a WAV file of 16-bit PCM.")
@click.option("--audio-out", type=OutputFile(), help="Write the spoken answer here, as WAV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option(
    "--pace", type=click.FloatRange(min=0), default=0.0,
    help="Seconds of speech sent in a second: 1 is real time, 0, the default, as fast as it goes.",
)  # fmt: skip
@session_options
def ask(
    text: str | None, audio_in: str | None, audio_out: str | None, as_json: bool, pace: float, target: Target
) -> None:
    """Ask one question, in TEXT or in speech, and print the answer.

    TEXT may be "-" for stdin, or beside --audio-in what is to be said along with the speech.

    \b
    livesession ask "What is a WebSocket?"
    livesession ask --audio-in question.wav --audio-out answer.wav
    git diff | livesession ask --system "Review this." --json - | jq -r .text
    livesession ask --back-end emulator "No key needed."
    """
    words = sys.stdin.read().strip() if text == "-" else (text or "").strip()
    if not words and not audio_in:
        raise click.UsageError('There is nothing to ask: give TEXT, "-" for stdin, or --audio-in.')
    speech = open_speech(audio_in) if audio_in else None
    writer = None if as_json else AnswerWriter(new_console())
    with target.connect(manual=speech is not None) as session:
        send_question(session, words, speech, pace, realtime=target.realtime_text)
        answer = receive_answer(session, writer)
    if audio_out:
        save_speech(answer.turn, audio_out)
    if as_json:
        click.echo(json.dumps(report(answer, target, speech, audio_out), indent=2))


def open_speech(path: str) -> WavFile:
    from livesession.audio import WavFile

    return WavFile(path)


def send_question(session: LiveSession, words: str, speech: WavFile | None, pace: float, *, realtime: bool) -> None:
    """Sends the question.

    Beginning and end of the speech are marked, and not left to the server's detection: a file is one question, however
    often the speaker pauses, and need not come in real time.
    """
    if speech is None:
        send_text(session, words, realtime=realtime)
        return
    if words and not realtime:
        session.send(words)
    session.send_activity_start()
    if words and realtime:
        session.send_text_realtime(words)
    session.send_media_stream(speech.stream(pace=pace))
    session.send_activity_end()


def receive_answer(session: LiveSession, writer: AnswerWriter | None) -> PrintedAnswer:
    """Receives the answer, and prints it as it comes where there is a writer."""
    asked = time.monotonic()
    first = 0.0
    stream = session.receive_turn()
    for message in readable_messages(stream):
        first = first or time.monotonic() - asked
        if writer:
            writer.write(model_words(message))
    if writer:
        writer.end()
    return PrintedAnswer(stream.turn, first, time.monotonic() - asked)


def save_speech(turn: Turn, path: str) -> None:
    """Writes the answer's speech into a WAV file. Raises `LiveSessionError` where there is none."""
    from livesession.audio import write_wav

    if not turn.audio:
        raise LiveSessionError(f"The model sent no audio, so {path} was not written.")
    write_wav(path, turn.audio)
    note(f"{path}: {turn.audio_seconds:.1f} s")


def report(answer: PrintedAnswer, target: Target, speech: WavFile | None, audio_out: str | None) -> dict[str, object]:
    """The object that `--json` prints."""
    turn = answer.turn
    return {
        "model": target.model,
        "text": turn.text,
        "thoughts": turn.thoughts,
        "input_transcript": turn.input_transcript,
        "output_transcript": turn.output_transcript,
        "audio_in_seconds": round(speech.seconds, 3) if speech else 0,
        "audio_out_seconds": round(turn.audio_seconds, 3),
        "audio_out": audio_out,
        "first_message_seconds": round(answer.first, 3),
        "total_seconds": round(answer.total, 3),
        "complete": turn.complete,
        "interrupted": turn.interrupted,
        "turn_complete_reason": turn.turn_complete_reason,
        "usage": attrs.asdict(turn.usage) if turn.usage else None,
        "problems": [str(problem) for problem in turn.problems],
    }
