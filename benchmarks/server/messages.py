"""What the load server sends: whole frames, made beforehand, with the JSON spaced as the real server spaces it."""

from __future__ import annotations

import base64
import json
import random
import struct

__all__ = ["PONG", "SETUP_COMPLETE", "STAMP", "TURN_COMPLETE", "audio_frame", "calls", "frame", "stamp_offset"]

BINARY = 0x82  # a whole message; the real server sends all its JSON in binary frames
STAMP = struct.Struct("<Qx")
"""The time of sending in paced audio: nanoseconds, and a byte that makes it 12 whole characters of base64."""


def frame(payload: bytes, opcode: int = BINARY) -> bytes:
    """One unmasked WebSocket frame."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", opcode, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", opcode, 126, size) + payload
    return struct.pack("!BBQ", opcode, 127, size) + payload


def message_frame(message: object) -> bytes:
    return frame(json.dumps(message, indent=2).encode() + b"\n\n")


def audio_frame(characters: int) -> bytes:
    """A piece of speech, that many base64 characters long."""
    pcm = random.Random(characters).randbytes(characters * 3 // 4)
    data = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(pcm).decode()}
    return message_frame({"serverContent": {"modelTurn": {"parts": [{"inlineData": data}]}}})


def stamp_offset(audio: bytes) -> int:
    """Where the base64 begins in an audio frame."""
    marker = b'"data": "'
    return audio.index(marker) + len(marker)


def calls(number: int) -> bytes:
    """A message with that many calls of one function."""
    made = [{"name": "work", "args": {}, "id": f"function-call-{each}"} for each in range(number)]
    return message_frame({"toolCall": {"functionCalls": made}})


SETUP_COMPLETE = message_frame({"setupComplete": {}})
TURN_COMPLETE = message_frame({"serverContent": {"turnComplete": True}})
PONG = message_frame({"serverContent": {"modelTurn": {"parts": [{"text": "pong"}]}}})
