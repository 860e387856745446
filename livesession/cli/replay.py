"""`livesession replay`: serves a recording like the Live API, or prints it."""

from __future__ import annotations

import sys
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import click

from livesession.cli.console import clean, new_console
from livesession.cli.file_arguments import INPUT_FILE
from livesession.cli.local_server import address_options, start_server
from livesession.cli.recording_view import lines_of
from livesession.cli.signal_queues import end_signals
from livesession.errors import ConfigurationError

if TYPE_CHECKING:
    from livesession.emulator import LiveEmulator
    from livesession.emulator.replay.recorded_session import Recording

__all__ = ["replay"]

LOOK_EVERY = 0.2  # seconds between two looks for a client that has departed from the recording
EXPORTS = {
    "developer": "export GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=any",
    "vertex": "export GOOGLE_VERTEX_BASE_URL={url} GOOGLE_GENAI_USE_VERTEXAI=true",
}


@click.command(short_help="A recording, as a Live API.")
@click.argument("file", type=INPUT_FILE)
@click.option("--session", metavar="NAME", help="Which one, where FILE holds several.")
@click.option("--show", is_flag=True, help="Print what is in it, and serve nothing.")
@address_options
@click.option(
    "--pace", type=click.FloatRange(min=0), default=0.0,
    help="Seconds of the recording in a second: 1 is as it was, 0, the default, as fast as the client goes.",
)  # fmt: skip
@click.option("--any-audio", is_flag=True, help="Realtime audio need not be the recorded one.")
def replay(file: str, session: str | None, show: bool, host: str, port: int, pace: float, any_audio: bool) -> None:
    """Serve the recording FILE like the Live API, until Ctrl-C or SIGTERM.

    Each client that connects gets the next connection of the recording, and the first again after the last. One that
    sends something else than was recorded is shown as a difference, and ends the command with 1; so does one that
    had not sent all when the command is stopped.

    \b
    livesession replay session.jsonl --show
    livesession replay session.jsonl --port 8765 --pace 1
    """
    from livesession.emulator import LiveEmulator, ReplayMismatch

    recording = read_recording(file, session)
    if show:
        print_all(recording)
        return
    server = LiveEmulator.replay(file, session=session, host=host, port=port, pace=pace, compare_audio=not any_audio)
    try:
        with end_signals() as stopped:
            start_server(server, f"{host}:{port}")
            with server:
                announce(recording, server.url)
                wait_for_end(stopped, server)
    except ReplayMismatch as mismatch:
        if server.handshakes:  # without any client, nothing was to be sent
            click.echo(clean(str(mismatch)), err=True)
            sys.exit(1)


def read_recording(file: str, session: str | None) -> Recording:
    """Reads the recording. Raises `ConfigurationError` where the file is none."""
    from livesession.emulator.replay.recorded_session import load_recording

    try:
        return load_recording(file, session)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def print_all(recording: Recording) -> None:
    console = new_console()
    for line in lines_of(recording):
        console.print(clean(line), soft_wrap=True)


def announce(recording: Recording, url: str) -> None:
    """Prints the address, and the environment variables with which clients connect to it."""
    how = EXPORTS.get(recording.backend, EXPORTS["developer"]).format(url=url)
    text = f"{recording.session} at {url} (Ctrl-C stops it)\n\nlivesession and google-genai get there with\n  {how}\n"
    new_console().print(clean(text), end="", soft_wrap=True)


def wait_for_end(received: SimpleQueue[int], server: LiveEmulator) -> None:
    """Returns on a signal, or when a client has departed from the recording."""
    while server.mismatch is None:
        with suppress(Empty):
            received.get(timeout=LOOK_EVERY)
            return
