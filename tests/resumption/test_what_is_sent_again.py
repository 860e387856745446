"""The books of a session through its connections: what is answered, what is lost, what is asked or sent again."""

from __future__ import annotations

import threading

import pytest

from livesession import (
    AutomaticActivityDetection,
    ConnectionClosedError,
    FunctionDeclaration,
    FunctionResponse,
    GenerativeContentBlob,
    HistoryConfig,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveServerContent,
    LiveServerGoingAwayNotice,
    LiveSession,
    LiveSessionResumed,
    RealtimeInputConfig,
    ReceiveTimeout,
    ResumptionPolicy,
    SessionOptions,
    SessionResumptionConfig,
)
from livesession.emulator import LiveEmulator
from tests.kit.faults import fault_proxy
from tests.kit.servers import PATIENCE, Peer, script_server
from tests.kit.waiting import InThread, wait_until

QUICK = ResumptionPolicy(first_delay=0.01, longest_delay=0.05, budget=10)
TEXT = LiveGenerationConfig(response_modalities=["TEXT"])
DONE = {"serverContent": {"turnComplete": True}}
INTERRUPTED = {"serverContent": {"interrupted": True}}
CALL = {"toolCall": {"functionCalls": [{"id": "old", "name": "f", "args": {}}]}}


def handle(name: str = "h", consumed: int | None = None) -> dict:
    index = {} if consumed is None else {"lastConsumedClientMessageIndex": str(consumed)}
    return {"sessionResumptionUpdate": {"newHandle": name, "resumable": True, **index}}


def said(text: str, **more: object) -> dict:
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}, **more}}


def connect(server, policy: ResumptionPolicy | None = QUICK, **arguments: object) -> LiveSession:
    """A session that has its first handle."""
    transparent = arguments.pop("transparent", None)
    history = arguments.pop("history", None)
    model = server.model(options=SessionOptions(resumption=policy, close_timeout=1), **arguments)
    session = model.connect(session_resumption=SessionResumptionConfig(transparent=transparent), history=history)
    wait_until(lambda: session.resumption_handle is not None)
    return session


def accept(peer: Peer, *messages: object) -> dict:
    setup = peer.accept()
    peer.send(*(messages or [handle()]))
    return setup


def question(peer: Peer) -> str:
    return peer.read()["clientContent"]["turns"][0]["parts"][0]["text"]


def answers(peer: Peer) -> None:
    """Answers one question after another, until the client has gone."""
    while True:
        peer.send(said(f"answer to {question(peer)}"), DONE)


def texts(session: LiveSession, last: str) -> list[str]:
    """What the model says, up to this."""
    found: list[str] = []
    stream = session.receive(timeout=PATIENCE)
    while last not in found:
        message = next(stream)
        if isinstance(message, LiveServerContent) and message.text:
            found.append(message.text)
    stream.close()
    return found


def resumed(session: LiveSession) -> LiveSessionResumed:
    return next(each for each in session.receive(timeout=PATIENCE) if isinstance(each, LiveSessionResumed))


class Connections:
    """Plays another script for each connection."""

    def __init__(self, *scripts) -> None:
        self._scripts = iter(scripts)
        self._lock = threading.Lock()

    def __call__(self, peer: Peer) -> None:
        with self._lock:
            script = next(self._scripts)
        script(peer)


# What crosses the end of a turn, in normal mode.


def crossed(peer: Peer) -> None:
    """Takes "two" only after it has ended the answer to "one", and given a handle for that."""
    accept(peer)
    assert question(peer) == "one"
    peer.send(said("the first words"))
    assert question(peer) == "two"  # in the client's eyes, it may as well have been on its way
    peer.send(DONE, handle("h2"))
    peer.drop()


def stays(peer: Peer) -> None:
    accept(peer)
    peer.wait_for_end()


def test_a_request_that_crosses_the_end_of_the_turn_before_it_is_reported_as_lost():
    with script_server(Connections(crossed, stays)) as server, connect(server) as session:
        session.send("one", turn_complete=True)
        texts(session, "the first words")
        session.send("two", turn_complete=True)
        news = resumed(session)
    assert [message.turns[0].parts[0].text for message in news.lost] == ["two"]
    assert news.lost_count == 1


def test_what_was_sent_behind_such_a_request_is_reported_as_lost_with_it():
    def both(peer: Peer) -> None:
        accept(peer)
        assert question(peer) == "one"
        peer.send(said("the first words"))
        peer.read(), peer.read()
        peer.send(DONE, handle("h2"))
        peer.drop()

    with script_server(Connections(both, stays)) as server, connect(server) as session:
        session.send("one", turn_complete=True)
        texts(session, "the first words")
        session.send("two", turn_complete=True)
        session.send("behind it")
        news = resumed(session)
    assert [message.turns[0].parts[0].text for message in news.lost] == ["two", "behind it"]


