"""The outbox by itself: what was sent and may have to be sent again, or to be reported as lost."""

from __future__ import annotations

from livesession.messages.client import LiveClientContent, LiveClientMessage, LiveClientRealtimeInput
from livesession.resumption.unacknowledged import KEPT_BYTES, UnacknowledgedMessages

MIB = 1024 * 1024


def said(text: str) -> LiveClientRealtimeInput:
    return LiveClientRealtimeInput(text=text)


def filled(*texts: str, size: int = 0) -> tuple[UnacknowledgedMessages, list[LiveClientMessage]]:
    outbox, messages = UnacknowledgedMessages(), [said(text) for text in texts]
    for message in messages:
        outbox.note(message, size)
    return outbox, messages


def test_a_request_is_sent_again_as_one():
    outbox, request = UnacknowledgedMessages(), LiveClientContent(turn_complete=True)
    outbox.note(request, 10, 0)
    assert outbox.begin_again() == ((request,), 0)


def test_a_history_is_sent_again_without_asking():
    outbox = UnacknowledgedMessages()
    outbox.note(LiveClientContent(turn_complete=True), 10)
    assert outbox.begin_again() == ((LiveClientContent(turn_complete=False),), 0)


def test_the_newest_messages_are_kept_up_to_a_size():
    outbox, messages = filled("a", "b", "c", "d", size=5 * MIB)
    assert outbox.take_lost() == (tuple(messages[1:]), 4)


def test_the_newest_message_is_kept_whatever_its_size():
    outbox, messages = filled("a", "b", size=KEPT_BYTES)
    assert outbox.take_lost() == ((messages[1],), 2)


def test_small_messages_count_with_the_memory_that_they_take():
    outbox, message = UnacknowledgedMessages(), said("x")
    for _ in range(40_000):
        outbox.note(message, 0)
    lost, count = outbox.take_lost()
    assert 30_000 < len(lost) < 35_000
    assert count == 40_000


def test_what_was_withdrawn_is_neither_lost_nor_in_the_way_of_what_follows():
    outbox, (first,) = filled("a")
    outbox.turn_ended(0)
    outbox.withdraw(first)
    later = said("b")
    outbox.note(later, 0)
    outbox.acknowledge(None)  # of which the server cannot know yet
    assert outbox.take_lost() == ((later,), 1)


def test_of_what_was_not_kept_only_that_counts_as_lost_which_was_not_acknowledged():
    for acknowledged, not_kept in [(0, 3), (1, 2), (2, 1), (3, 0)]:
        outbox, messages = filled("a", "b", "c", "d", size=KEPT_BYTES)
        outbox.acknowledge(acknowledged)
        assert outbox.take_lost() == ((messages[3],), not_kept + 1)


def test_what_was_reported_as_lost_is_forgotten():
    outbox, _ = filled("a", "b", size=KEPT_BYTES)
    outbox.turn_ended(0)
    outbox.take_lost()
    assert outbox.take_lost() == ((), 0)
    later = said("b")
    outbox.note(later, 0)
    outbox.acknowledge(None)
    outbox.acknowledge(0)
    assert outbox.take_lost() == ((later,), 1)
