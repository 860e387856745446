"""An audio conversation while it goes on: on a terminal with a screen and keys, elsewhere line by line."""

from __future__ import annotations

from queue import SimpleQueue

from rich.console import Console, RenderableType
from rich.live import Live

from livesession.audio.controller import AudioConversationController
from livesession.cli.keys import pressed, single_keys
from livesession.cli.signal_queues import caught_stops, stop_process, until_signalled
from livesession.cli.transcript import Transcript

__all__ = ["narrate", "show"]

FRAME = 0.1  # seconds after which the screen is drawn anew
LOOK_EVERY = 0.2  # seconds after which finished lines are printed


def narrate(controller: AudioConversationController, transcript: Transcript, console: Console) -> None:
    """Prints each line when it is finished, until the conversation is over. Raises why, if by an error."""
    try:
        while not controller.wait(LOOK_EVERY):
            transcript.print_finished(console)
    finally:
        transcript.print_rest(console)


def show(
    screen: RenderableType,
    controller: AudioConversationController,
    transcript: Transcript,
    console: Console,
    *,
    is_pushed: bool,
) -> None:
    """Draws the screen and obeys keys, until the user leaves or the conversation is over; then prints what was said.

    Raises why it is over, if by an error, and `KeyboardInterrupt`.
    """
    try:
        # Ctrl-C must not strike in the middle of drawing, and the terminal is as it was after SIGTERM and Ctrl-Z, too.
        with until_signalled() as signals, caught_stops() as stops:
            while not is_left(screen, controller, console, (signals, stops), is_pushed=is_pushed):
                stop_process()
    finally:
        transcript.print_rest(console)


def is_left(
    screen: RenderableType,
    controller: AudioConversationController,
    console: Console,
    signals: tuple[SimpleQueue[int], SimpleQueue[int]],
    *,
    is_pushed: bool,
) -> bool:
    """Draws the screen until the conversation is over or the user leaves it; or, False, stops the process for a while.

    `signals` are the queues of those that end, and of those that stop.
    """
    ends, stops = signals
    with single_keys(), Live(screen, console=console, screen=True, auto_refresh=False) as live:
        while not controller.wait(0):
            live.refresh()
            if not ends.empty():
                raise KeyboardInterrupt
            if not stops.empty():
                stops.get()
                return False
            keys = pressed(FRAME)
            if "q" in keys:
                break
            for key in keys:
                obey(key, controller, is_pushed=is_pushed)
    return True


def obey(key: str, controller: AudioConversationController, *, is_pushed: bool) -> None:
    if is_pushed and key == " ":
        if controller.muted:
            controller.begin_talking()
        else:
            controller.end_talking()
    elif key == "m" and not is_pushed:
        controller.muted = not controller.muted