def test_a_question_that_crosses_the_end_of_the_turn_before_it_is_asked_again():
    def again(peer: Peer) -> None:
        accept(peer)
        answers(peer)

    with script_server(Connections(crossed, again)) as server, connect(server) as session:
        session.send("one", turn_complete=True)
        texts(session, "the first words")
        assert session.ask("two", timeout=5).text == "answer to two"


def test_a_request_that_never_arrives_is_reported_as_lost_though_a_turn_has_ended_since():
    """The same with the emulator: what is sent while an answer is given vanishes in the network."""
    given, go_on = threading.Event(), threading.Event()
    heard: list[str] = []

    def answer(turn):
        heard.append(turn.text)
        yield "the first words "
        given.set()
        go_on.wait(PATIENCE)
        yield "and the last"

    with LiveEmulator(answer) as emulator, fault_proxy(emulator.port) as proxy:
        with connect(proxy, generation_config=TEXT) as session:
            before = session.resumption_handle
            session.send("one", turn_complete=True)
            assert given.wait(PATIENCE)
            proxy.to_server.black_hole()
            session.send("two", turn_complete=True)
            go_on.set()
            wait_until(lambda: session.resumption_handle != before)
            proxy.to_server.resume()
            proxy.reset()
            news = resumed(session)
    assert heard == ["one"]
    assert [message.turns[0].parts[0].text for message in news.lost] == ["two"]


# When a request is counted.


def test_a_request_that_waits_for_the_new_connection_does_not_shift_the_answers_behind_it():
    go_away = threading.Event()

    def goes(peer: Peer) -> None:
        accept(peer)
        assert go_away.wait(PATIENCE)
        peer.send({"goAway": {"timeLeft": "60s"}})
        peer.wait_for_end()

    def again(peer: Peer) -> None:
        accept(peer)
        answers(peer)

    with script_server(Connections(goes, again)) as server, fault_proxy(server) as proxy, connect(proxy) as session:
        proxy.to_server.black_hole()  # so that the old connection takes its time to close
        go_away.set()
        for message in session.receive(timeout=PATIENCE):
            if isinstance(message, LiveServerGoingAwayNotice):
                break
        sending = InThread(lambda: session.send("one", turn_complete=True))
        sending.thread.join(0.05)
        proxy.to_server.resume()
        proxy.links[0].reset()
        sending.result()
        assert session.ask("two", timeout=5).text == "answer to two"
        assert session.ask("three", timeout=5).text == "answer to three"


def test_the_first_request_after_a_resumption_is_no_history():
    """The setup announces one, but a conversation that is taken up again takes none."""
    seeded = LiveGenerationConfig(
        response_modalities=["TEXT"], history_config=HistoryConfig(initial_history_in_client_content=True)
    )
    with LiveEmulator(lambda turn: f"answer to {turn.text}") as emulator:
        model = LiveGenerativeModel("m", backend=emulator.backend(), generation_config=seeded)
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            wait_until(lambda: session.resumption_handle is not None)
            session.resume_session()
            session.send("one", turn_complete=True)
            assert session.ask("two", timeout=5).text == "answer to two"


def test_the_end_of_a_left_over_turn_does_not_end_the_next_question_though_it_brings_other_news():
    def script(peer: Peer) -> None:
        accept(peer)
        assert question(peer) == "one"
        peer.send(said("the first words"))
        assert question(peer) == "two"
        peer.send({**DONE, "goAway": {"timeLeft": "50s"}}, said("answer to two"), DONE)
        peer.wait_for_end()

    with script_server(script) as server, connect(server, None) as session:
        with pytest.raises(ReceiveTimeout):
            session.ask("one", timeout=0.1)
        turn = session.ask("two", timeout=PATIENCE)
    assert (turn.text, turn.complete) == ("answer to two", True)


# What is answered again, in transparent mode.


def test_a_turn_that_realtime_input_began_is_not_taken_for_the_answer_to_a_request():
    """The server has the realtime input and not the request: that alone is sent again, and its answer is new."""

    def first(peer: Peer) -> None:
        accept(peer, handle("h0", 0))
        peer.read()
        peer.send(handle("h1", 1), said("answer to hello"))
        assert question(peer) == "question"
        peer.send(INTERRUPTED, DONE)
        peer.drop()

    def second(peer: Peer) -> None:
        peer.accept()
        answers(peer)

    with script_server(Connections(first, second)) as server, connect(server, transparent=True) as session:
        session.send_text_realtime("hello")
        texts(session, "answer to hello")
        assert session.ask("question", timeout=5).text == "answer to question"


