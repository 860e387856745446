"""The frame reader by itself: any chunking gives the same messages, and what breaks the protocol is refused."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livesession.connection.frames import BINARY, CLOSE, PING, TEXT, FrameError, FrameReader, close_payload, read_close
from tests.kit.servers import frame

LIMIT = 1_000_000
SCRATCH = memoryview(bytearray(64 * 1024))  # shared by all readers, as in the reader loop


def read(data: bytes, *, chunk: int | None = None, limit: int = LIMIT) -> list[tuple[int, bytes]]:
    """The messages in `data`, given to the reader in chunks."""
    reader = FrameReader(limit)
    messages = []
    while data:
        room = reader.buffer(SCRATCH)
        count = min(len(room), len(data), chunk or len(data))
        room[:count] = data[:count]
        data = data[count:]
        messages += reader.received(count)
    return messages


MESSAGES = frame(b"one") + frame(b"a" * 300) + frame("é".encode(), TEXT) + frame(b"hi", PING) + frame(b"b" * 70_000)
EXPECTED = [(BINARY, b"one"), (BINARY, b"a" * 300), (TEXT, "é".encode()), (PING, b"hi"), (BINARY, b"b" * 70_000)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1000, 65536, None])
def test_any_chunking_gives_the_same_messages(chunk):
    assert read(MESSAGES, chunk=chunk) == EXPECTED


@settings(max_examples=60, deadline=None)
@given(
    payloads=st.lists(st.binary(max_size=400) | st.integers(0, 200_000).map(bytes), max_size=6),
    cuts=st.lists(st.integers(1, 70_000), min_size=1, max_size=8),
)
def test_any_messages_in_any_pieces_come_out_whole(payloads, cuts):
    data, reader, messages = b"".join(map(frame, payloads)), FrameReader(LIMIT), []
    position = 0
    while data:
        room = reader.buffer(SCRATCH)
        count = min(len(room), len(data), cuts[position % len(cuts)])
        room[:count] = data[:count]
        data, position = data[count:], position + 1
        messages += [data for _, data in reader.received(count)]
    assert messages == payloads


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 300)), min_size=1, max_size=60))
def test_readers_that_share_their_scratch_memory_do_not_mix(turns):
    streams = [frame(bytes([number]) * 40) * 100 + frame(bytes([number]) * 70_000) for number in range(3)]
    readers, messages = [FrameReader(LIMIT) for _ in streams], [[] for _ in streams]
    for number, count in [*turns, *((number, 65_536) for number in (0, 1, 2) * 6)]:
        room = readers[number].buffer(SCRATCH)
        piece = streams[number][: min(count, len(room))]
        streams[number] = streams[number][len(piece) :]
        room[: len(piece)] = piece
        messages[number] += [data for _, data in readers[number].received(len(piece))]
    for number in range(3):
        assert messages[number] == [bytes([number]) * 40] * 100 + [bytes([number]) * 70_000]


def test_fragments_are_joined_with_control_frames_between_them():
    data = frame(b"a", TEXT, final=False) + frame(b"p", PING) + frame(b"b", 0, final=False) + frame(b"c", 0)
    assert read(data) == [(PING, b"p"), (TEXT, b"abc")]


def test_a_character_may_be_split_between_fragments():
    whole = "€".encode()
    assert read(frame(whole[:1], TEXT, final=False) + frame(whole[1:], 0)) == [(TEXT, whole)]


def test_the_longest_ping_is_taken():
    assert read(frame(b"x" * 125, PING)) == [(PING, b"x" * 125)]


def test_an_empty_message_is_a_message():
    assert read(frame(b"")) == [(BINARY, b"")]


def test_bytes_that_came_with_the_upgrade_are_read_first():
    reader = FrameReader(LIMIT, initial=frame(b"early") + frame(b"half")[:3])
    assert [data for _, data in reader.received(0)] == [b"early"]
    rest = frame(b"half")[3:]
    reader.buffer(SCRATCH)[: len(rest)] = rest
    assert [data for _, data in reader.received(len(rest))] == [b"half"]


BROKEN = {
    "reserved bits": (frame(b"x", reserved=4), 1002, "reserved bits"),
    "reserved data frame": (frame(b"x", 3), 1002, "reserved kind 3"),
    "reserved control frame": (frame(b"x", 11), 1002, "control frame"),
    "long ping": (frame(b"x" * 126, PING), 1002, "control frame"),
    "fragmented ping": (frame(b"x", PING, final=False), 1002, "control frame"),
    "masked frame": (b"\x82\x81abcdx", 1002, "masked"),
    "masked long frame": (b"\x82\xfe\x00\x80", 1002, "masked"),
    "continuation of nothing": (frame(b"x", 0), 1002, "out of order"),
    "message inside a message": (frame(b"x", final=False) + frame(b"y"), 1002, "out of order"),
    "text that is not UTF-8": (frame(b"\xff", TEXT), 1007, "UTF-8"),
    "text that ends within a character": (frame("€".encode()[:2], TEXT), 1007, "UTF-8"),
    "message over the limit": (frame(b"x" * 101), 1009, "100 bytes"),
    "fragments over the limit": (frame(b"x" * 60, final=False) + frame(b"y" * 41, 0), 1009, "100 bytes"),
    "terabyte announced": (b"\x82\x7f" + (1 << 40).to_bytes(8, "big"), 1009, "100 bytes"),
    "length with the top bit": (b"\x82\x7f" + b"\xff" * 8, 1009, "100 bytes"),
}


@pytest.mark.parametrize(("data", "code", "words"), BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("chunk", [1, None], ids=["bytewise", "at once"])
def test_what_breaks_the_protocol_is_refused_with_its_close_code(data, code, words, chunk):
    with pytest.raises(FrameError, match=words) as caught:
        read(data, chunk=chunk, limit=100)
    assert caught.value.code == code


def test_a_message_in_too_many_frames_is_refused():
    data = frame(b"", final=False) + frame(b"", 0, final=False) * 5
    reader = FrameReader(LIMIT, max_frames=5)
    reader.buffer(SCRATCH)[: len(data)] = data
    with pytest.raises(FrameError, match="more than 5 frames") as caught:
        list(reader.received(len(data)))
    assert caught.value.code == 1009


def test_a_message_in_as_many_frames_as_may_be_is_taken_each_time():
    data = (frame(b"a", final=False) + frame(b"b", 0, final=False) * 3 + frame(b"c", 0)) * 2
    reader = FrameReader(LIMIT, max_frames=5)
    reader.buffer(SCRATCH)[: len(data)] = data
    assert list(reader.received(len(data))) == [(BINARY, b"abbbc")] * 2


def test_messages_before_a_broken_frame_are_yielded_first():
    reader, data = FrameReader(LIMIT), frame(b"good") + frame(b"x", 3)
    reader.buffer(SCRATCH)[: len(data)] = data
    messages = reader.received(len(data))
    assert next(messages) == (BINARY, b"good")
    with pytest.raises(FrameError):
        next(messages)


def test_the_buffer_does_not_grow_by_what_is_only_announced():
    reader = FrameReader(64_000_000)
    header = b"\x82\x7f" + (60_000_000).to_bytes(8, "big")
    reader.buffer(SCRATCH)[: len(header)] = header
    list(reader.received(len(header)))
    assert len(reader.buffer(SCRATCH)) < 200_000


def test_a_large_message_that_trickles_in_is_not_copied_again_with_each_piece():
    data, began = memoryview(frame(bytes(4_000_000))), time.process_time()
    reader, messages = FrameReader(8_000_000), []
    for at in range(0, len(data), 256):
        piece = data[at : at + 256]
        reader.buffer(SCRATCH)[: len(piece)] = piece
        messages += reader.received(len(piece))
    assert len(messages) == 1
    assert time.process_time() - began < 1.5  # 0.03 s; copied each time, it takes 3 s and more


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1011, "Internal error"), (4999, "é")])
def test_a_close_frame_is_read_as_it_was_written(code, reason):
    assert read_close(close_payload(code, reason)) == (code, reason)


def test_a_close_frame_without_a_code_is_1005():
    assert read_close(b"") == (1005, "")


def test_a_close_reason_is_cut_to_what_fits_in_a_frame():
    payload = close_payload(1000, "é" * 100)
    assert len(payload) <= 125
    assert read_close(payload) == (1000, "é" * 61)


@pytest.mark.parametrize("character", ["é", "€", "😀"])
def test_a_close_reason_that_the_server_cut_within_a_character_is_read_up_to_there(character):
    reason = ("x" * 122 + character).encode()[:123]
    assert read_close(b"\x03\xf3" + reason) == (1011, "x" * 122)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
def test_a_close_code_that_must_not_be_sent_is_refused(code):
    with pytest.raises(FrameError, match=str(code)):
        read_close(code.to_bytes(2, "big"))


@pytest.mark.parametrize("payload", [b"\x03", b"\x03\xe8\xff"], ids=["one byte", "not UTF-8"])
def test_a_malformed_close_frame_is_refused(payload):
    with pytest.raises(FrameError):
        read_close(payload)


def test_a_close_frame_is_handed_on_as_it_is():
    assert read(frame(close_payload(1001), CLOSE)) == [(CLOSE, b"\x03\xe9")]
