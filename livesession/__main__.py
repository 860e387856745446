"""The command `livesession`; without the extra `cli`, which it needs, an error in one line names that extra."""

from __future__ import annotations

import sys

from livesession.errors import MissingExtraError

__all__ = ["main"]

NEEDED = ("click", "rich")


def main() -> None:
    """Runs the command with the arguments of this process, and ends the process."""
    try:
        from livesession.cli import run
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in NEEDED:
            raise
        sys.exit(f"Error: {MissingExtraError('The livesession command', 'cli')}")
    run()


if __name__ == "__main__":
    main()
