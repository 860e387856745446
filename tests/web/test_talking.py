"""Conversations with a page: its microphone to the model, the model's speech and both transcripts to it."""

from __future__ import annotations

import json
import logging
import queue
import threading
from array import array

import pytest

from livesession import AudioTranscriptionConfig, LiveGenerationConfig, SessionClosedError
from livesession.audio import WavFile
from livesession.cli import __path__ as cli_path
from livesession.emulator import LiveEmulator, Speech
from livesession.web import SessionPool
from tests.kit.waiting import PATIENCE, InThread, wait_until
from tests.web.kit import pool_at

SPOKEN = LiveGenerationConfig(
    input_audio_transcription=AudioTranscriptionConfig(), output_audio_transcription=AudioTranscriptionConfig()
)
LOUD = array("h", [3000]).tobytes()


def at_length(turn):
    """Ten seconds of speech."""
    return Speech(LOUD * 240_000)


class Page:
    """The browser's end of a WebSocket, in the test's hands; the other end is the socket that a view gets."""

    def __init__(self) -> None:
        self._to_server: queue.Queue[str | bytes | None] = queue.Queue()
        self._to_page: queue.Queue[str | bytes] = queue.Queue()
        self.has_gone = False
        self.audio = b""

    # The server's end.

    def receive(self, timeout=None):
        try:
            data = self._to_server.get(timeout=timeout)
        except queue.Empty:
            return None
        if data is None:
            raise ConnectionResetError("the browser has gone")
        return data

    def send(self, data):
        if self.has_gone:
            raise BrokenPipeError
        self._to_page.put(data)

    # The page.

    def says(self, data: str | bytes) -> None:
        self._to_server.put(data)

    def goes(self) -> None:
        self.has_gone = True
        self._to_server.put(None)

    def hears(self, type: str) -> dict:
        """The next message of this type; audio before it is kept."""
        while True:
            data = self._to_page.get(timeout=PATIENCE)
            if isinstance(data, bytes):
                self.audio += data
            elif (message := json.loads(data))["type"] == type:
                return message

    def hears_audio(self) -> bytes:
        while isinstance(data := self._to_page.get(timeout=PATIENCE), str):
            pass
        return data


@pytest.fixture
def page():
    page = Page()
    yield page
    page.goes()


def speak(page: Page) -> None:
    """The question, and the silence after it."""
    pcm = b"".join(WavFile(f"{cli_path[0]}/question.wav").blocks()) + bytes(48_000)
    for start in range(0, len(pcm), 3_200):
        page.says(pcm[start : start + 3_200])


def test_a_page_is_sent_the_model_s_speech_and_what_both_have_said(page):
    with LiveEmulator() as emulator, pool_at(emulator, config=SPOKEN) as pool:
        handles: list[str] = []
        talking = InThread(lambda: pool.talk("ada", page, on_handle=handles.append))
        speak(page)
        texts = [page.hears("transcript") for _ in range(2)]
        page.hears("end")
        page.goes()
        talking.result()
        wait_until(lambda: not emulator.connections and not pool.in_use)
    assert {text["role"] for text in texts} <= {"user", "model"}
    assert max(array("h", page.audio)) > 1000
    assert len(handles) == 1


def test_a_page_is_told_to_fall_silent_when_the_user_cuts_in(page):
    with (
        LiveEmulator(lambda turn: Speech(LOUD * 240_000), pace=1) as emulator,
        pool_at(emulator, config=SPOKEN) as pool,
    ):
        talking = InThread(lambda: pool.talk("ada", page))
        speak(page)
        page.hears_audio()
        speak(page)
        page.hears("interrupted")
        page.goes()
        talking.result()


def test_the_microphone_can_pause(page):
    with LiveEmulator() as emulator, pool_at(emulator, config=SPOKEN) as pool:
        talking = InThread(lambda: pool.talk("ada", page))
        page.says('{"type": "pause"}')
        emulator.wait_for(lambda received: "audioStreamEnd" in received.message.get("realtimeInput", {}))
        page.goes()
        talking.result()


def test_a_page_is_told_when_the_session_ends_and_the_view_returns(page):
    with LiveEmulator() as emulator, pool_at(emulator, config=SPOKEN) as pool:
        talking = InThread(lambda: pool.talk("ada", page))
        page.says('{"type": "pause"}')
        wait_until(lambda: len(emulator.received) == 2)
        emulator.close_connections(1007, "sesame")
        assert page.hears("failure")["message"] == "The conversation was interrupted. Please ask again."
        talking.result()


def test_a_page_is_told_when_what_it_sends_cannot_be_sent(page):
    with LiveEmulator() as emulator, pool_at(emulator, config=SPOKEN) as pool:
        page.says(b"RIFF, which is no PCM")
        pool.talk("ada", page)
        assert "cannot be sent" in page.hears("failure")["message"]


def test_a_page_is_told_of_the_end_that_its_next_message_meets_before_it_comes(page, caplog):
    caplog.set_level(logging.DEBUG, "livesession")
    is_sent, may_hear, send = threading.Event(), threading.Event(), page.send

    def send_slowly(data):
        is_sent.set()
        may_hear.wait(PATIENCE)
        send(data)

    page.send = send_slowly
    with LiveEmulator(at_length) as emulator, pool_at(emulator, config=SPOKEN) as pool:
        talking = InThread(lambda: pool.talk("ada", page))
        speak(page)
        assert is_sent.wait(PATIENCE)
        session = pool._here.leases.at("ada").session
        emulator.close_connections(1007, "sesame")
        wait_until(lambda: session.is_closed)
        page.says(bytes(640))
        wait_until(lambda: "in a conversation with a browser" in caplog.text)
        may_hear.set()
        page.hears("failure")
        talking.result()


@pytest.mark.parametrize("text", ["no JSON", "[" * 60_000, "[]", '"pause"', '{"type": 3}'])
def test_what_a_page_may_not_say_is_not_heard(text, page):
    with LiveEmulator() as emulator, pool_at(emulator, config=SPOKEN) as pool:
        talking = InThread(lambda: pool.talk("ada", page))
        page.says(text)
        page.says('{"type": "pause"}')
        emulator.wait_for(lambda received: "audioStreamEnd" in received.message.get("realtimeInput", {}))
        page.goes()
        talking.result()
        assert ["setup" in received.message for received in emulator.received] == [True, False]


def test_closing_the_pool_ends_a_conversation_in_time(page):
    with LiveEmulator() as emulator:
        pool = pool_at(emulator, config=SPOKEN)
        talking = InThread(lambda: pool.talk("ada", page))
        page.says('{"type": "pause"}')
        wait_until(lambda: len(emulator.received) == 2)
        pool.close()
        talking.result()
        assert not emulator.connections


def test_a_page_is_told_when_there_is_no_conversation_to_be_had(page):
    def refuse(handle):
        raise SessionClosedError("sesame")

    with SessionPool(refuse) as pool:
        pool.talk("ada", page)
    assert "sesame" not in page.hears("failure")["message"]


def test_a_page_that_has_gone_while_the_model_speaks_ends_the_conversation(page):
    with (
        LiveEmulator(lambda turn: Speech(LOUD * 240_000), pace=1) as emulator,
        pool_at(emulator, config=SPOKEN) as pool,
    ):
        talking = InThread(lambda: pool.talk("ada", page))
        speak(page)
        page.hears_audio()
        page.has_gone = True  # which only a write shows
        talking.result()
        wait_until(lambda: not emulator.connections)
