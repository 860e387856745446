"""The unacknowledged messages by themselves: what was sent and may have to be sent again, or to be reported as lost."""

from __future__ import annotations

from livesession.messages.client import LiveClientContent, LiveClientMessage, LiveClientRealtimeInput
from livesession.resumption.unacknowledged import UnacknowledgedMessages

MIB = 1024 * 1024
KEPT_BYTES = 16 * MIB


def said(text: str) -> LiveClientRealtimeInput:
    return LiveClientRealtimeInput(text=text)


def filled(*texts: str, size: int = 0) -> tuple[UnacknowledgedMessages, list[LiveClientMessage]]:
    sent, messages = UnacknowledgedMessages(KEPT_BYTES), [said(text) for text in texts]
    for message in messages:
        sent.note(message, size, key=message)
    return sent, messages


def test_a_request_is_sent_again_as_one():
    sent, request = UnacknowledgedMessages(KEPT_BYTES), LiveClientContent(turn_complete=True)
    sent.note(request, 10, 0)
    assert sent.begin_again() == ((request,), 0)


def test_a_history_is_sent_again_without_asking():
    sent = UnacknowledgedMessages(KEPT_BYTES)
    sent.note(LiveClientContent(turn_complete=True), 10)
    assert sent.begin_again() == ((LiveClientContent(turn_complete=False),), 0)


def test_the_newest_messages_are_kept_up_to_a_size():
    sent, messages = filled("a", "b", "c", "d", size=5 * MIB)
    assert sent.take_lost() == (tuple(messages[1:]), 4)


def test_the_newest_message_is_kept_whatever_its_size():
    sent, messages = filled("a", "b", size=KEPT_BYTES)
    assert sent.take_lost() == ((messages[1],), 2)


def test_small_messages_count_with_the_memory_that_they_take():
    sent, message = UnacknowledgedMessages(KEPT_BYTES), said("x")
    for _ in range(40_000):
        sent.note(message, 0)
    lost, count = sent.take_lost()
    assert 30_000 < len(lost) < 35_000
    assert count == 40_000


def test_what_was_withdrawn_is_neither_lost_nor_in_the_way_of_what_follows():
    sent, (first,) = filled("a")
    sent.turn_ended(0)
    sent.withdraw(first)
    later = said("b")
    sent.note(later, 0)
    sent.acknowledge(None)  # of which the server cannot know yet
    assert sent.take_lost() == ((later,), 1)


def test_of_what_was_not_kept_only_that_counts_as_lost_which_was_not_acknowledged():
    for acknowledged, not_kept in [(0, 3), (1, 2), (2, 1), (3, 0)]:
        sent, messages = filled("a", "b", "c", "d", size=KEPT_BYTES)
        sent.acknowledge(acknowledged)
        assert sent.take_lost() == ((messages[3],), not_kept + 1)


def test_what_was_reported_as_lost_is_forgotten():
    sent, _ = filled("a", "b", size=KEPT_BYTES)
    sent.turn_ended(0)
    sent.take_lost()
    assert sent.take_lost() == ((), 0)
    later = said("b")
    sent.note(later, 0)
    sent.acknowledge(None)
    sent.acknowledge(0)
    assert sent.take_lost() == ((later,), 1)
