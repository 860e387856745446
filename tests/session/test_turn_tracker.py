"""The turn tracker by itself: what is owed, and by which turn."""

from __future__ import annotations

from livesession.messages.content import FunctionCall
from livesession.messages.enums import InteractionStatus
from livesession.messages.server import LiveServerContent, LiveServerToolCall
from livesession.session.turn_tracker import TurnTracker

DONE = LiveServerContent(turn_complete=True)
CALL = LiveServerToolCall(function_calls=[FunctionCall(name="f")])


def test_realtime_input_that_asks_for_nothing_leaves_nothing_due():
    tracker = TurnTracker()
    assert tracker.spoken(asks=False) is None
    assert tracker.is_idle


def test_realtime_inputs_that_ask_have_one_answer_until_it_has_come():
    tracker = TurnTracker()
    assert [tracker.spoken(asks=True) for _ in range(3)] == [0, None, None]
    tracker.content_arrived(DONE)
    assert tracker.is_idle
    assert tracker.spoken(asks=True) == 1


def test_a_function_call_is_no_word_that_the_model_goes_on_with_what_is_in_progress():
    tracker = TurnTracker()
    tracker.arrived([CALL])
    assert tracker.prompted() == 1  # a turn of its own, behind the one with the call


def test_a_turn_that_goes_on_with_what_is_in_progress_needs_no_turn_for_a_function():
    for count in [TurnTracker.content_arrived, lambda tracker, content: tracker.arrived([content])]:
        tracker = TurnTracker()
        assert tracker.prompted() == 0
        count(tracker, LiveServerContent(turn_complete=True, interaction_status=InteractionStatus.IN_PROGRESS))
        assert tracker.is_idle
        assert tracker.prompted() is None


def test_answers_that_come_once_more_are_owed_and_told_from_new_ones():
    tracker = TurnTracker()
    tracker.requested()
    tracker.content_arrived(DONE)
    tracker.expect_replay(1)
    assert not tracker.is_idle
    turn, _, _ = tracker.content_arrived(DONE)
    assert tracker.is_repeated(turn)
    assert tracker.is_idle
    assert not tracker.is_repeated(tracker.requested().answer)


def test_after_a_restart_no_turn_has_the_number_of_one_that_is_over():
    tracker = TurnTracker()
    tracker.requested()
    tracker.delivered(LiveServerContent(generation_complete=True), 0, ends_turn=False)
    tracker.requested()  # with which the turn that was being received is over
    tracker.on_resumed(transparent=False)
    assert tracker.is_idle
    window = tracker.requested()
    turn, serial, _ = tracker.content_arrived(DONE)
    assert not window.excludes(turn, serial)
    assert not tracker.to_receive().excludes(turn, serial)
