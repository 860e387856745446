"""Two hundred calls, twenty at a time, against the emulator, with audio flowing both ways; and a busy pool."""

from __future__ import annotations

import itertools
import queue
import random
import threading
from collections import Counter

from livesession import CancelToken, LiveGenerativeModel, LiveServerContent
from livesession.emulator import LiveEmulator, ToolCall, UserTurn
from tests.kit.waiting import PATIENCE, InThread, wait_until
from tests.tools.calling import DONE, call, said, session_with, tool_call

ROUNDS, AT_A_TIME = 10, 20
SECOND = bytes(48_000)
MANNERS = ["returns"] * 12 + ["fails"] * 4 + ["is cancelled"] * 4


def call_often(turn: UserTurn):
    """A model that speaks, calls twenty functions in one message, and goes on when all are answered or cancelled."""
    chance = random.Random(7)
    for number in range(ROUNDS):
        yield SECOND
        manners = chance.sample(MANNERS, AT_A_TIME)
        yield [
            ToolCall(
                "work", {"id": f"{number}-{each}", "manner": manner, "ms": chance.randrange(30)}, f"{number}-{each}"
            )
            for each, manner in enumerate(manners)
        ]


class Work:
    """The function, and the user who cancels some of its calls while they run."""

    def __init__(self, emulator: LiveEmulator) -> None:
        self.emulator = emulator
        self.runs: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.to_cancel: queue.Queue[str | None] = queue.Queue()
        self.cancelled: set[str] = set()

    def work(self, id: str, manner: str, ms: int, cancel: CancelToken) -> str:
        with self.lock:
            self.runs[id] += 1
        if manner == "is cancelled":
            self.to_cancel.put(id)
            assert cancel.wait(PATIENCE)
            return "too late"
        cancel.wait(ms / 1000)
        if manner == "fails":
            raise ValueError(id)
        return id

    def cancel_some(self) -> None:
        while (call_id := self.to_cancel.get(timeout=PATIENCE)) is not None:
            self.cancelled.update(self.emulator.cancel_calls([call_id]))


def talk(session, is_over: threading.Event) -> None:
    """A microphone in a quiet room."""
    while not is_over.wait(0.01):
        session.send_audio_realtime(bytes(640))


def answers_received(emulator: LiveEmulator) -> dict[str, list[dict]]:
    answers: dict[str, list[dict]] = {}
    for received in emulator.received:
        for answer in received.message.get("toolResponse", {}).get("functionResponses", []):
            answers.setdefault(answer["id"], []).append(answer["response"])
    return answers


def test_every_one_of_two_hundred_calls_is_answered_exactly_once_or_cancelled():
    over = threading.Event()
    with LiveEmulator(call_often) as emulator:
        work = Work(emulator)
        model = LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend(), tools=[work.work])
        with model.connect() as session:
            cancelling, talking = InThread(work.cancel_some), InThread(lambda: talk(session, over))
            turn = session.ask("Go.")
            over.set()
            talking.result()
            work.to_cancel.put(None)
            cancelling.result()
            wait_until(lambda: not session.tool_statistics.running)  # cancelled ones may return after the turn
            seen = Counter(result.call.id for result in turn.tool_results)
            statistics = session.tool_statistics
        answers = answers_received(emulator)

    asked = {f"{number}-{each}" for number in range(ROUNDS) for each in range(AT_A_TIME)}
    manner = {call.id: call.args["manner"] for call in turn.function_calls}
    assert set(manner) == asked
    assert work.runs == Counter(asked)
    assert work.cancelled == {each for each in asked if manner[each] == "is cancelled"}
    assert answers == {
        each: [{"error": f"ValueError: {each}"} if manner[each] == "fails" else {"output": each}]
        for each in asked - work.cancelled
    }
    assert turn.complete
    assert len(turn.audio) == ROUNDS * len(SECOND)
    assert set(seen.values()) == {1}
    assert set(seen) >= asked - work.cancelled
    assert (statistics.calls, statistics.running, statistics.timed_out) == (200, 0, 0)
    assert statistics.answered + statistics.failed == len(answers)
    assert statistics.dropped == len(work.cancelled)


def test_while_twenty_functions_wait_a_thousand_messages_are_all_consumed():
    may_end, begun = threading.Event(), threading.Semaphore(0)

    def wait() -> str:
        begun.release()
        assert may_end.wait(PATIENCE)
        return "done"

    with session_with(wait) as (model, session):
        model.say(tool_call(*(call("wait", str(number)) for number in range(AT_A_TIME))))
        for _ in range(AT_A_TIME):
            assert begun.acquire(timeout=PATIENCE)
        model.say(*(said(str(number)) for number in range(1000)), DONE)
        contents = (message for message in session.receive_turn() if isinstance(message, LiveServerContent))
        assert [message.text for message in itertools.islice(contents, 1001)] == [*map(str, range(1000)), ""]
        assert session.tool_statistics.running == AT_A_TIME
        may_end.set()
        assert {answer["id"] for answer in model.answers(AT_A_TIME)} == {str(number) for number in range(AT_A_TIME)}
