"""WebSocket frames (RFC 6455) from bytes, without I/O.

The caller reads into `buffer(scratch)` and says how much came with `received(count)`, which yields the messages that
are complete: fragments joined, control frames among them, each checked. No extension is spoken, so reserved bits are
errors. The scratch memory may be shared by many readers: only the beginning of a frame is kept, in a buffer that grows
with what really came, so memory stays within the size limit, whatever a header announces.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator

__all__ = [
    "BINARY",
    "CLOSE",
    "HEADER_16",
    "HEADER_64",
    "LENGTH_IN_16_BITS",
    "LENGTH_IN_64_BITS",
    "PING",
    "PONG",
    "TEXT",
    "FrameError",
    "FrameReader",
    "Message",
    "close_payload",
    "read_close",
]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

WHOLE_BINARY = 0x80 | BINARY  # the first byte of a message in a single frame, as the real servers send all

BUFFER_BYTES = 64 * 1024
MAX_FRAMES = 1_000_000
LENGTH_IN_16_BITS, LENGTH_IN_64_BITS = 126, 127
HEADER_BYTES = {LENGTH_IN_16_BITS: 4, LENGTH_IN_64_BITS: 10}  # by the length in the second byte; others have 2
HEADER_16, HEADER_64 = struct.Struct("!BBH"), struct.Struct("!BBQ")
CONTROL_LIMIT = 125
REASON_LIMIT = 123
RESERVED_CLOSE_CODES = {1004, 1005, 1006, 1015}


class FrameError(Exception):
    """The peer broke the protocol; `code` is the close code to answer with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


Message = tuple[int, bytes]
"""The opcode and the data of a whole message, or of a control frame."""


