"""A long conversation compressed in time: fifty reconnects, in the middle of turns, of audio and of function calls."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest

from livesession import (
    AudioTranscriptionConfig,
    FunctionDeclaration,
    FunctionResponse,
    GoogleAI,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveServerContent,
    LiveServerToolCall,
    LiveSession,
    LiveSessionResumed,
    LiveSessionResumptionUpdate,
    ResumptionPolicy,
    SessionOptions,
    SessionResumptionConfig,
    Turn,
    VertexAI,
)
from livesession.emulator import LiveEmulator, ToolCall, UserTurn
from tests.kit.faults import FaultProxy, fault_proxy
from tests.kit.waiting import PATIENCE, InThread, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RECONNECTS = 50
PIECES = 6
POLICY = ResumptionPolicy(first_delay=0.02, longest_delay=0.1, budget=30)
OPTIONS = SessionOptions(
    resumption=POLICY, ping_after=0.1, dead_after=0.3, turn_timeout=60, connect_timeout=1, setup_timeout=1
)


def sample(number: int) -> bytes:
    """Ten milliseconds of audio that say which question they answer."""
    return number.to_bytes(2, "little") * 240


class Answers:
    """The model: answers question n with pieces of audio that all say n; every third one needs a function first."""

    def __init__(self) -> None:
        self.history: list[str] = []

    def __call__(self, turn: UserTurn) -> Iterator[object]:
        if turn.text == "what did I ask?":
            self.history = [part["text"] for content in turn.history for part in content["parts"] if "text" in part]
            yield sample(0)
            return
        number = int(turn.text)
        if number % 3 == 0:
            answers = yield ToolCall("look_up", {"number": number})
            assert answers[0]["response"] == {"found": number}
        for _ in range(PIECES):
            yield sample(number)
            turn.interrupted.wait(0.01)


class Chaos:
    """Ends connections, one after another, each in another way, when there is a new one."""

    def __init__(self, emulator: LiveEmulator, proxy: FaultProxy) -> None:
        self._emulator = emulator
        self._proxy = proxy
        self.ways: Iterator[Callable[[], None]] = itertools.cycle(
            [
                lambda: emulator.go_away(0.2),
                proxy.reset,
                lambda: emulator.close_connections(1011, "Internal error encountered."),
                self._black_hole,
                emulator.drop_connections,
            ]
        )

    def run(self, stop: threading.Event) -> None:
        for way in itertools.islice(self.ways, RECONNECTS):
            before = len(self._emulator.handshakes)
            stop.wait(0.05 + 0.013 * (before % 7))  # in another phase of a turn each time
            way()
            wait_until(lambda before=before: len(self._emulator.handshakes) > before or stop.is_set())
            wait_until(lambda: self._emulator.connections or stop.is_set())

    def _black_hole(self) -> None:
        """Until the session has noticed."""
        links = len(self._proxy.links)
        self._proxy.to_client.black_hole()
        self._proxy.to_server.black_hole()
        wait_until(lambda: len(self._proxy.links) > links)
        self._proxy.to_client.resume()
        self._proxy.to_server.resume()


def ask(session: LiveSession, number: int) -> Turn:
    """Asks, runs the function where it is called, and waits for the whole answer."""
    turn = session.ask(str(number))
    answer(session, turn.function_calls)
    while not turn.complete:
        stream = session.receive_turn()
        for message in stream:
            if isinstance(message, LiveServerToolCall):
                answer(session, message.function_calls)
        turn = stream.turn
    return turn


def answer(session: LiveSession, calls) -> None:
    responses = [
        FunctionResponse(id=call.id, name=call.name, response={"found": call.args["number"]}) for call in calls
    ]
    if responses:
        session.send_function_responses(responses)


def talk(proxy: FaultProxy, *, transparent: bool) -> LiveSession:
    config = LiveGenerationConfig(output_audio_transcription=AudioTranscriptionConfig())
    vertex = VertexAI(project="p", token="t", base_url=proxy.url, proxy=False)
    backend = vertex if transparent else GoogleAI(api_key="k", base_url=proxy.url, proxy=False)
    model = LiveGenerativeModel(
        "m", backend=backend, generation_config=config, tools=[FunctionDeclaration(name="look_up")], options=OPTIONS
    )
    return model.connect(session_resumption=SessionResumptionConfig(transparent=transparent or None))


def test_in_transparent_mode_nothing_is_lost_and_nothing_doubled_in_either_direction():
    answers, stop = Answers(), threading.Event()
    with LiveEmulator(answers, pace=0) as emulator, fault_proxy(emulator.port) as proxy:
        session = talk(proxy, transparent=True)

        def microphone() -> None:
            while not stop.wait(0.02):
                session.send_audio_realtime(bytes(640))

        speaking = InThread(microphone)
        chaos = InThread(lambda: Chaos(emulator, proxy).run(stop))
        heard, number = [], 0
        while chaos.thread.is_alive():
            number += 1
            heard.append((number, ask(session, number).audio))
        stop.set()
        chaos.result()
        speaking.result()
        session.ask("what did I ask?")
        session.close()
        reconnects = len(emulator.handshakes) - 1
    assert reconnects >= RECONNECTS
    assert heard == [(number, sample(number) * PIECES) for number in range(1, len(heard) + 1)]
    assert [text for text in answers.history if text.isdecimal()] == [str(number) for number, _ in heard]
    print(f"{reconnects} reconnects, {len(heard)} questions")


def test_in_normal_mode_what_is_lost_is_what_is_reported_as_lost():
    """Each number is asked once, by hand: the server knows it in the end, or it was reported as lost."""
    answers, stop, lost = Answers(), threading.Event(), []
    with LiveEmulator(answers, pace=0) as emulator, fault_proxy(emulator.port) as proxy:
        session = talk(proxy, transparent=False)
        stream = session.receive(timeout=PATIENCE)
        wait_for_handle(stream)
        chaos = InThread(lambda: Chaos(emulator, proxy).run(stop))
        number = 0
        while chaos.thread.is_alive():
            number += 1
            session.send(str(number), turn_complete=True)
            lost += wait_for_answer(session, stream)
        stop.set()
        chaos.result()
        session.ask("what did I ask?")
        session.close()
        reconnects = len(emulator.handshakes) - 1
    known = [text for text in answers.history if text.isdecimal()]
    reported = [message.turns[0].parts[0].text for message in lost if hasattr(message, "turns")]
    assert reconnects >= RECONNECTS
    assert lost
    assert not set(known) & set(reported)
    assert sorted(map(int, known + reported)) == list(range(1, number + 1))
    print(f"{reconnects} reconnects, {len(known)} answered, {len(reported)} lost and reported")


def wait_for_handle(stream) -> None:
    for message in stream:
        if isinstance(message, LiveSessionResumptionUpdate) and message.resumable:
            return


def wait_for_answer(session: LiveSession, stream) -> list:
    """Until the handle that stands for the answer has come, or the question has been reported as lost."""
    ended, lost = False, []
    for message in stream:
        if isinstance(message, LiveServerToolCall):
            answer(session, message.function_calls)
        elif isinstance(message, LiveSessionResumed):
            lost += message.lost
            if any(hasattr(each, "turns") for each in message.lost):
                wait_for_handle(stream)
                return lost
        elif isinstance(message, LiveServerContent):
            ended = ended or message.ends_turn
        elif isinstance(message, LiveSessionResumptionUpdate) and message.resumable and ended:
            return lost
    return lost
