"""Types of arguments and options that name a file: one to read, or one to write."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["INPUT_FILE", "OutputFile"]

INPUT_FILE = click.Path(exists=True, dir_okay=False)


class OutputFile(click.Path):
    """A file to write; a folder that is missing is reported before the session begins, not when the answer is there."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        path = str(super().convert(value, param, ctx))  # type: ignore[arg-type]
        if not Path(path).absolute().parent.is_dir():
            self.fail(f"The folder of {path!r} does not exist.", param, ctx)
        return path
