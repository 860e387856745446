"""Files that only their owner may read, locked against a second writer."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from livesession.errors import ConfigurationError

__all__ = ["close_private", "open_private", "unwritable", "write_all"]

OWNER_ONLY = 0o600


def open_private(path: Path) -> int:
    """Opens a file for writing, which is emptied if it exists; returns its descriptor.

    Raises `ConfigurationError` where that fails, or another recording is being written to the file.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), OWNER_ONLY)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):  # a pipe or /dev/null is neither locked nor changed
            lock(descriptor)
            os.ftruncate(descriptor, 0)
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, OWNER_ONLY)
    except OSError as error:
        os.close(descriptor)
        raise unwritable(path, error) from error
    return descriptor


def lock(descriptor: int) -> None:
    """Locks a file; raises `OSError` where another recording, of any process, is being written to it."""
    try:
        flock(descriptor, is_locked=True)
    except BlockingIOError as error:
        raise OSError(error.errno, "another session is being recorded to it") from error


def flock(descriptor: int, *, is_locked: bool) -> None:
    """Locks or unlocks a file, where the system and the file system have such locks.

    Raises `BlockingIOError` where it is locked by another descriptor.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if is_locked else fcntl.LOCK_UN)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        return


def close_private(descriptor: int) -> None:
    """Closes a file. It is unlocked first: a process that was forked meanwhile has it open too, and would lock it."""
    flock(descriptor, is_locked=False)
    os.close(descriptor)


def unwritable(path: Path, error: OSError) -> ConfigurationError:
    """The error for a file that cannot be recorded to."""
    return ConfigurationError(
        f"The session cannot be recorded to {str(path)!r}: {error.strerror or error}. Nothing was sent."
    )


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all data, in as many steps as the system takes. Raises `OSError`."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
