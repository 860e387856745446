"""A session is recorded against the emulator and replayed: unchanged it passes, with one message changed it fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livesession import (
    AutomaticActivityDetection,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveSession,
    RealtimeInputConfig,
    Recorder,
    SessionResumptionConfig,
)
from livesession.backends import Backend
from livesession.emulator import LiveEmulator, Piece, ReplayMismatch, Speech, ToolCall, UserTurn
from tests.kit.waiting import wait_until

KINDS = ["google", "vertex", "firebase", "firebase-vertex"]
TEXT = LiveGenerationConfig(response_modalities="TEXT")
SPEECH = LiveGenerationConfig(
    response_modalities="AUDIO",
    realtime_input_config=RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True)),
)
PCM = bytes(range(256)) * 20

Talk = Callable[[Backend, Recorder | None, str], list[str]]


def get_weather(city: str) -> str:
    """The weather."""
    return f"sunny in {city}"


def answer(turn: UserTurn) -> Iterator[Piece]:
    if "weather" in turn.text:
        [response] = yield ToolCall("get_weather", {"city": turn.text.split()[-1]})
        yield str(response)
    elif turn.audio:
        yield Speech(turn.audio, 16_000)
    else:
        yield f"you said {turn.text}"


def written(backend: Backend, record: Recorder | None, word: str) -> list[str]:
    with LiveGenerativeModel("m", backend=backend, generation_config=TEXT).connect(record=record) as session:
        return [session.ask("hello").text, session.ask(word).text]


def spoken(backend: Backend, record: Recorder | None, word: str) -> list[str]:
    model = LiveGenerativeModel("m", backend=backend, generation_config=SPEECH)
    with model.connect(record=record) as session:
        session.send_activity_start()
        pcm = PCM if word == "Oslo" else PCM[::-1]
        size = 640 if record else 1_000  # cut in another way
        for start in range(0, len(pcm), size):
            session.send_audio_realtime(pcm[start : start + size])
        session.send_activity_end()
        return [session.receive_turn().collect().audio.hex()]


def with_tools(backend: Backend, record: Recorder | None, word: str) -> list[str]:
    model = LiveGenerativeModel("m", backend=backend, generation_config=TEXT, tools=[get_weather])
    with model.connect(record=record) as session:
        return [session.ask(f"weather in {word}").text]


def resumed(backend: Backend, record: Recorder | None, word: str) -> list[str]:
    model = LiveGenerativeModel("m", backend=backend, generation_config=TEXT)
    with model.connect(record=record, session_resumption=SessionResumptionConfig()) as session:
        first = ask_for_a_handle(session, "hello")
        session.resume_session()
        return [first, ask_for_a_handle(session, word)]


def ask_for_a_handle(session: LiveSession, word: str) -> str:
    before = session.resumption_handle
    wait_until(lambda: session.resumption_handle is not None)
    text = session.ask(word).text
    wait_until(lambda: session.resumption_handle != before)
    return text


TALKS: dict[str, tuple[Talk, str]] = {
    "text": (written, "clientContent"),
    "audio": (spoken, "realtimeInput.audio"),
    "tools": (with_tools, "clientContent"),
    "a resumption": (resumed, "clientContent"),
}
every_back_end = pytest.mark.parametrize("kind", KINDS)
every_talk = pytest.mark.parametrize(("talk", "changed"), TALKS.values(), ids=TALKS)
both_ways = pytest.mark.parametrize("audio", ["inline", "wav"])


def recorded(talk: Talk, kind: str, path: Path, audio: str = "inline") -> list[str]:
    with LiveEmulator(answer) as emulator:
        return talk(emulator.backend(kind), Recorder(path, audio=audio), "Oslo")


@every_back_end
@every_talk
def test_a_recording_is_replayed_to_a_client_that_says_the_same(tmp_path, kind, talk, changed):
    said = recorded(talk, kind, tmp_path / "session.jsonl")
    with LiveEmulator.replay(tmp_path / "session.jsonl") as emulator:
        assert talk(emulator.backend(kind), None, "Oslo") == said


@every_back_end
@every_talk
def test_one_message_changed_fails_and_the_difference_names_it(tmp_path, kind, talk, changed):
    recorded(talk, kind, tmp_path / "session.jsonl")
    with pytest.raises(ReplayMismatch) as caught:
        with LiveEmulator.replay(tmp_path / "session.jsonl") as emulator:
            talk(emulator.backend(kind), None, "Rome")
    mismatch = caught.value
    assert (mismatch.recording, mismatch.kind) == ("session.jsonl", changed)
    line = (tmp_path / "session.jsonl").read_text().splitlines()[line_of(str(mismatch)) - 1]
    assert changed.partition(".")[0] in json.loads(json.loads(line)["text"])
    if changed == "clientContent":
        removed, added = (next(row for row in str(mismatch).splitlines() if row.startswith(sign)) for sign in "-+")
        assert "recorded" in removed
        assert "sent" in added
        assert "Rome" in str(mismatch).partition("+++")[2]


def line_of(message: str) -> int:
    return int(message.partition("(line ")[2].partition(")")[0])


@both_ways
def test_sound_beside_a_recording_is_put_back(tmp_path, audio):
    said = recorded(spoken, "google", tmp_path / "session.jsonl", audio)
    with LiveEmulator.replay(tmp_path / "session.jsonl") as emulator:
        assert spoken(emulator.backend(), None, "Oslo") == said


def test_an_answer_of_a_function_that_is_another_one_fails(tmp_path):
    recorded(with_tools, "google", tmp_path / "session.jsonl")

    def get_weather(city: str) -> str:
        """The weather."""
        return f"rain in {city}"

    def replay() -> None:
        with LiveEmulator.replay(tmp_path / "session.jsonl") as emulator:
            model = LiveGenerativeModel("m", backend=emulator.backend(), generation_config=TEXT, tools=[get_weather])
            with model.connect() as session:
                session.ask("weather in Oslo")

    with pytest.raises(ReplayMismatch, match=r"toolResponse[^$]*-.*sunny in Oslo[^$]*\+.*rain in Oslo"):
        replay()


def test_a_client_that_does_not_resume_has_not_sent_all(tmp_path):
    recorded(resumed, "google", tmp_path / "session.jsonl")

    def replay() -> None:
        with LiveEmulator.replay(tmp_path / "session.jsonl") as emulator:
            model = LiveGenerativeModel("m", backend=emulator.backend(), generation_config=TEXT)
            with model.connect(session_resumption=SessionResumptionConfig()) as session:
                ask_for_a_handle(session, "hello")

    with pytest.raises(ReplayMismatch, match=r"did not send frame 1 .* of connection 2 .*: setup"):
        replay()


def test_a_session_that_goes_on_by_a_handle_from_before_may_have_another_one(tmp_path):
    config = SessionResumptionConfig
    with LiveEmulator() as emulator:
        model = LiveGenerativeModel("m", backend=emulator.backend(), generation_config=TEXT)
        with model.connect(session_resumption=config()) as session:
            ask_for_a_handle(session, "hello")
            handle = session.resumption_handle
        with model.connect(session_resumption=config(handle=handle), record=tmp_path / "session.jsonl") as session:
            session.ask("again")
    with LiveEmulator.replay(tmp_path / "session.jsonl") as emulator:
        model = LiveGenerativeModel("m", backend=emulator.backend(), generation_config=TEXT)
        with model.connect(session_resumption=config(handle="any-other")) as session:
            session.ask("again")


def test_a_connection_that_the_server_lost_is_lost_again_and_resumed_by_itself(tmp_path):
    def talk(emulator: LiveEmulator, record: Path | None) -> str:
        model = LiveGenerativeModel("m", backend=emulator.backend(), generation_config=TEXT)
        with model.connect(session_resumption=SessionResumptionConfig(), record=record) as session:
            ask_for_a_handle(session, "hello")
            if record:
                emulator.close_connections(1011, "Internal error encountered.")
            wait_until(lambda: len(emulator.handshakes) == 2)
            return session.ask("again").text

    with LiveEmulator() as emulator:
        said = talk(emulator, tmp_path / "session.jsonl")
    with LiveEmulator.replay(tmp_path / "session.jsonl") as emulator:
        assert talk(emulator, None) == said
