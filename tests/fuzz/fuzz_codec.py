"""A fuzz target: whatever a frame holds, `decode` raises nothing, and gives messages or the errors to raise for them.

    python tests/fuzz/fuzz_codec.py [-runs=N] [CORPUS]

Needs atheris (extra `fuzz`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["livesession"]):
    from livesession import LiveServerMessage, ProtocolError
    from livesession.codec import decode
    from livesession.messages.server import LiveServerContent


def check(data: bytes) -> None:
    for item in decode(data):
        assert isinstance(item, (LiveServerMessage, ProtocolError))
        assert repr(item)
        if isinstance(item, LiveServerContent):
            assert isinstance(item.text + item.thoughts + item.transcript, str)
            assert isinstance(item.audio, bytes)
            assert item.audio_rate is None or item.audio_rate >= 0


def main() -> None:
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
