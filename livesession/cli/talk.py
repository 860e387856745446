"""`livesession talk`: a spoken conversation, by microphone and loudspeaker or by WAV files."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TypeGuard

import attrs
import click

from livesession.cli.console import new_console, note
from livesession.cli.file_arguments import INPUT_FILE, OutputFile
from livesession.cli.target import Target, session_options

if TYPE_CHECKING:
    from livesession.audio import AudioInput, AudioOutput

__all__ = ["talk"]

EMULATOR_PACE = 1.5  # seconds of speech in a second: faster than it is played, and slow enough for barge-in
SILENCE_AFTER = 1.0  # seconds of silence after a file, by which the server detects the end of the user's turn
FILES = {"input": INPUT_FILE, "output": OutputFile()}


def checked(ctx: click.Context, param: click.Parameter, device: str | None) -> str | None:
    """Checks a file before the session begins; a device is left as it is."""
    if is_file(device):
        FILES[str(param.name)].convert(device, param, ctx)
    elif device and os.path.isfile(device):
        raise click.BadParameter(f"{device} is a file, but no WAV file. Convert it:  ffmpeg -i {device} talk.wav")
    return device


def is_file(device: str | None) -> TypeGuard[str]:
    """Whether it names a WAV file, and not a device."""
    return device is not None and device.lower().endswith(".wav")


@click.command()
@click.option("--input", metavar="DEVICE|FILE.wav", callback=checked, help="Default the system's microphone.")
@click.option("--output", metavar="DEVICE|FILE.wav", callback=checked, help="Default the system's loudspeaker.")
@click.option("--headphones", is_flag=True, help="The microphone does not hear the model: you may cut in.")
@click.option("--echo-cancel", is_flag=True, help="You may cut in beside a loudspeaker too; needs the extra echo.")
@click.option("--push-to-talk", is_flag=True, help="The space bar says when you begin to speak, and when you end.")
@session_options
def talk(
    input: str | None, output: str | None, headphones: bool, echo_cancel: bool, push_to_talk: bool, target: Target
) -> None:
    """Speak with the model; needs the extra audio, but for WAV files.

    A microphone and a loudspeaker are chosen by number or by a part of the name, see "livesession devices". While the
    loudspeaker speaks, the microphone counts as silent. A file that is heard ends the conversation when it has been
    answered; one that is written holds what a loudspeaker would have played, pauses and all.

    \b
    livesession talk --headphones
    livesession talk --input question.wav --output answer.wav --back-end emulator

    \b
    m      mute, and unmute
    space  with --push-to-talk: begin to speak; once more: end (terminals do not
           tell when a key is let go)
    q      leave, as Ctrl-C does
    """
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not new_console().is_dumb_terminal
    check_options(input, output, target, lacks_keys=push_to_talk and not has_terminal)
    played_ms = hold_conversation(
        target, input, output, headphones=headphones, echo_cancel=echo_cancel, is_pushed=push_to_talk,
        has_terminal=has_terminal,
    )  # fmt: skip
    if is_file(output):
        note(f"{output}: what was heard, {played_ms / 1000:.1f} s of speech")


def hold_conversation(
    target: Target,
    input: str | None,
    output: str | None,
    *,
    headphones: bool,
    echo_cancel: bool,
    is_pushed: bool,
    has_terminal: bool,
) -> float:
    """Opens a session and talks until the conversation is over; returns the milliseconds of speech that were played."""
    from livesession.audio import WebRtcEchoCanceller, start_audio_conversation
    from livesession.cli.screen import ModelActivity, Screen
    from livesession.cli.talk_view import narrate, show
    from livesession.cli.transcript import Transcript

    console, transcript, activity = new_console(), Transcript(), ModelActivity()
    with (
        attrs.evolve(target, pace=EMULATOR_PACE).connect(manual=is_pushed) as session,
        start_audio_conversation(
            session,
            input=input_of(input),
            output=output_of(output),
            on_transcript=transcript.add,
            on_message=activity.on_message,
            # A user who pushes to talk is heard at once, also while the model still speaks.
            half_duplex=False if headphones or is_pushed else None,
            echo_canceller=WebRtcEchoCanceller() if echo_cancel else None,
        ) as controller,
    ):
        if has_terminal:
            screen = Screen(controller, transcript, activity, title(target), is_pushed=is_pushed)
            show(screen, controller, transcript, console, is_pushed=is_pushed)
        else:
            narrate(controller, transcript, console)
    return controller.statistics.played_ms


def check_options(input: str | None, output: str | None, target: Target, *, lacks_keys: bool) -> None:
    """Raises `UsageError` for options that do not go together; `lacks_keys` is push to talk without a terminal."""
    if target.modality == "text":
        raise click.UsageError("To talk is to hear the answer: leave out --modality text.")
    if lacks_keys:
        raise click.UsageError("--push-to-talk needs a terminal, for the space bar.")
    if is_file(input) and is_file(output) and os.path.realpath(input) == os.path.realpath(output):
        raise click.UsageError("--input and --output are the same file, which would be lost.")


def input_of(device: str | None) -> AudioInput | int | str | None:
    """The input for an option: a WAV file, the number or name of a microphone, or None for the default one."""
    from livesession.audio import WavInput

    if is_file(device):
        return WavInput(device, silence_after=SILENCE_AFTER)
    return by_number_or_name(device)


def output_of(device: str | None) -> AudioOutput | int | str | None:
    """The output for an option: a WAV file, the number or name of a loudspeaker, or None for the default one."""
    from livesession.audio import WavOutput

    return WavOutput(device) if is_file(device) else by_number_or_name(device)


def by_number_or_name(device: str | None) -> int | str | None:
    return int(device) if device is not None and device.isdecimal() else device


def title(target: Target) -> str:
    return "The built-in emulator, which only echoes" if target.back_end == "emulator" else target.model


for option in talk.params:
    if option.name in ("modality", "realtime_text") and isinstance(option, click.Option):
        option.hidden = True  # there is nothing to choose for speech; `check_options()` refuses them
