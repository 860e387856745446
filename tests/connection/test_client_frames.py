"""The frames that a client sends: the same as an independent implementation's, under a fresh key each time."""

from __future__ import annotations

import functools
import io
import os
import random

import pytest
from websocket import ABNF
from websocket._abnf import frame_buffer

from livesession.connection import client_frames as masking
from livesession.connection.client_frames import PIECE, apply_mask_in_python, client_frame, client_frame_pieces
from livesession.connection.frames import BINARY, CLOSE, PING, PONG, TEXT

LENGTHS = [0, 1, 2, 3, 4, 5, 125, 126, 127, 128, 1000, 65535, 65536, 65537, 65539, 200_003]


def implementations() -> list:
    try:
        from websockets.speedups import apply_mask
    except ImportError:
        return [apply_mask_in_python]
    return [apply_mask_in_python, apply_mask]


@pytest.fixture(params=implementations(), ids=lambda function: function.__module__)
def apply_mask(request, monkeypatch):
    monkeypatch.setattr(masking, "apply_mask", request.param)
    return request.param


def key_of(frame: bytes, *_) -> bytes:
    return frame[(start := {126: 4, 127: 10}.get(frame[1] & 0x7F, 2)) : start + 4]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_frame_is_the_one_that_websocket_client_makes_with_the_same_key(apply_mask, length):
    payload = random.Random(length).randbytes(length)
    for opcode in (TEXT, BINARY):
        frame = client_frame(opcode, payload)
        theirs = ABNF.create_frame(payload, opcode)
        theirs.get_mask_key = functools.partial(key_of, frame)
        assert frame == theirs.format()


@pytest.mark.parametrize("length", [*LENGTHS, 2 * PIECE, 2 * PIECE + 1])
def test_the_pieces_of_a_frame_make_the_frame(apply_mask, length, monkeypatch):
    payload = random.Random(length).randbytes(length)
    monkeypatch.setattr(masking.os, "urandom", lambda size: b"\1\2\3\4")
    pieces = list(client_frame_pieces(TEXT, payload))
    assert b"".join(pieces) == client_frame(TEXT, payload)
    assert len(pieces) == max(1, -(-length // PIECE))


@pytest.mark.parametrize(
    ("opcode", "length"),
    [(opcode, length) for opcode in (TEXT, BINARY) for length in LENGTHS]
    + [(opcode, length) for opcode in (CLOSE, PING, PONG) for length in LENGTHS if length <= 125],
)
def test_a_frame_is_read_back(apply_mask, opcode, length):
    payload = b"\x03\xe8" * (length // 2) if opcode == CLOSE else os.urandom(length)
    read = frame_buffer(io.BytesIO(client_frame(opcode, payload)).read, skip_utf8_validation=True).recv_frame()
    assert (read.fin, read.opcode, read.data) == (1, opcode, payload)


def test_each_frame_has_a_key_of_its_own_from_the_system_s_randomness(apply_mask, monkeypatch):
    assert len({key_of(client_frame(TEXT, b"x" * 200)) for _ in range(100)}) == 100
    asked = []
    monkeypatch.setattr(masking.os, "urandom", lambda size: asked.append(size) or bytes(range(1, size + 1)))
    assert key_of(client_frame(TEXT, b"x")) == b"\1\2\3\4"
    assert asked == [4]


@pytest.mark.parametrize("key", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\xff\x80\x01"])
def test_every_byte_is_xored_under_every_byte_of_the_key(apply_mask, key):
    payload = bytes(range(256)) * 5 + b"odd"
    masked = apply_mask(payload, key)
    assert masked == bytes(byte ^ key[position % 4] for position, byte in enumerate(payload))
    assert apply_mask(memoryview(payload), key) == masked
