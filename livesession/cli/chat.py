"""`livesession chat` and `livesession record`: a conversation line by line; `record` writes it into a file, too."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs
import click
from rich.console import Console

from livesession.cli.answer_output import model_words, readable_messages, send_text
from livesession.cli.back_end_choice import has_credentials
from livesession.cli.console import AnswerWriter, new_console, one_line
from livesession.cli.file_arguments import OutputFile
from livesession.cli.target import Target, recorded_session_options, session_options
from livesession.errors import InvalidRequestError, ReceiveTimeout

if TYPE_CHECKING:
    from livesession.session.live_session import LiveSession

__all__ = ["chat", "record"]

EMULATOR_PACE = 2.5  # seconds of speech in a second: slow enough for Ctrl-C to stop an answer
STOP_TIMEOUT = 2.0  # seconds for the model to stop when it is interrupted


@click.command()
@session_options
def chat(target: Target) -> None:
    """A conversation with the model, line by line.

    Ctrl-C stops an answer, a second one leaves; so do Ctrl-C and Ctrl-D at the prompt, and /quit. Without a key it
    talks to the built-in emulator, which only echoes.

    \b
    livesession chat
    livesession chat --system "You are a pirate." --model gemini-3.8-live
    """
    hold_conversation(target)


@click.command(short_help="A conversation, recorded.")
@click.argument("record", type=OutputFile(), metavar="FILE")
@click.option("--replace", is_flag=True, help="Replace a recording that is there already.")
@click.option("--wav", "record_wav", is_flag=True, help="The sound into WAV files beside FILE, to be listened to.")
@recorded_session_options
def record(target: Target, replace: bool) -> None:
    """Have a conversation, line by line, and record it into FILE.

    It is that of "livesession chat". FILE gets every message of both directions, as JSON lines, but neither keys nor
    resumption handles; what you say and what you hear is in it, and only you may read it. To record a question or a
    spoken conversation, use the option --record of "ask" and "talk".

    \b
    livesession record session.jsonl
    livesession replay session.jsonl --show
    livesession replay session.jsonl
    """
    if target.recorder and target.recorder.path.exists() and not replace:
        raise click.UsageError(f"{target.recorder.path} is there already: take another name, or add --replace.")
    hold_conversation(target)


def hold_conversation(target: Target) -> None:
    """Holds the conversation, until the user leaves; without credentials, with the emulator."""
    console = new_console()
    if target.back_end is None and not has_credentials():
        console.print("No GEMINI_API_KEY: this is the built-in emulator, which only echoes.", style="yellow")
        target = attrs.evolve(target, back_end="emulator")
    with attrs.evolve(target, pace=EMULATOR_PACE).connect() as session:
        console.print("Ctrl-C stops an answer; Ctrl-D or /quit leaves.", style="dim")
        for line in typed_lines():
            converse(session, line, console, realtime=target.realtime_text)


def typed_lines() -> Iterator[str]:
    """Yields the lines that the user types, until `/quit` or Ctrl-D."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  -- gives input() its line editing and its history
    prompt = "> " if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(prompt).strip()
        except EOFError:
            if prompt:
                print()
            return
        if line == "/quit":
            return
        if line:
            yield line


def converse(session: LiveSession, line: str, console: Console, *, realtime: bool) -> None:
    """Sends one question and prints its answer; Ctrl-C stops the answer."""
    writer = AnswerWriter(console)
    try:
        answer(session, line, writer, realtime=realtime)
    except KeyboardInterrupt:
        console.print(" (stopped)", style="dim")
        if not realtime:  # interrupt() is client content; a model that refuses it is stopped by the next question
            stop(session)
    except (InvalidRequestError, ReceiveTimeout) as error:
        writer.end()
        click.echo(f"Error: {one_line(error)}", err=True)


def answer(session: LiveSession, line: str, writer: AnswerWriter, *, realtime: bool) -> None:
    """Sends a question and prints the whole answer, or why there is none."""
    send_text(session, line, realtime=realtime)
    stream = session.receive_turn()
    for message in readable_messages(stream):
        writer.write(model_words(message))
    if writer.is_empty:
        writer.write(f"(no answer: {stream.turn.turn_complete_reason or 'the model said nothing'})")
    writer.end()


def stop(session: LiveSession) -> None:
    """Interrupts the model and waits for the end of its turn; the next question skips what comes too late."""
    session.interrupt()
    deadline = time.monotonic() + STOP_TIMEOUT
    with contextlib.suppress(ReceiveTimeout):
        for _ in readable_messages(session.receive_turn(timeout=STOP_TIMEOUT)):
            if time.monotonic() > deadline:
                return
