"""What a session writes to the log: its states at INFO, its frames at DEBUG, and nothing that was said."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from livesession import (
    LiveGenerationConfig,
    LiveGenerativeModel,
    ResumptionPolicy,
    SessionOptions,
    SessionResumptionConfig,
)
from livesession.audio import PcmInput, WavOutput, start_audio_conversation
from livesession.connection.frame_summary import summarise
from livesession.emulator import LiveEmulator
from tests.kit.waiting import PATIENCE, wait_until

TEXT = LiveGenerationConfig(response_modalities="TEXT")


@pytest.fixture
def log(caplog):
    """The messages of this library's sessions, at a level and above."""

    def messages(level: int) -> list[str]:
        ours = [record for record in caplog.records if record.name == "livesession" and record.levelno >= level]
        return [record.getMessage().partition(": ")[2] for record in ours]

    return messages


def model(emulator: LiveEmulator, config: LiveGenerationConfig = TEXT) -> LiveGenerativeModel:
    return LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend(), generation_config=config)


def test_the_states_of_a_session_are_told_at_info(caplog, log):
    caplog.set_level(logging.INFO, "livesession")
    with LiveEmulator() as emulator:
        with model(emulator).connect(session_resumption=SessionResumptionConfig()) as session:
            wait_until(lambda: session.resumption_handle)
            emulator.go_away(30)
            wait_until(lambda: len(emulator.handshakes) == 2 and any("resumed" in line for line in log(logging.INFO)))
            wait_until(lambda: len([line for line in log(logging.INFO) if line.startswith("open: ")]) == 2)
    connecting, opened, going, again, *more = log(logging.INFO)
    assert connecting == again == f"connecting to 127.0.0.1:{emulator_port(connecting)}, GoogleAI"
    assert opened.startswith("open: models/gemini-live-2.5-flash, after ")
    assert going == "the server goes away in 30 s"
    assert [line.partition(" ")[0] for line in more] == ["resumed", "open:", "closed:"]
    assert "code 1000" in more[-1]


def test_that_a_session_was_lost_and_is_being_resumed_is_told_at_warning(caplog, log):
    caplog.set_level(logging.INFO, "livesession")
    with LiveEmulator() as emulator:
        with model(emulator).connect(session_resumption=SessionResumptionConfig()) as session:
            wait_until(lambda: session.resumption_handle)
            emulator.drop_connections()
            wait_until(lambda: any(line.startswith("resumed") for line in log(logging.INFO)))
    [lost] = log(logging.WARNING)
    assert lost.startswith("lost, by the network (close code 1006")
    assert log(logging.INFO)[3].startswith("connecting to ")


def test_that_a_lost_session_could_not_be_resumed_is_told_at_warning_as_well(caplog, log):
    policy = ResumptionPolicy(attempts=1)
    with LiveEmulator() as emulator:
        lasting = LiveGenerativeModel("m", backend=emulator.backend(), options=SessionOptions(resumption=policy))
        with lasting.connect(session_resumption=SessionResumptionConfig()) as session:
            wait_until(lambda: session.resumption_handle)
            emulator.on_connect().reject(503)
            emulator.drop_connections()
            wait_until(lambda: len(log(logging.WARNING)) == 2)
    lost, over = log(logging.WARNING)
    assert lost.endswith("it is being resumed")
    assert over.startswith("closed: The session was lost and could not be resumed.")


def emulator_port(line: str) -> str:
    return line.rpartition(":")[2].partition(",")[0]


def test_a_session_that_the_server_ended_says_so_once(caplog, log):
    caplog.set_level(logging.INFO, "livesession")
    with LiveEmulator() as emulator:
        with model(emulator).connect() as session:
            emulator.close_connections(1011, "Internal error encountered.")
            wait_until(lambda: session.is_closed)
    closed = [line for line in log(logging.INFO) if line.startswith("closed")]
    assert closed == ['closed: The server side ended the session: close code 1011, "Internal error encountered.".']