def test_an_answer_to_realtime_text_that_was_had_in_full_is_not_delivered_twice():
    def first(peer: Peer) -> None:
        accept(peer)
        peer.read()
        peer.send(said("answer"), DONE)
        peer.drop()

    def second(peer: Peer) -> None:
        accept(peer)
        peer.read()
        peer.send(said("answer"), DONE, said("another"), DONE)
        peer.wait_for_end()

    with script_server(Connections(first, second)) as server, connect(server, transparent=True) as session:
        session.send_text_realtime("q")
        assert texts(session, "another") == ["answer", "another"]


def test_a_history_that_is_sent_again_asks_for_no_answer():
    histories: list[dict] = []

    def first(peer: Peer) -> None:
        accept(peer)
        histories.append(peer.read()["clientContent"])
        peer.drop()

    def second(peer: Peer) -> None:
        accept(peer)
        histories.append(peer.read()["clientContent"])
        answers(peer)

    history = [("user", "My name is Ada."), ("model", "Hello, Ada!")]
    with script_server(Connections(first, second)) as server:
        with connect(server, transparent=True, history=history) as session:
            resumed(session)
            assert session.ask("Who am I?", timeout=5).text == "answer to Who am I?"
    assert histories[1]["turns"] == histories[0]["turns"]
    assert [history.get("turnComplete", False) for history in histories] == [True, False]


def test_a_configuration_given_by_hand_leaves_a_transparent_session_transparent():
    """Else the server would not number what it has consumed, and all of that would be sent again."""
    heard: list[list[str]] = []
    asked: list[dict] = []

    def script(count: int):
        def play(peer: Peer) -> None:
            setup = peer.read()["setup"]["sessionResumption"]
            number = len(heard)
            mine: list[str] = []
            heard.append(mine)
            asked.append(setup)
            peer.send({"setupComplete": {}}, handle(f"{number}.0"))
            for place in range(1, count + 1):
                mine.append(peer.read()["realtimeInput"]["text"])
                peer.send(handle(f"{number}.{place}", place if setup.get("transparent") else None))
            if number == 1:
                peer.drop()
            else:
                peer.wait_for_end()

        return play

    connections = Connections(script(1), script(2), script(1))
    with script_server(connections) as server, connect(server, transparent=True) as session:
        session.send_text_realtime("a")
        wait_until(lambda: session.resumption_handle == "0.1")
        session.resume_session(SessionResumptionConfig(handle=session.resumption_handle))
        resumed(session)
        session.send_text_realtime("b")
        session.send_text_realtime("c")
        resumed(session)
        session.send_text_realtime("d")
        wait_until(lambda: len(heard) == 3 and heard[2])
    assert heard == [["a"], ["b", "c"], ["d"]]
    assert [setup.get("transparent") for setup in asked] == [True, True, True]
    assert [setup.get("handle") for setup in asked] == [None, "0.1", "1.2"]


def test_what_was_not_kept_but_has_been_acknowledged_is_not_counted_as_lost():
    count, size = 5, 3_300_000  # more than the 16 MB that are kept

    def first(peer: Peer) -> None:
        accept(peer, handle("h0", 0))
        for _ in range(count):
            peer.websocket.recv(timeout=PATIENCE)
        peer.send(handle("h1", count))
        peer.drop()

    image = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(size))
    with script_server(Connections(first, stays)) as server, connect(server, transparent=True) as session:
        for _ in range(count):
            session.send_video_realtime(image)
        news = resumed(session)
    assert (news.lost_count, news.lost) == (0, ())


# Function calls, and who is told.


def test_a_further_answer_to_a_call_of_the_old_connection_is_not_sent_on_the_new_one():
    heard: list[dict] = []

    def first(peer: Peer) -> None:
        accept(peer, handle(), CALL)
        peer.read()
        peer.drop()

    def second(peer: Peer) -> None:
        accept(peer)
        while True:
            heard.append(peer.read())

    functions = [FunctionDeclaration(name="f")]
    with script_server(Connections(first, second)) as server, connect(server, tools=functions) as session:
        stream = session.receive(timeout=PATIENCE)
        next(stream), next(stream)
        session.send_function_responses([FunctionResponse(id="old", response={"piece": 1}, will_continue=True)])
        news = next(stream)
        session.send_function_responses([FunctionResponse(id="old", response={"piece": 2})])
        session.send_text_realtime("done")
        wait_until(lambda: heard)
    assert news.cancelled_calls == ("old",)
    assert heard == [{"realtimeInput": {"text": "done"}}]


