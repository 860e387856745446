"""The ledger of turns by itself: what is owed, and by which turn."""

from __future__ import annotations

from livesession.messages.content import FunctionCall
from livesession.messages.enums import InteractionStatus
from livesession.messages.server import LiveServerContent, LiveServerToolCall
from livesession.session.turn_tracker import TurnTracker

DONE = LiveServerContent(turn_complete=True)
CALL = LiveServerToolCall(function_calls=[FunctionCall(name="f")])


def test_realtime_input_that_asks_for_nothing_leaves_nothing_due():
    ledger = TurnTracker()
    assert ledger.spoken(asks=False) is None
    assert ledger.is_idle


def test_realtime_inputs_that_ask_have_one_answer_until_it_has_come():
    ledger = TurnTracker()
    assert [ledger.spoken(asks=True) for _ in range(3)] == [0, None, None]
    ledger.content_arrived(DONE)
    assert ledger.is_idle
    assert ledger.spoken(asks=True) == 1


def test_a_function_call_is_no_word_that_the_model_goes_on_with_what_is_in_progress():
    ledger = TurnTracker()
    ledger.arrived([CALL])
    assert ledger.prompted() == 1  # a turn of its own, behind the one with the call


def test_a_turn_that_goes_on_with_what_is_in_progress_needs_no_turn_for_a_function():
    for count in [TurnTracker.content_arrived, lambda ledger, content: ledger.arrived([content])]:
        ledger = TurnTracker()
        assert ledger.prompted() == 0
        count(ledger, LiveServerContent(turn_complete=True, interaction_status=InteractionStatus.IN_PROGRESS))
        assert ledger.is_idle
        assert ledger.prompted() is None


def test_answers_that_come_once_more_are_owed_and_told_from_new_ones():
    ledger = TurnTracker()
    ledger.requested()
    ledger.content_arrived(DONE)
    ledger.expect_replay(1)
    assert not ledger.is_idle
    turn, _, _ = ledger.content_arrived(DONE)
    assert ledger.is_repeated(turn)
    assert ledger.is_idle
    assert not ledger.is_repeated(ledger.requested().answer)


def test_after_a_restart_no_turn_has_the_number_of_one_that_is_over():
    ledger = TurnTracker()
    ledger.requested()
    ledger.delivered(LiveServerContent(generation_complete=True), 0, ends_turn=False)
    ledger.requested()  # with which the turn that was being received is over
    ledger.restarted()
    assert ledger.is_idle
    span = ledger.requested()
    turn, serial, _ = ledger.content_arrived(DONE)
    assert not span.excludes(turn, serial)
    assert not ledger.to_receive().excludes(turn, serial)
