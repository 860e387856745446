"""The queue of a recording: entries come out in their order, and frames only once it is known that they went out."""

from __future__ import annotations

from livesession.observers import Connected
from livesession.recording.entries import Entry, EntryQueue, RecordedMessage


def frame(data: bytes, *, is_settled: bool = True) -> Entry:
    return Entry(0.0, RecordedMessage(1, "client", data, str), is_settled)


def filled(*entries: Entry) -> EntryQueue:
    queue = EntryQueue()
    for entry in entries:
        queue.put(entry)
    return queue


def test_entries_are_taken_in_their_order():
    opened, first, second = Entry(0.0, Connected(1, str)), frame(b"1"), frame(b"2")
    queue = filled(opened, first, second)
    assert queue.is_ready
    assert queue.take() == [opened, first, second]
    assert not queue.is_ready
    assert queue.take() == []


def test_a_frame_that_is_being_sent_holds_back_what_comes_after_it():
    before, sending, answer = frame(b"before"), frame(b"sending", is_settled=False), frame(b"answer")
    queue = filled(before, sending, answer)
    assert queue.take() == [before]
    assert not queue.is_ready
    assert not queue.is_settled
    sending.is_settled = True
    assert queue.is_settled
    assert queue.take() == [sending, answer]


def test_a_frame_that_did_not_go_out_is_left_out():
    sent, stuck = frame(b"sent"), frame(b"stuck", is_settled=False)
    queue = filled(sent, stuck)
    queue.settle_all()
    assert queue.take() == [sent]


def test_bytes_that_wait_are_counted():
    queue = EntryQueue()
    assert queue.put(frame(b"123")) == 3
    assert queue.put(Entry(0.0, Connected(1, str))) == 3
    assert queue.put(frame(b"45")) == 5
    queue.take()
    assert queue.put(frame(b"6")) == 1
    queue.clear()
    assert queue.put(frame(b"")) == 0
