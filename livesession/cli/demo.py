"""`livesession demo`: a turn in text, then one in speech, sent in real time, and the answers to both."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from livesession.cli.answer_output import readable_messages
from livesession.cli.back_end_choice import has_credentials
from livesession.cli.console import new_console
from livesession.cli.file_arguments import OutputFile
from livesession.cli.target import Target, model_option
from livesession.cli.turn_view import TurnView
from livesession.errors import ConfigurationError
from livesession.messages.content import GenerativeContentBlob
from livesession.messages.server import LiveServerMessage

if TYPE_CHECKING:
    from livesession.audio import WavFile
    from livesession.session.live_session import LiveSession
    from livesession.session.turn import Turn

__all__ = ["demo"]

GREETING = "Hello! What can you do?"
BRIEF = "You take part in a short demonstration. Answer in one short sentence."
EMULATED = "Built-in emulator, no key needed: it only echoes. Add --live for Google."
EMULATOR_PACE = 4.0  # seconds of speech in a second: a tour should not take long


class DemoStatistics:
    """Counts what the table at the end of the demo shows."""

    def __init__(self) -> None:
        self.messages = 0
        self.first: float | None = None
        self.seconds_in = 0.0
        self.seconds_out = 0.0
        self._start = time.monotonic()

    def count(self, message: LiveServerMessage) -> None:
        """Counts a message, and times the first one."""
        self.messages += 1
        if self.first is None:
            self.first = time.monotonic() - self._start

    def table(self, session: LiveSession) -> Table:
        usage = session.usage
        table = Table.grid(padding=(0, 2))
        table.add_row("Time to first message", f"{1000 * (self.first or 0):,.0f} ms")
        table.add_row("Messages received", f"{self.messages:,}")
        table.add_row("Audio", f"{self.seconds_in:.1f} s sent, {self.seconds_out:.1f} s received")
        table.add_row("Tokens", f"{usage.prompt_token_count:,} in, {usage.response_token_count:,} out")
        return table


@click.command()
@click.option("--live", is_flag=True, help="Talk to Google instead of the built-in emulator; needs GEMINI_API_KEY.")
@model_option
@click.option(
    "--output", type=OutputFile(), default="reply.wav", show_default=True, help="Where the spoken reply goes."
)
def demo(live: bool, model: str, output: str) -> None:
    """A short tour: send text, stream speech, save the reply.

    \b
    livesession demo                          on the built-in emulator, without a key
    GEMINI_API_KEY=... livesession demo --live
    """
    from livesession.audio import WavFile

    console = new_console()
    if not live:
        console.print(EMULATED, style="yellow")
    elif not has_credentials():
        raise ConfigurationError(
            "There is no API key: set GEMINI_API_KEY (from https://aistudio.google.com), or leave out --live."
        )
    target = Target(model=model, back_end=None if live else "emulator", system=BRIEF, pace=EMULATOR_PACE)
    with target.connect() as session, as_file(files("livesession.cli") / "question.wav") as path:
        run_demo(session, WavFile(path), console, output)


def run_demo(session: LiveSession, question: WavFile, console: Console, output: str) -> None:
    """Runs both turns, saves the spoken answer, and prints the table."""
    from livesession.audio import write_wav

    statistics = DemoStatistics()
    console.print()
    written = write_and_read(session, TurnView(console), statistics)
    console.print()
    spoken = speak_and_listen(session, question, TurnView(console, question.seconds), statistics)
    write_wav(output, spoken.audio)
    console.print(f"\n{output}: the reply, {spoken.audio_seconds:.1f} s\n", soft_wrap=True)
    statistics.seconds_in = question.seconds
    statistics.seconds_out = written.audio_seconds + spoken.audio_seconds
    console.print(statistics.table(session))


def write_and_read(session: LiveSession, view: TurnView, statistics: DemoStatistics) -> Turn:
    """Runs a turn in text."""
    view.add_user_text(GREETING)
    with view:
        session.send(GREETING, turn_complete=True)
        return receive_reply(session, view, statistics)


def speak_and_listen(session: LiveSession, question: WavFile, view: TurnView, statistics: DemoStatistics) -> Turn:
    """Runs a turn in speech: a thread sends as a microphone would, this one receives."""
    stop = threading.Event()

    def speak() -> None:
        session.send_media_stream(with_progress(question.stream(stop=stop), question.rate, view))
        if not stop.is_set():
            session.send_audio_stream_end()

    with view, ThreadPoolExecutor(1, "livesession-demo") as microphone:
        speaking = microphone.submit(speak)
        try:
            turn = receive_reply(session, view, statistics)
            speaking.result()
        finally:
            stop.set()  # Ctrl-C, or an error: the executor waits for the thread, which would speak to the end
    return turn


def with_progress(blobs: Iterator[GenerativeContentBlob], rate: int, view: TurnView) -> Iterator[GenerativeContentBlob]:
    """Yields the blobs unchanged, and shows how many seconds of them have gone out."""
    sent = 0.0
    for blob in blobs:
        yield blob
        sent += len(blob.data) / (2 * rate)
        view.sent = sent


def receive_reply(session: LiveSession, view: TurnView, statistics: DemoStatistics) -> Turn:
    """Receives a turn, and shows it as it comes."""
    stream = session.receive_turn()
    for message in readable_messages(stream):
        statistics.count(message)
        view.add_message(message)
    return stream.turn