def test_frames_are_told_at_debug_by_kind_and_size_and_without_what_was_said(caplog, log):
    caplog.set_level(logging.DEBUG, "livesession")
    with LiveEmulator(lambda turn: "a secret answer") as emulator:
        with model(emulator).connect(session_resumption=SessionResumptionConfig()) as session:
            session.send_audio_realtime(bytes(640))
            session.ask("a secret question")
            wait_until(lambda: session.resumption_handle)
            handle = session.resumption_handle
    told = log(logging.DEBUG)
    assert any(line.startswith("sent setup (model") and line.endswith(" bytes") for line in told)
    assert "sent realtimeInput (audio; audio 20 ms), 929 bytes" in told
    assert any(line.startswith("received serverContent (modelTurn)") for line in told)
    everything = "\n".join(told)
    assert not any(said in everything for said in ("secret", handle, "no-key-needed"))


def test_at_info_no_frame_is_told(caplog, log):
    caplog.set_level(logging.INFO, "livesession")
    with LiveEmulator() as emulator, model(emulator).connect() as session:
        session.ask("hi")
        assert not any("clientContent" in line for line in log(logging.INFO))


def test_each_record_tells_which_session_it_is_of(caplog):
    caplog.set_level(logging.INFO, "livesession")
    with LiveEmulator() as emulator, model(emulator).connect(), model(emulator).connect():
        pass
    ours = [record for record in caplog.records if record.name == "livesession"]
    numbers = sorted({record.session for record in ours})
    assert len(numbers) == 2
    assert all(record.getMessage().startswith(f"session {record.session}: ") for record in ours)


def test_an_audio_conversation_tells_of_its_beginning_and_its_end(caplog, log, tmp_path):
    caplog.set_level(logging.INFO, "livesession")
    with LiveEmulator() as emulator:
        with model(emulator, LiveGenerationConfig()).connect() as session:
            controller = start_audio_conversation(
                session, input=PcmInput([bytes(3_200)]), output=WavOutput(tmp_path / "out.wav")
            )
            controller.stop()
            controller.wait(PATIENCE)
    told = [line for line in log(logging.INFO) if "audio conversation" in line]
    assert told == ["an audio conversation begins", "the audio conversation has ended"]


class Raising(logging.Handler):
    """What no handler should do."""

    def emit(self, record):
        if record.getMessage().partition(": ")[2].startswith(("sent ", "received ")):
            raise ValueError("of the handler's")


def test_a_handler_that_raises_has_no_say_in_what_becomes_of_a_frame(capsys):
    logger, handler = logging.getLogger("livesession"), Raising()
    level, logger.propagate = logger.level, False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        with LiveEmulator() as emulator, model(emulator).connect() as session:
            assert [session.ask(text).text for text in ("a", "b")] == ["You said: a", "You said: b"]
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = True
    assert "of the handler's" in capsys.readouterr().err


SUMMARIES = {
    '{"setupComplete": {}}': "setupComplete",
    '{"serverContent": {"turnComplete": true}, "usageMetadata": {"totalTokenCount": 3}}': (
        "serverContent (turnComplete) + usageMetadata"
    ),
    '{"toolCall": {"functionCalls": [{"name": "f"}, {"name": "g"}]}}': "toolCall (functionCalls x2)",
    json.dumps({"realtimeInput": {"video": {"mimeType": "image/png", "data": "AAAA"}}}): (
        "realtimeInput (video; 3 bytes of data)"
    ),
    json.dumps({"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=0000", "data": "AAAA"}}}): (
        "realtimeInput (audio; audio 0 ms)"
    ),
    '{"my password is 1234": {}}': "?",
    "[1]": "no object",
    "{": "no JSON",
    "{}": "an empty object",
}


@pytest.mark.parametrize(("frame", "summary"), SUMMARIES.items())
def test_a_summary_names_what_a_frame_is(frame, summary):
    assert summarise(frame.encode()) == summary


def test_importing_adds_no_handler_and_logs_nothing():
    code = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
import livesession
print(logging.getLogger("livesession").handlers, logging.getLogger("livesession").level)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] 0\n"
