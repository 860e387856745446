"""What a conversation goes on from, `connect(history=...)`, and how it goes on past its context limit."""

from __future__ import annotations

import json
import threading

import pytest

from livesession import (
    ConfigurationError,
    ConnectError,
    Content,
    ContextWindowCompressionConfig,
    FunctionResponse,
    HistoryConfig,
    InvalidRequestError,
    LiveClientSetup,
    LiveGenerationConfig,
    LiveGenerativeModel,
    Part,
    SendTimeout,
    SessionOptions,
    SessionResumptionConfig,
    SlidingWindow,
)
from livesession.codec import encode
from livesession.emulator import LiveEmulator, UserTurn
from tests.kit.servers import PATIENCE, Peer, RawPeer, raw_server, script_server

PAIRS = [("user", "My name is Ada."), ("model", "Hello, Ada!")]
TURNS = [
    {"role": "user", "parts": [{"text": "My name is Ada."}]},
    {"role": "model", "parts": [{"text": "Hello, Ada!"}]},
]
TEXT = LiveGenerationConfig(response_modalities="TEXT")
DONE = {"serverContent": {"modelTurn": {"parts": [{"text": "yes"}]}, "turnComplete": True}}


def remembered(history, kind: str = "google") -> tuple[list[dict], str]:
    """What the emulator holds to be history when the first question comes, and its answer."""
    turns: list[UserTurn] = []

    def answer(turn: UserTurn) -> str:
        turns.append(turn)
        return f"answer to {turn.text}"

    with LiveEmulator(answer) as emulator:
        model = LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend(kind), generation_config=TEXT)
        with model.connect(history=history) as session:
            text = session.ask("Who am I?", timeout=PATIENCE).text
    [turn] = turns
    return list(turn.history), text


def sent(history, *, questions: int = 0, **model: object) -> list[dict]:
    """What reaches a server that accepts the setup and answers each question."""
    messages: list[dict] = []

    def script(peer: Peer) -> None:
        messages.append(peer.read())
        peer.send({"setupComplete": {}})
        for _ in range(questions + bool(history)):
            messages.append(peer.read())
        peer.send(*[DONE] * questions)
        peer.wait_for_end()

    with script_server(script) as server, server.model(**model).connect(history=history) as session:
        for _ in range(questions):
            session.ask("What?", timeout=PATIENCE)
    return messages


def refusal(history, error: type[Exception], **connect: object) -> str:
    """What `connect()` raises, once it is sure that the server was not even called."""
    called = threading.Event()

    def script(peer: Peer) -> None:
        called.set()

    config = connect.pop("generation_config", None)
    with script_server(script) as server:
        with pytest.raises(error) as caught:
            server.model(generation_config=config).connect(history=history, **connect)
    assert not called.is_set()
    return str(caught.value)


# The history.


@pytest.mark.parametrize("kind", ["google", "vertex", "firebase", "firebase-vertex"])
def test_the_model_remembers_the_history_on_every_back_end(kind):
    assert remembered(PAIRS, kind) == (TURNS, "answer to Who am I?")


def test_the_setup_announces_the_history_and_one_message_gives_it():
    setup, history = sent(PAIRS)
    assert setup["setup"]["historyConfig"] == {"initialHistoryInClientContent": True}
    assert history == {"clientContent": {"turns": TURNS, "turnComplete": True}}


def test_a_history_of_contents_is_the_same_as_one_of_pairs():
    contents = [Content(role=role, parts=text) for role, text in PAIRS]
    assert sent(contents) == sent(PAIRS)


def test_a_history_may_be_an_iterator_and_hold_the_lists_that_json_makes_of_pairs():
    assert sent(iter(json.loads(json.dumps(PAIRS)))) == sent(PAIRS)


def test_what_was_said_may_be_parts_and_text_together():
    image = Part.from_bytes(b"jpeg", "image/jpeg")
    [_, history] = sent([("user", ["Look:", image])])
    parts = [{"text": "Look:"}, {"inlineData": {"mimeType": "image/jpeg", "data": "anBlZw=="}}]
    assert history["clientContent"]["turns"] == [{"role": "user", "parts": parts}]


def test_a_history_that_ends_with_the_user_is_not_answered():
    assert remembered([("user", "My name is Ada.")]) == (TURNS[:1], "answer to Who am I?")


def test_what_is_asked_after_the_history_is_a_question():
    [_, _, question] = sent(PAIRS, questions=1)
    assert question["clientContent"]["turns"][0]["parts"] == [{"text": "What?"}]


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_an_empty_history_is_none(nothing):
    [setup] = sent(nothing)
    assert "historyConfig" not in setup["setup"]


def test_a_history_may_be_announced_by_the_configuration_too():
    announced = LiveGenerationConfig(history_config=HistoryConfig(initial_history_in_client_content=True))
    assert sent(PAIRS, generation_config=announced, questions=1) == sent(PAIRS, questions=1)


