"""A fuzz target: any bytes in any pieces are frames, or a `FrameError`; and the pieces make no difference.

    python tests/fuzz/fuzz_frames.py [-runs=N] [CORPUS]

Needs atheris (extra `fuzz`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["livesession"]):
    from livesession.connection.frames import CLOSE, FrameError, FrameReader, close_payload, read_close

LIMIT = 1_000
SCRATCH = memoryview(bytearray(64 * 1024))
MAX_FRAMES = 50
CLOSE_CODES = {code: code for code in (1002, 1007, 1009)}  # no other one is the right answer to bad bytes

Outcome = tuple[list[tuple[int, bytes]], int | None]


def read(data: bytes, piece: int) -> Outcome:
    """The messages, and the close code of the error that ended them."""
    reader, messages = FrameReader(LIMIT, max_frames=MAX_FRAMES), []
    try:
        while data:
            room = reader.buffer(SCRATCH)
            count = min(len(room), len(data), piece)
            assert count, "no room for more"
            room[:count], data = data[:count], data[count:]
            for opcode, payload in reader.received(count):
                assert len(payload) <= LIMIT
                messages.append((opcode, payload))
                if opcode == CLOSE:
                    check_close(payload)
    except FrameError as error:
        return messages, CLOSE_CODES[error.code]
    return messages, None


def check_close(payload: bytes) -> None:
    code, reason = read_close(payload)
    assert read_close(close_payload(code, reason)) == (code, reason)


def check(data: bytes) -> None:
    """The first byte says how large the pieces are."""
    if data:
        assert read(data[1:], 1 + data[0]) == read(data[1:], len(data))


def main() -> None:
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
