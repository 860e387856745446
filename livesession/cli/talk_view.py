"""The view of an audio conversation: a screen with keys on a terminal, lines of the transcript elsewhere."""

from __future__ import annotations

from queue import SimpleQueue

from rich.console import Console, RenderableType
from rich.live import Live

from livesession.audio.controller import AudioConversationController
from livesession.cli.keys import read_keys, single_keys
from livesession.cli.signal_queues import end_signals, stop_process, stop_signals
from livesession.cli.transcript import Transcript

__all__ = ["narrate", "show"]

FRAME = 0.1  # seconds between two drawings of the screen
LOOK_EVERY = 0.2  # seconds between two looks for finished lines


def narrate(controller: AudioConversationController, transcript: Transcript, console: Console) -> None:
    """Prints each line when it is finished, until the conversation is over. Raises the error that ended it, if any."""
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
    """Draws the screen and handles keys, until the user leaves or the conversation is over; then prints the transcript.

    Raises the error that ended the conversation, if any, and `KeyboardInterrupt`.
    """
    try:
        # Signals wait in queues: none strikes in the middle of drawing, and the terminal is restored before each takes
        # effect, SIGTERM and Ctrl-Z included.
        with end_signals() as signals, stop_signals() as stops:
            while not run_screen(screen, controller, console, (signals, stops), is_pushed=is_pushed):
                stop_process()
    finally:
        transcript.print_rest(console)


def run_screen(
    screen: RenderableType,
    controller: AudioConversationController,
    console: Console,
    signals: tuple[SimpleQueue[int], SimpleQueue[int]],
    *,
    is_pushed: bool,
) -> bool:
    """Draws the screen until the conversation is over or the user leaves; returns False where Ctrl-Z came before that.

    The terminal is restored when this returns. `signals` are the queues of those that end, and of those that stop.
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
            keys = read_keys(FRAME)
            if "q" in keys:
                break
            for key in keys:
                handle_key(key, controller, is_pushed=is_pushed)
    return True


def handle_key(key: str, controller: AudioConversationController, *, is_pushed: bool) -> None:
    """Mutes, unmutes, begins or ends to talk, as the key says; other keys do nothing."""
    if is_pushed and key == " ":
        if controller.muted:
            controller.begin_talking()
        else:
            controller.end_talking()
    elif key == "m" and not is_pushed:
        controller.muted = not controller.muted
