"""Files that only their owner may read, and that nobody else in the process writes to."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from livesession.errors import ConfigurationError

__all__ = ["close_private", "open_private", "unwritable", "write_all"]

OWNER_ONLY = 0o600


def open_private(path: Path) -> int:
    """A descriptor to write a file with, which is emptied where it exists. Raises `ConfigurationError`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), OWNER_ONLY)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):  # not a pipe, nor /dev/null, which belongs to all
            lock(descriptor)
            os.ftruncate(descriptor, 0)
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, OWNER_ONLY)
    except OSError as error:
        os.close(descriptor)
        raise unwritable(path, error) from error
    return descriptor


def lock(descriptor: int) -> None:
    """Raises `OSError` where another recording is being written to the file, by any process."""
    try:
        flock(descriptor, is_locked=True)
    except BlockingIOError as error:
        raise OSError(error.errno, "another session is being recorded to it") from error


def flock(descriptor: int, *, is_locked: bool) -> None:
    """Does nothing where the system or the file system has no such locks. Raises `BlockingIOError`."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if is_locked else fcntl.LOCK_UN)
    except BlockingIOError:
        raise
    except OSError:
        return


def close_private(descriptor: int) -> None:
    """Closes it; a process that was forked meanwhile, and holds it too, does not keep the file locked."""
    flock(descriptor, is_locked=False)
    os.close(descriptor)


def unwritable(path: Path, error: OSError) -> ConfigurationError:
    """Makes the error for a file that cannot be written."""
    return ConfigurationError(
        f"The session cannot be recorded to {str(path)!r}: {error.strerror or error}. Nothing was sent."
    )


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of it. Raises `OSError`."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
