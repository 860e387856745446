"""The command `livesession`: the group of its commands, each of which has a module of its own (`record` is in `chat`).

A module imports at its top what declares its options, and in its functions what its work needs: so `--help` and each
command start without the emulator and the audio code that others need.

`question.wav`, which `demo` speaks, was made with espeak-ng and sox:

    espeak-ng -v en-us -s 165 -w spoken.wav "Hello! Can you hear me well?"
    sox -R spoken.wav -r 16000 -c 1 -b 16 question.wav norm -3 pad 0 0.6
"""

from __future__ import annotations

import io
import sys
import traceback

import click

from livesession.cli.ask import ask
from livesession.cli.chat import chat, record
from livesession.cli.console import one_line
from livesession.cli.demo import demo
from livesession.cli.devices import devices
from livesession.cli.emulate import emulator
from livesession.cli.replay import replay
from livesession.cli.talk import talk
from livesession.errors import LiveSessionError
from livesession.version import __version__

__all__ = ["commands", "run"]

INTERRUPTED = 130  # the exit code that shells give for Ctrl-C: 128 and the number of SIGINT


class Commands(click.Group):
    """A group whose commands report an error in one line on stderr, and end with 130 on Ctrl-C."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:  # as in `livesession ... | head`: click ends without a message
            raise
        except (LiveSessionError, OSError) as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            raise click.ClickException(one_line(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="livesession", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
def commands(debug: bool) -> None:
    """Talk to Google's Live API from the command line.

    \b
    livesession demo                          a short tour, without a key
    livesession ask "What is a WebSocket?"    one question, one answer
    livesession chat                          a conversation
    livesession talk                          a conversation, spoken
    livesession record talk.jsonl             a conversation, recorded
    livesession replay talk.jsonl             the recording, as a Live API
    livesession emulator                      a Live API of your own, without a key
    livesession devices                       microphones and loudspeakers

    The key is taken from GEMINI_API_KEY (https://aistudio.google.com), the model from LIVESESSION_MODEL. Exit codes:
    0 success, 1 an error, 2 wrong usage, 130 Ctrl-C.
    """


for command in (demo, ask, chat, talk, record, replay, emulator, devices):
    commands.add_command(command)


def run() -> None:
    """Runs the command with the arguments of this process, and ends the process."""
    # A character that a stream cannot encode or decode is replaced: it is no reason to fail.
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    commands(prog_name="livesession")
