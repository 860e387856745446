"""`livesession record`: a conversation like that of `livesession chat`, into a file."""

from __future__ import annotations

import click

from livesession.cli.answer_output import OutputFile
from livesession.cli.chat import hold
from livesession.cli.target import Target, recorded_session_options

__all__ = ["record"]


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
    hold(target)