def test_a_resumed_session_neither_announces_the_history_nor_gives_it_again():
    setups: list[dict] = []
    second: list[dict] = []

    def script(peer: Peer) -> None:
        setups.append(peer.accept())
        if len(setups) == 1:
            peer.read()
            peer.send({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}})
        else:
            second.append(peer.read())
            peer.send(DONE)
        peer.wait_for_end()

    with script_server(script) as server:
        model = server.model()
        with model.connect(session_resumption=SessionResumptionConfig(), history=PAIRS) as session:
            next(session.receive(timeout=PATIENCE))
            session.resume_session()
            assert session.ask("What?", timeout=PATIENCE).text == "yes"
    assert ["historyConfig" in setup for setup in setups] == [True, False]
    assert second[0]["clientContent"]["turns"][0]["parts"] == [{"text": "What?"}]


# What is wrong with a history is said before anything is sent.


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (("assistant", "Hello"), "'assistant'"),
        (("system", "Be brief."), "system_instruction"),
        (Content(parts="Hello"), "not None"),
        (("model", ""), "empty"),
        (("user", []), "empty"),
        (("user", ["Hello", ""]), "empty"),
        (Content(role="user"), "empty"),
        (Content(role="user", parts=Part(function_response=FunctionResponse(name="f"))), "function calls"),
        (("user", "half a pair: \ud800"), "written as JSON"),
    ],
)
def test_a_content_that_the_server_would_refuse_is_refused_first(item, said):
    assert said in refusal([("user", "Hello"), item], InvalidRequestError)


@pytest.mark.parametrize("history", ["Hello", {"role": "user"}, 7, ["Hello"], [("user",)], [("a", "b", "c")], [(1, 2)]])
def test_what_is_no_history_raises_type_error(history):
    assert "history" in refusal(history, TypeError).lower()


def test_a_history_and_a_handle_exclude_each_other():
    resumption = SessionResumptionConfig(handle="h")
    assert "not both" in refusal(PAIRS, ConfigurationError, session_resumption=resumption)


def test_an_empty_history_goes_with_a_handle():
    def script(peer: Peer) -> None:
        assert peer.accept()["sessionResumption"] == {"handle": "h"}
        peer.wait_for_end()

    with script_server(script) as server:
        server.model().connect(session_resumption=SessionResumptionConfig(handle="h"), history=[]).close()


def test_a_history_and_a_configuration_that_refuses_it_exclude_each_other():
    config = LiveGenerationConfig(history_config=HistoryConfig(initial_history_in_client_content=False))
    assert "history_config" in refusal(PAIRS, ConfigurationError, generation_config=config)


def test_a_history_that_cannot_be_sent_leaves_no_session():
    connected = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        connected.wait(PATIENCE)  # without reading

    options = SessionOptions(connect_timeout=PATIENCE, setup_timeout=PATIENCE, send_timeout=0.3)
    with raw_server(script) as server:
        try:
            with pytest.raises(ConnectError, match="history could not be sent") as caught:
                server.model(options=options).connect(history=[("user", "x" * 32_000_000)])
        finally:
            connected.set()
    assert caught.value.retryable
    assert isinstance(caught.value.__cause__, SendTimeout)


# Compression of the context window.


def setup_with(**config: object) -> bytes:
    return encode(LiveClientSetup(model="m", generation_config=LiveGenerationConfig(**config)))


def test_compression_in_one_word_is_a_sliding_window():
    long = ContextWindowCompressionConfig(sliding_window=SlidingWindow())
    assert LiveGenerationConfig(context_window_compression=True).context_window_compression == long
    setup = setup_with(context_window_compression=True)
    assert setup == setup_with(context_window_compression=long)
    assert json.loads(setup)["setup"]["contextWindowCompression"] == {"slidingWindow": {}}


@pytest.mark.parametrize("off", [False, None])
def test_compression_is_off_unless_asked_for(off):
    assert setup_with(context_window_compression=off) == setup_with()


@pytest.mark.parametrize("wrong", ["yes", 1, {"slidingWindow": {}}])
def test_compression_is_nothing_else(wrong):
    with pytest.raises(TypeError, match="context_window_compression"):
        LiveGenerationConfig(context_window_compression=wrong)


@pytest.mark.parametrize("kind", ["google", "vertex", "firebase", "firebase-vertex"])
def test_the_service_takes_compression_in_one_word(kind):
    config = LiveGenerationConfig(response_modalities="TEXT", context_window_compression=True)
    with LiveEmulator() as emulator:
        model = LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend(kind), generation_config=config)
        model.connect().close()
        [setup] = emulator.received
    assert setup.message["setup"]["contextWindowCompression"] == {"slidingWindow": {}}
