"""A long conversation compressed in time: fifty reconnects, in the middle of turns, of audio and of function calls."""

from __future__ import annotations

import base64
import itertools
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from attrs import evolve, field, mutable

from livesession import (
    AudioTranscriptionConfig,
    FunctionDeclaration,
    FunctionResponse,
    GoogleAI,
    LiveClientContent,
    LiveClientRealtimeInput,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveServerContent,
    LiveServerMessage,
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
from livesession.emulator.handle_store import HandleStore
from tests.kit.faults import FaultProxy, fault_proxy
from tests.kit.waiting import PATIENCE, InThread, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RECONNECTS = 50
PIECES = 6
POLICY = ResumptionPolicy(attempts=1_000, first_delay=0.02, longest_delay=0.1, budget=30)
OPTIONS = SessionOptions(
    resumption=POLICY, ping_after=0.1, dead_after=0.3, turn_timeout=60, connect_timeout=1, setup_timeout=1
)


def sample(number: int, place: int = 0) -> bytes:
    """Ten milliseconds of audio that say which question they answer, and which piece of the answer they are."""
    return struct.pack("<HH", number, place) * 120


def whole(number: int) -> bytes:
    """The answer to question n."""
    return b"".join(sample(number, place) for place in range(PIECES))


def spoken(number: int) -> bytes:
    """Twenty milliseconds of the user's audio that begin with their number, in samples too quiet to be speech."""
    return struct.pack("<3h", number >> 12, number >> 6 & 63, number & 63).ljust(640, b"\0")


def number_of(audio: bytes) -> int:
    high, middle, low = struct.unpack_from("<3h", audio)
    return high << 12 | middle << 6 | low


class Microphone:
    """Sends pieces of audio with the numbers 1, 2, 3, ..., each once, until it is stopped.

    Attributes:
        begun: When sending each of them began.
    """

    def __init__(self, session: LiveSession, stop: threading.Event) -> None:
        self.begun: dict[int, float] = {}
        self._session = session
        self._stop = stop
        self._thread = InThread(self._run)

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            number = len(self.begun) + 1
            self.begun[number] = time.monotonic()
            self._session.send_audio_realtime(spoken(number))

    def result(self) -> None:
        self._thread.result()


class Handles(HandleStore):
    """Knows for each handle which connection gave it, and how many of its messages the conversation has taken in."""

    def __init__(self) -> None:
        super().__init__()
        self.given: dict[str, tuple[int, int]] = {}
        self.connections: set[int] = set()

    def save(self, lineage, model, snapshot, *, vertex: bool) -> str:
        handle = super().save(lineage, model, snapshot, vertex=vertex)
        connection = lineage._is_open.__self__
        is_open_ended = connection._active_since is not None
        self.given[handle] = connection.number, connection._active_since if is_open_ended else connection._consumed
        self.connections.add(connection.number)
        return handle


class Server:
    """An emulator, and what the user's audio is in its conversation: through all handles that were gone on from."""

    def __init__(self, answers: Answers) -> None:
        self.emulator = LiveEmulator(answers, pace=0, keep_received=1_000_000)
        self._handles = Handles()
        self.emulator._service = evolve(self.emulator._service, handles=self._handles)

    @property
    def is_set_up(self) -> bool:
        """Whether there is a connection, and none that has not been accepted yet."""
        connections = set(self.emulator.connections)
        return bool(connections) and connections <= self._handles.connections

    def heard(self) -> list[int]:
        """The numbers of all pieces, in order, up to now."""
        last = self.emulator.received[-1].connection
        return self._heard_on(last, None)

    def heard_by(self, handle: str | None) -> list[int]:
        """The same as this handle knows it."""
        return self._heard_on(*self._handles.given[handle]) if handle else []

    def _heard_on(self, connection: int, count: int | None) -> list[int]:
        messages = [each.message for each in self.emulator.received if each.connection == connection]
        setup, taken = messages[0]["setup"], messages[1:][:count]
        media = (message.get("realtimeInput", {}).get("audio") for message in taken)
        pieces = [number_of(base64.b64decode(audio["data"])) for audio in media if audio]
        return self.heard_by(setup["sessionResumption"].get("handle")) + pieces


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
        for place in range(PIECES):
            yield sample(number, place)
            turn.interrupted.wait(0.01)


class Chaos:
    """Ends connections, one after another, each in another way, when there is a new one."""

    def __init__(self, server: Server, proxy: FaultProxy) -> None:
        emulator = server.emulator
        self._server = server
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
            wait_until(lambda: self._server.is_set_up or stop.is_set())
            way()
            wait_until(lambda before=before: len(self._emulator.handshakes) > before or stop.is_set())
            wait_until(lambda: self._server.is_set_up or stop.is_set())

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
    """Neither of the questions, nor of the pieces of audio that are sent and received meanwhile."""
    answers, stop = Answers(), threading.Event()
    server = Server(answers)
    with server.emulator as emulator, fault_proxy(emulator.port) as proxy:
        session = talk(proxy, transparent=True)
        microphone = Microphone(session, stop)
        chaos = InThread(lambda: Chaos(server, proxy).run(stop))
        heard, number = [], 0
        while chaos.thread.is_alive():
            number += 1
            heard.append((number, ask(session, number).audio))
        stop.set()
        chaos.result()
        microphone.result()
        session.ask("what did I ask?")
        session.close()
        reconnects = len(emulator.handshakes) - 1
    assert reconnects >= RECONNECTS
    assert heard == [(number, whole(number)) for number in range(1, len(heard) + 1)]
    assert [text for text in answers.history if text.isdecimal()] == [str(number) for number, _ in heard]
    assert server.heard() == list(microphone.begun)
    again = sum(bool(each.message.get("realtimeInput")) for each in emulator.received) - len(microphone.begun)
    print(f"{reconnects} reconnects, {len(heard)} questions, {len(microphone.begun)} pieces, {again} sent again")


def test_in_normal_mode_what_is_lost_is_what_is_reported_as_lost():
    """Each number is asked once, by hand: the server knows it in the end, or it was reported as lost.

    So it is with audio, but for what was sent before a turn was known to have ended, and had not arrived by then.
    """
    answers, stop = Answers(), threading.Event()
    server = Server(answers)
    with server.emulator as emulator, fault_proxy(emulator.port) as proxy:
        session = talk(proxy, transparent=False)
        listening = Listening(session)
        listening.wait_for_handle()
        microphone = Microphone(session, stop)
        chaos = InThread(lambda: Chaos(server, proxy).run(stop))
        number = 0
        while chaos.thread.is_alive():
            number += 1
            session.send(str(number), turn_complete=True)
            listening.wait_for_answer(number)
        stop.set()
        chaos.result()
        microphone.result()
        number += 1
        session.send(str(number), turn_complete=True)
        listening.wait_for_answer(number)  # and for all news that come before it
        listening.close()
        session.ask("what did I ask?")
        session.close()
        reconnects = len(emulator.handshakes) - 1
    known = [text for text in answers.history if text.isdecimal()]
    reported = [question for loss in listening.losses for question in loss.questions]
    assert reconnects >= RECONNECTS
    assert reported
    assert not set(known) & set(reported)
    assert sorted(map(int, known + reported)) == list(range(1, number + 1))
    crossed = check_audio(server, microphone, listening.losses)
    print(f"{reconnects} reconnects, {len(known)} answered, {len(reported)} lost and reported")
    print(f"{len(microphone.begun)} pieces, {sum(len(loss.audio) for loss in listening.losses)} lost and reported")
    print(f"{crossed} crossed the end of a turn, and were lost without a report, as documented")


def check_audio(server: Server, microphone: Microphone, losses: list[Loss]) -> int:
    """Each piece is in the server's conversation once, or reported once, or has crossed the end of a turn: how many."""
    held = server.heard()
    reported = [piece for loss in losses for piece in loss.audio]
    assert held == sorted(set(held))
    assert reported == sorted(set(reported))
    assert reported
    assert not set(held) & set(reported)
    missing = sorted(set(microphone.begun) - {*held, *reported})
    for piece in missing:
        # The handle that does not know it, though it stands for a turn that had ended: the last before it was lost.
        ends = [loss.handle_seen for loss in losses if max(server.heard_by(loss.handle), default=0) < piece]
        assert microphone.begun[piece] < max(ends), f"piece {piece} is lost, and was not reported"
    return len(missing)


@mutable
class Loss:
    """A resumption: from which handle, when the consumer had got that, and what was reported."""

    handle: str | None
    handle_seen: float
    questions: list[str] = field(factory=list)
    audio: list[int] = field(factory=list)


class Listening:
    """The consumer in normal mode.

    Attributes:
        losses: What each resumption has reported.
    """

    def __init__(self, session: LiveSession) -> None:
        self.losses: list[Loss] = []
        self._session = session
        self._stream = session.receive(timeout=PATIENCE)
        self._handle: str | None = None
        self._handle_seen = 0.0

    def close(self) -> None:
        self._stream.close()

    def _messages(self) -> Iterator[LiveServerMessage]:
        for message in self._stream:
            if isinstance(message, LiveServerToolCall):
                answer(self._session, message.function_calls)
            elif isinstance(message, LiveSessionResumed):
                self._note(message)
            elif isinstance(message, LiveSessionResumptionUpdate) and message.resumable:
                self._handle, self._handle_seen = message.new_handle, time.monotonic()
            yield message

    def _note(self, news: LiveSessionResumed) -> None:
        assert news.lost_count == len(news.lost)
        loss = Loss(self._handle, self._handle_seen)
        for message in news.lost:
            if isinstance(message, LiveClientContent):
                loss.questions.append(message.turns[0].parts[0].text)
            elif isinstance(message, LiveClientRealtimeInput):
                loss.audio.append(number_of(message.audio.data))
        self.losses.append(loss)

    def wait_for_handle(self) -> None:
        for message in self._messages():
            if isinstance(message, LiveSessionResumptionUpdate) and message.resumable:
                return

    def wait_for_answer(self, number: int) -> None:
        """Until the handle that stands for the answer has come, or the question has been reported as lost."""
        audio, ended = b"", False
        for message in self._messages():
            if isinstance(message, LiveSessionResumed):
                audio, ended = b"", False
                if self.losses[-1].questions:
                    self.wait_for_handle()
                    return
            elif isinstance(message, LiveServerContent):
                audio += message.audio
                ended = ended or message.ends_turn
                assert not message.ends_turn or audio == whole(number)
            elif isinstance(message, LiveSessionResumptionUpdate) and message.resumable and ended:
                return
