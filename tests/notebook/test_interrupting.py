"""Cells that are interrupted in a real kernel, whose main thread runs them inside a running event loop."""

from __future__ import annotations

SOON = 2.0  # seconds for a cell to end after it was interrupted

RECEIVE = """
print("receiving", flush=True)
for message in session.receive():
    print(f"{message.text}|", end="", flush=True)
"""


def test_a_cell_interrupted_in_receive_leaves_a_usable_session(kernel):
    kernel.run('session.send("wait", turn_complete=True)')
    cell = kernel.start(RECEIVE).wait_until_printed("second |")
    assert kernel.interrupt(cell) < SOON
    assert cell.error == "KeyboardInterrupt"
    assert kernel.run('go_on.set()\nprint(session.ask("after").text)').printed == "after\n"


def test_an_interrupted_cell_that_is_run_again_goes_on_and_nothing_is_lost(kernel):
    kernel.run('session.send("wait", turn_complete=True)')
    first = kernel.start(RECEIVE).wait_until_printed("second |")
    kernel.interrupt(first)
    again = kernel.start(RECEIVE).wait_until_printed("receiving")
    kernel.interrupt(again)
    kernel.run("go_on.set()")
    last = kernel.start(RECEIVE).wait_until_printed("third|")
    kernel.interrupt(last)
    printed = (first.printed + again.printed + last.printed).replace("receiving\n", "")
    assert printed.rstrip("|") == "first |second |third"


def test_a_cell_interrupted_in_ask_leaves_a_session_that_answers_the_next_question(kernel):
    cell = kernel.start('threading.Thread(target=say_when_it_waits).start()\nsession.ask("wait")')
    cell.wait_until_printed("waiting")
    assert kernel.interrupt(cell) < SOON
    assert cell.error == "KeyboardInterrupt"
    assert kernel.run('go_on.set()\nprint(session.ask("after").text)').printed == "after\n"


def test_a_cell_interrupted_in_send_media_stream_leaves_a_usable_session(kernel):
    cell = kernel.start("session.send_media_stream(speech_with_a_pause())").wait_until_printed("waiting")
    assert kernel.interrupt(cell) < SOON
    assert cell.error == "KeyboardInterrupt"
    assert kernel.run('print(session.ask("after").text)').printed == "after\n"


TALK = (
    "start_audio_conversation(session, input=PcmInput(silence(), rate=16_000), output=CallbackOutput(lambda pcm: None))"
)


def test_an_audio_conversation_goes_on_when_its_wait_is_interrupted_and_stop_gives_the_session_back(kernel):
    cell = kernel.start(f"talk = {TALK}\ntalk.wait()").wait_until_printed("waiting")
    assert kernel.interrupt(cell) < SOON
    assert cell.error == "KeyboardInterrupt"
    refused = kernel.start('session.ask("meanwhile")').wait()
    assert refused.error == "ConcurrentReceiveError"
    after = kernel.run('print(talk.state)\ntalk.stop()\nprint(session.ask("after").text)')
    assert after.printed == "listening\nafter\n"


def test_an_audio_conversation_in_a_with_block_is_over_when_it_is_interrupted(kernel):
    cell = kernel.start(f"with {TALK} as talk:\n    talk.wait()").wait_until_printed("waiting")
    assert kernel.interrupt(cell) < SOON
    assert kernel.run('print(talk.state, session.ask("after").text)').printed == "over after\n"


ONE_IS_LEFT = """
import time

deadline = time.monotonic() + 5
while len(emulator.connections) != 1 and time.monotonic() < deadline:
    time.sleep(0.01)
print(len(emulator.connections))
"""


def test_a_cell_that_connects_and_is_run_again_ends_the_old_session_without_a_word(kernel):
    assert kernel.run("session = model.connect()" + ONE_IS_LEFT).printed == "1\n"


def test_who_asks_for_resource_warnings_is_told_of_the_old_session(kernel):
    cell = kernel.run("""
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("always")
    session = model.connect()
""")
    assert "ResourceWarning: a LiveSession was not closed: use `with`, or call close()" in cell.printed
