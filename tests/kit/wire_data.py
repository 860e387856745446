"""Real traffic of the service, which lies beside the checkout; and typed messages turned back into its frames."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import attrs

from livesession.codec.converter import converter
from livesession.codec.decoder import KINDS
from livesession.messages.server import LiveServerMessage

FOLDER = Path(os.environ.get("LIVESESSION_WIRE_DATA") or Path(__file__).parents[3] / "shared" / "wire")
REASON = f"no recorded traffic: {FOLDER.name}/ is not beside the checkout, and LIVESESSION_WIRE_DATA does not name it"

NAMES = {cls: name for name, cls in KINDS.items()}


def wire_data(name: str) -> list[dict]:
    """The objects of one of the folder's files; none where it is absent."""
    path = FOLDER / name
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def frame_of(messages: Iterable[LiveServerMessage]) -> dict:
    """The frame that a server would send for these messages; the library itself has no use for this direction."""
    frame: dict = {}
    for message in messages:
        if type(message) in NAMES:
            frame[NAMES[type(message)]] = converter.unstructure(attrs.evolve(message, usage_metadata=None))
        if message.usage_metadata is not None:
            frame["usageMetadata"] = converter.unstructure(message.usage_metadata)
    return frame
