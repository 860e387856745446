"""The choice of the back end: by name, or by the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from livesession.backends import Backend, FirebaseAI, GoogleAI, VertexAI, backend_from_environment
from livesession.errors import ConfigurationError

if TYPE_CHECKING:
    from livesession.emulator import Piece, UserTurn

__all__ = ["has_credentials", "open_backend"]

NO_KEY = (
    "There is no API key: set GEMINI_API_KEY (from https://aistudio.google.com), or try the built-in emulator: "
    "--back-end emulator."
)
NO_FIREBASE = "Firebase needs FIREBASE_API_KEY and FIREBASE_PROJECT in the environment."


@contextmanager
def open_backend(name: str | None, pace: float) -> Iterator[Backend]:
    """Yields the back end of that name; without a name, the one that the environment chooses.

    The emulator runs as long as the block, at `pace`. Raises `ConfigurationError` where credentials are missing.
    """
    if name == "emulator":
        from livesession.emulator import LiveEmulator  # a third of the start-up time

        with LiveEmulator(word_by_word, pace=pace) as emulator:
            yield emulator.backend()
    elif name == "vertex":
        yield VertexAI()
    elif name == "firebase":
        yield firebase()
    else:
        yield google() if name == "google" else from_environment()


def word_by_word(turn: UserTurn) -> Iterator[Piece]:
    """Responds as the emulator does by default, but word by word: so come the transcripts of a real model."""
    from livesession.emulator import echo

    for piece in echo(turn):
        if isinstance(piece, str):
            first, *rest = piece.split(" ")
            yield from [first, *(f" {word}" for word in rest)]
        else:
            yield piece


def has_credentials() -> bool:
    """Whether the environment has a back end with credentials."""
    try:
        backend_from_environment()
    except ConfigurationError:
        return False
    return True


def from_environment() -> Backend:
    if not has_credentials():
        raise ConfigurationError(NO_KEY)
    return backend_from_environment()


def google() -> Backend:
    try:
        return GoogleAI()
    except ConfigurationError:
        raise ConfigurationError(NO_KEY) from None


def firebase() -> Backend:
    key, project = os.environ.get("FIREBASE_API_KEY"), os.environ.get("FIREBASE_PROJECT")
    if not key or not project:
        raise ConfigurationError(NO_FIREBASE)
    return FirebaseAI(api_key=key, project=project)