class FrameReader:
    """Turns received bytes into messages.

    Args:
        max_message_bytes: A longer message is a `FrameError` with code 1009, raised as soon as its length is known.
        max_frames: So is a message in more frames than this, however small they are.
        initial: Bytes that were read with the handshake's answer.
    """

    __slots__ = (
        "_collected", "_end", "_frames", "_limit", "_max_frames", "_opcode", "_own", "_start", "_utf8", "_view",
        "_wanted",
    )  # fmt: skip

    def __init__(self, max_message_bytes: int, initial: bytes = b"", *, max_frames: int = MAX_FRAMES) -> None:
        self._limit = max_message_bytes
        self._max_frames = max_frames
        self._frames = 0  # of the message whose fragments are being collected
        self._own = bytearray(2 * len(initial))  # holds the beginning of a frame from one read to the next; else empty
        self._own[: len(initial)] = initial
        self._view = memoryview(self._own)  # of what _start and _end are positions in
        self._start, self._end = 0, len(initial)
        self._wanted = 2  # bytes of the frame at _start, as far as is known
        self._opcode = CONTINUATION  # of the message whose fragments are being collected
        self._collected = bytearray()
        self._utf8 = codecs.getincrementaldecoder("utf-8")()

    def buffer(self, scratch: memoryview) -> memoryview:
        """Returns the memory for the next bytes: `scratch`, or behind the beginning of a frame; never empty."""
        if self._start == self._end:
            self._view = scratch
        return self._view[self._end :]

    def received(self, count: int) -> Iterator[Message]:
        """Yields the messages completed by `count` more bytes in the buffer; `FrameError` for what must not be.

        To be iterated to its end before more is read.
        """
        self._end += count
        while self._start < self._end and (frame := self._next_frame()):
            first, payload = frame
            if first == WHOLE_BINARY and self._opcode == CONTINUATION:
                yield BINARY, payload
            elif message := self._assemble(first, payload):
                yield message
        self._keep_rest()

    def _next_frame(self) -> tuple[int, bytes] | None:
        """First byte and payload of the next frame; None until it is all there."""
        view, start, available = self._view, self._start, self._end - self._start
        if available >= HEADER_16.size:
            first, code, length = HEADER_16.unpack_from(view, start)
            body = start + HEADER_16.size
            end = body + length
            if first == WHOLE_BINARY and code == LENGTH_IN_16_BITS and end <= self._end and length <= self._limit:
                self._start = end  # nearly all are such
                return first, view[body:end].tobytes()
        return self._next_frame_of_any_kind()

    def _next_frame_of_any_kind(self) -> tuple[int, bytes] | None:
        view, start, available = self._view, self._start, self._end - self._start
        if available < 2:
            self._wanted = 2
            return None
        first, length = view[start], view[start + 1]
        header = HEADER_BYTES.get(length, 2)
        if available < header:
            self._wanted = header
            return None
        if header > 2:
            length = int.from_bytes(view[start + 2 : start + header], "big")
        if first != WHOLE_BINARY or length > self._limit or (header == 2 and length > CONTROL_LIMIT):
            self._check(first, length, header)
        if available < header + length:
            self._wanted = header + length
            return None
        self._start = start + header + length
        return first, view[start + header : self._start].tobytes()

    def _check(self, first: int, length: int, header: int) -> None:
        """Raises for a header that breaks the protocol."""
        opcode = first & 0x0F
        if header == 2 and length & 0x80:
            raise FrameError(1002, "a masked frame from the server")
        if first & 0x70:
            raise FrameError(1002, f"reserved bits set in a frame (first byte 0x{first:02x})")
        if opcode >= CLOSE:
            if opcode > PONG or length > CONTROL_LIMIT or not first & 0x80:
                raise FrameError(1002, f"a bad control frame (first byte 0x{first:02x}, {length:,} bytes)")
        elif opcode > BINARY:
            raise FrameError(1002, f"a frame of the reserved kind {opcode}")
        elif length + len(self._collected) > self._limit:
            raise FrameError(
                1009, f"a message over the limit of {self._limit:,} bytes (SessionOptions.max_message_bytes)"
            )

    def _assemble(self, first: int, payload: bytes) -> Message | None:
        """A message or control frame, if this frame completes one."""
        opcode, final = first & 0x0F, bool(first & 0x80)
        if opcode >= CLOSE:
            return opcode, payload
        if (opcode == CONTINUATION) != (self._opcode != CONTINUATION):
            raise FrameError(1002, "fragments of messages out of order")
        opcode = opcode or self._opcode
        if opcode == TEXT:
            self._validate(payload, final)
        if final and self._opcode == CONTINUATION:
            return opcode, payload
        return self._collect(opcode, payload, final)

    def _collect(self, opcode: int, payload: bytes, final: bool) -> Message | None:
        self._opcode = CONTINUATION if final else opcode
        self._collected += payload
        self._frames += 1
        if self._frames > self._max_frames:
            raise FrameError(1009, f"a message in more than {self._max_frames:,} frames")
        if not final:
            return None
        message = opcode, bytes(self._collected)
        self._collected, self._frames = bytearray(), 0
        return message

    def _validate(self, payload: bytes, final: bool) -> None:
        try:
            self._utf8.decode(payload, final)
        except UnicodeDecodeError as error:
            raise FrameError(1007, "a text message that is not UTF-8") from error

    def _keep_rest(self) -> None:
        """Moves the beginning of a frame to where there is room for more of it."""
        pending, is_own = self._end - self._start, self._view.obj is self._own
        if not pending:
            self._start = self._end = 0
            if is_own:  # given back now, so that a large buffer is not kept while its message is worked on
                self._own = bytearray()
                self._view = memoryview(self._own)
        elif not is_own or not self._has_room():
            self._keep(max(BUFFER_BYTES, min(self._wanted, 2 * pending)))

    def _has_room(self) -> bool:
        """Whether the frame fits, or has room to go on; a full buffer is doubled, so that the copying stays linear."""
        fits = self._start + self._wanted <= len(self._view)
        return fits or (self._start == 0 and self._end < len(self._view))

    def _keep(self, capacity: int) -> None:
        """Puts what is pending at the front of a buffer of that size."""
        pending = self._view[self._start : self._end]
        if capacity != len(self._own):
            self._own = bytearray(capacity)
            self._view = memoryview(self._own)
            self._view[: len(pending)] = pending  # a bytearray would make a copy of it first
        else:
            self._own[: len(pending)] = bytes(pending)
        self._start, self._end = 0, len(pending)


def read_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame; 1005 where it holds none.

    Of a character that is cut off at the end of the reason nothing is shown: servers cut long reasons by their bytes.
    """
    if not payload:
        return 1005, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not 1000 <= code <= 4999 or 1016 <= code <= 2999 or code in RESERVED_CLOSE_CODES:
        raise FrameError(1002, f"a close frame that must not be (code {code})")
    try:
        return code, codecs.getincrementaldecoder("utf-8")().decode(payload[2:])
    except UnicodeDecodeError as error:
        raise FrameError(1007, "a close reason that is not UTF-8") from error


def close_payload(code: int, reason: str = "") -> bytes:
    """The payload of a close frame; the reason is cut to what fits."""
    if code in RESERVED_CLOSE_CODES:
        return b""
    words = reason.encode("utf-8")[:REASON_LIMIT].decode("utf-8", "ignore")
    return code.to_bytes(2, "big") + words.encode("utf-8")