def test_who_only_asks_is_warned_of_other_messages_that_were_lost(caplog):
    def first(peer: Peer) -> None:
        accept(peer)
        peer.send(said(f"answer to {question(peer)}"), DONE)
        peer.drop()

    def second(peer: Peer) -> None:
        accept(peer)
        answers(peer)

    with script_server(Connections(first, second)) as server, connect(server) as session:
        session.ask("My name is Ada.", timeout=PATIENCE)
        assert session.ask("Who am I?", timeout=PATIENCE).text == "answer to Who am I?"
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [warning for warning in warnings if "other messages that were lost: 1" in warning]


# The marks of where the user speaks.


MANUAL = LiveGenerationConfig(
    realtime_input_config=RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))
)
PIECE = bytes(640)


def kinds(peer: Peer, count: int) -> list[str]:
    """What so many messages of realtime input hold."""
    return [next(iter(peer.read()["realtimeInput"])) for _ in range(count)]


def drops_after(count: int):
    """A script that hears so many messages, and then the network fails."""

    def script(peer: Peer) -> None:
        accept(peer)
        kinds(peer, count)
        peer.drop()

    return script


def answers_after(count: int, heard: list[str]):
    """A script that puts so many messages into a list, by their kind, and answers."""

    def script(peer: Peer) -> None:
        accept(peer)
        heard.extend(kinds(peer, count))
        peer.send(DONE)
        peer.wait_for_end()

    return script


def test_a_user_who_speaks_while_the_session_is_resumed_speaks_on_and_only_his_sound_is_reported_as_lost():
    heard: list[str] = []
    with script_server(Connections(drops_after(2), answers_after(3, heard))) as server:
        with connect(server, generation_config=MANUAL) as session:
            session.send_activity_start()
            session.send_audio_realtime(PIECE)
            lost = resumed(session).lost
            session.send_audio_realtime(PIECE)
            session.send_activity_end()
            list(session.receive_turn(timeout=PATIENCE))
    assert heard == ["activityStart", "audio", "activityEnd"]
    assert [message.audio is not None for message in lost] == [True]


def test_a_user_who_speaks_through_two_losses_is_reported_to_have_begun_only_once():
    heard: list[str] = []
    with script_server(Connections(drops_after(1), drops_after(1), answers_after(2, heard))) as server:
        with connect(server, generation_config=MANUAL) as session:
            session.send_activity_start()
            news = [resumed(session), resumed(session)]
            session.send_activity_end()
            list(session.receive_turn(timeout=PATIENCE))
    assert heard == ["activityStart", "activityEnd"]
    assert [each.lost_count for each in news] == [0, 0]


def test_a_user_who_has_spoken_does_not_begin_again():
    heard: list[str] = []
    with script_server(Connections(drops_after(2), answers_after(1, heard))) as server:
        with connect(server, generation_config=MANUAL) as session:
            session.send_activity_start()
            session.send_activity_end()
            assert resumed(session).lost_count == 2
            session.send_text_realtime("something else")
            wait_until(lambda: heard)
    assert heard == ["text"]


def test_a_user_whose_last_mark_found_no_connection_still_speaks_after_a_resumption_by_hand():
    heard: list[str] = []
    with script_server(Connections(drops_after(1), answers_after(2, heard))) as server:
        with connect(server, policy=None, generation_config=MANUAL) as session:
            session.send_activity_start()
            with pytest.raises(ConnectionClosedError):
                list(session.receive(timeout=PATIENCE))
            with pytest.raises(ConnectionClosedError):
                session.send_activity_end()
            session.resume_session()
            session.send_activity_end()
            list(session.receive_turn(timeout=PATIENCE))
    assert heard == ["activityStart", "activityEnd"]


def test_a_user_who_has_stopped_to_speak_between_two_losses_does_not_begin_again():
    heard: list[str] = []
    with script_server(Connections(drops_after(1), drops_after(2), answers_after(1, heard))) as server:
        with connect(server, generation_config=MANUAL) as session:
            session.send_activity_start()
            resumed(session)
            session.send_activity_end()
            resumed(session)
            session.send_text_realtime("something else")
            wait_until(lambda: heard)
    assert heard == ["text"]


# Turns that end in something that cannot be read.


def test_what_was_answered_by_a_turn_whose_end_cannot_be_read_whole_is_not_lost():
    def first(peer: Peer) -> None:
        accept(peer)
        question(peer)
        peer.send({**DONE, "usageMetadata": {"totalTokenCount": []}}, handle("h2"))
        peer.read()
        peer.drop()

    with script_server(Connections(first, stays)) as server, connect(server) as session:
        assert session.ask("answered", timeout=PATIENCE).complete
        wait_until(lambda: session.resumption_handle == "h2")
        session.send_text_realtime("lost")
        lost = resumed(session).lost
    assert [message.text for message in lost] == ["lost"]
