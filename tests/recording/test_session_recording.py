"""`connect(record=...)`: what is in the file, what is not, and that nobody waits for it."""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import os
import signal
import stat
import threading
import wave
from pathlib import Path

import pytest

from livesession import (
    ConfigurationError,
    GenerativeContentBlob,
    GoogleAI,
    LiveGenerationConfig,
    LiveGenerativeModel,
    Recorder,
    SendTimeout,
    SessionResumptionConfig,
    SetupRejectedError,
)
from livesession.emulator import LiveEmulator, Speech
from livesession.emulator.replay.recorded_session import load_recording
from livesession.recording.sound_tracks import HEADER_BYTES
from tests.environments.programs import PRELUDE, command, run_command, run_live
from tests.kit.servers import Peer, RawPeer, raw_server, script_server
from tests.kit.waiting import PATIENCE, InThread, wait_until

TEXT = LiveGenerationConfig(response_modalities="TEXT")
KEY = "sesame-open-up"
PCM = bytes(range(256)) * 5  # 40 ms


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def frames(path: Path, sender: str) -> list[str]:
    return [line["text"] for line in lines(path) if line.get("from") == sender]


def texts(path: Path) -> list[str]:
    return [frame.text for frame in load_recording(path).frames]


def events(path: Path) -> list[dict]:
    return [line for line in lines(path) if "event" in line]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "session.jsonl"


def model(emulator: LiveEmulator, kind: str = "google", config: LiveGenerationConfig = TEXT) -> LiveGenerativeModel:
    return LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend(kind), generation_config=config)


def echo_for_ever(peer: Peer) -> None:
    peer.accept()
    while True:
        text = json.dumps(peer.read())
        peer.send({"serverContent": {"modelTurn": {"parts": [{"text": text}]}, "turnComplete": True}})


# What is in it.


def test_a_recording_has_every_frame_of_both_directions_as_it_was_on_the_wire(path):
    said = '{"serverContent":  {"modelTurn":{"parts":[{"text":"grüße \\u00e9"}]},\n"turnComplete":true}}'

    def script(peer: Peer) -> None:
        heard.append(peer.websocket.recv())
        peer.send('{"setupComplete" : {}}')
        heard.append(peer.websocket.recv())
        peer.send(said)
        peer.wait_for_end()

    heard: list = []
    with script_server(script) as server:
        with server.model().connect(record=path) as session:
            session.ask("hi")
    assert frames(path, "client") == heard
    assert frames(path, "server") == ['{"setupComplete" : {}}', said]


@pytest.mark.parametrize(
    ("kind", "service"),
    [("google", "developer"), ("firebase", "developer"), ("vertex", "vertex"), ("firebase-vertex", "vertex")],
)
def test_the_first_line_says_what_was_recorded_with_what(path, kind, service):
    with LiveEmulator() as emulator:
        model(emulator, kind).connect(record=str(path)).close()
    first = lines(path)[0]
    assert (first["recording"], first["backend"]) == (1, service)
    assert first["model"].endswith("gemini-live-2.5-flash")
    assert first["library"].startswith("livesession ")
    assert first["started"].startswith("20")


def test_each_line_has_its_time_and_its_connection(path):
    with LiveEmulator() as emulator:
        with model(emulator).connect(record=path, session_resumption=SessionResumptionConfig()) as session:
            wait_until(lambda: session.resumption_handle)
            session.resume_session()
            session.ask("hi")
    times = [line["at"] for line in lines(path)[1:]]
    assert times == sorted(times)
    assert [(event["event"], event["connection"]) for event in events(path)] == [
        ("opened", 1),
        ("closed", 1),
        ("opened", 2),
        ("closed", 2),
    ]
    assert [json.loads(text).popitem()[0] for text in frames(path, "client")] == ["setup", "setup", "clientContent"]


def test_how_a_connection_ended_is_told(path):
    with LiveEmulator() as emulator:
        with model(emulator).connect(record=path) as session:
            emulator.close_connections(1011, "Internal error encountered.")
            wait_until(lambda: session.is_closed)
    opened, closed = events(path)
    assert opened["event"] == "opened"
    assert (closed["by"], closed["code"], closed["reason"]) == ("server", 1011, "Internal error encountered.")


def test_what_close_ends_was_closed_by_the_client(path):
    with LiveEmulator() as emulator:
        model(emulator).connect(record=path).close()
    assert (events(path)[-1]["by"], events(path)[-1]["code"]) == ("client", 1000)


def test_a_setup_that_was_refused_is_recorded_as_well(path):
    with LiveEmulator() as emulator, pytest.raises(SetupRejectedError):
        model(emulator, config=LiveGenerationConfig(response_modalities=["TEXT", "AUDIO"])).connect(record=path)
    assert len(frames(path, "client")) == 1
    assert events(path)[-1]["code"] == 1007


def test_a_message_that_did_not_go_out_whole_is_not_recorded(path):
    def script(peer: RawPeer) -> None:
        peer.accept()
        done.wait(PATIENCE)  # without reading

    done = threading.Event()
    image = GenerativeContentBlob(mime_type="image/png", data=bytes(30_000_000))
    with raw_server(script) as server:
        with server.model().connect(record=path) as session:
            with pytest.raises(SendTimeout):
                session.send_video_realtime(image, timeout=0.3)
            done.set()
    assert len(frames(path, "client")) == 1


def test_no_answer_stands_before_its_question(path):
    with script_server(echo_for_ever) as server:
        with server.model().connect(record=path) as session:
            for number in range(300):
                session.ask(f"question {number}")
    order = [line["from"] for line in lines(path) if "from" in line]
    assert order == ["client", "server"] * 301


def test_what_many_threads_send_stands_in_the_order_in_which_it_went_out(path):
    with LiveEmulator() as emulator:
        with model(emulator).connect(record=path) as session:

            def send(name: int) -> None:
                for number in range(50):
                    session.send(f"{name}.{number}")

            for thread in [InThread(lambda name=name: send(name)) for name in range(5)]:
                thread.result()
            emulator.wait_for(lambda _: len(emulator.received) == 251)
    assert [json.loads(text) for text in frames(path, "client")] == [each.message for each in emulator.received]


def test_bytes_that_are_no_utf_8_come_back_as_they_were(path):
    odd = b'{"serverContent": {"modelTurn": {"parts": [{"text": "\xff\xfe"}]}}}'
    with LiveEmulator() as emulator:
        with model(emulator).connect(record=path) as session:
            emulator.send(odd)
            with pytest.raises(Exception, match="utf-8"):
                next(session.receive(timeout=PATIENCE))
    frame = load_recording(path).frames[-1]
    assert frame.text.encode("utf-8", "surrogateescape") == odd


# What is not.


def test_resumption_handles_have_names_in_it_and_the_same_one_the_same_name(path):
    with LiveEmulator() as emulator:
        with model(emulator).connect(record=path, session_resumption=SessionResumptionConfig()) as session:
            wait_until(lambda: session.resumption_handle)
            first = session.resumption_handle
            session.resume_session()
            wait_until(lambda: session.resumption_handle != first)
            second = session.resumption_handle
    text = path.read_text()
    assert first not in text
    assert second not in text
    given = [json.loads(text) for text in frames(path, "server") if "newHandle" in text]
    assert [each["sessionResumptionUpdate"]["newHandle"] for each in given] == ["handle-1", "handle-2"]
    assert json.loads(frames(path, "client")[1])["setup"]["sessionResumption"] == {"handle": "handle-1"}


def test_what_is_called_a_handle_elsewhere_is_left_alone(path):
    with LiveEmulator() as emulator:
        with model(emulator).connect(record=path) as session:
            session.ask('{"handle": "door"}')
    assert "door" in frames(path, "client")[1]


@pytest.mark.parametrize(("handle", "told"), [("g2XbK9aQ", "handle-1"), ("session", "session")])
def test_a_handle_that_the_server_repeats_as_it_closes_is_not_in_it_unless_it_may_be_a_word(path, handle, told):
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})
        peer.close(1008, f"{handle} not found")

    with script_server(script) as server, server.model().connect(record=path) as session:
        wait_until(lambda: session.is_closed)
    assert events(path)[1]["reason"] == f"{told} not found"


def test_a_key_that_the_server_repeats_is_not_in_it(path):
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send({"serverContent": {"modelTurn": {"parts": [{"text": f"your key is {KEY}"}]}, "turnComplete": True}})
        peer.close(1008, f"{KEY} is not valid")

    with script_server(script) as server:
        backend = GoogleAI(api_key=KEY, base_url=server.url, proxy=False)
        with LiveGenerativeModel("m", backend=backend).connect(record=path) as session:
            wait_until(lambda: session.is_closed)
    assert KEY not in path.read_text()


def test_only_its_owner_may_read_it(path):
    path.write_text("old")
    path.chmod(0o644)
    with LiveEmulator() as emulator:
        model(emulator).connect(record=Recorder(path, audio="wav")).close()
    for file in (path, path.with_name("session.client.wav"), path.with_name("session.server.wav")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "old" not in path.read_text()


# Sound beside it.


def test_sound_goes_into_wav_files_and_the_text_comes_back_exactly(tmp_path):
    def answer(turn):
        return Speech(PCM * 10, 24_000)

    config = LiveGenerationConfig(response_modalities="AUDIO")
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    with LiveEmulator(answer) as emulator:
        for recorder in (Recorder(whole), Recorder(cut, audio="wav")):
            with model(emulator, config=config).connect(record=recorder) as session:
                session.send_audio_realtime(PCM)
                session.send_audio_realtime(PCM[::-1])
                turn = session.ask("hi")
    assert texts(cut) == texts(whole)
    assert base64.b64encode(PCM).decode() not in cut.read_text()
    with wave.open(str(tmp_path / "cut.client.wav")) as client, wave.open(str(tmp_path / "cut.server.wav")) as server:
        assert (client.getframerate(), client.readframes(10_000)) == (16_000, PCM + PCM[::-1])
        assert (server.getframerate(), server.readframes(100_000)) == (24_000, turn.audio)


def test_wav_files_say_how_long_they_are_and_can_be_written_anew_once_the_session_is_closed(path):
    with LiveEmulator() as emulator:
        for piece in (PCM, PCM[:320]):
            with model(emulator).connect(record=Recorder(path, audio="wav")) as session:
                session.send_audio_realtime(piece)
            with wave.open(str(path.with_name("session.client.wav"))) as track:
                assert track.getnframes() == len(piece) / 2


def test_sound_whose_base64_is_escaped_comes_back_exactly(path):
    said = (
        '{"serverContent": {"modelTurn": {"parts": [{"inlineData": '
        '{"mimeType": "audio/pcm;rate=24000", "data": "AA\\/8AA\\/8"}}]}, "turnComplete": true}}'
    )

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(said)
        peer.wait_for_end()

    with script_server(script) as server:
        with server.model().connect(record=Recorder(path, audio="wav")) as session:
            assert session.receive_turn().collect().audio == b"\x00\x0f\xfc" * 2
    assert texts(path)[-1] == said


def test_sound_that_does_not_fit_into_the_wav_file_stays_in_the_text(path):
    with LiveEmulator() as emulator:
        with model(emulator).connect(record=Recorder(path, audio="wav")) as session:
            session.send_audio_realtime(PCM)
            session.send_audio_realtime(GenerativeContentBlob(mime_type="audio/pcm;rate=8000", data=PCM))
            session.send_audio_realtime(PCM[:7])
            session.send_audio_realtime(GenerativeContentBlob(mime_type="audio/pcm;rate=99999999999", data=PCM))
            emulator.wait_for(lambda _: len(emulator.received) == 5)
            sent = [record.message for record in emulator.received]
    assert [json.loads(frame.text) for frame in load_recording(path).frames if frame.sender == "client"] == sent
    assert path.with_name("session.client.wav").stat().st_size == HEADER_BYTES + len(PCM)


# When it cannot be written.


@pytest.mark.parametrize("where", ["missing/session.jsonl", ".", "/dev/full"])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_sent(tmp_path, where):
    with LiveEmulator() as emulator:
        with pytest.raises(ConfigurationError, match=r"cannot be recorded to .*Nothing was sent"):
            model(emulator).connect(record=tmp_path / where)
        assert emulator.handshakes == ()


def test_a_wav_file_that_cannot_be_written_is_told_too(path):
    in_its_way = path.with_name("session.server.wav")
    in_its_way.mkdir()
    with LiveEmulator() as emulator:
        with pytest.raises(ConfigurationError, match=r"session\.server\.wav"):
            model(emulator).connect(record=Recorder(path, audio="wav"))
        in_its_way.rmdir()
        model(emulator).connect(record=Recorder(path, audio="wav")).close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_a_disk_that_stands_still_is_told_once_and_the_session_goes_on(path, caplog, monkeypatch):
    monkeypatch.setattr("livesession.recording.session_recording.MOST_WAITING", 500_000)
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # nobody ever reads
    try:
        with LiveEmulator() as emulator, model(emulator).connect(record=path) as session:
            for _ in range(10):
                session.send_video_realtime(GenerativeContentBlob(mime_type="image/jpeg", data=bytes(100_000)))
            assert session.ask("hi").text
            os.close(reader)
    finally:
        with contextlib.suppress(OSError):
            os.close(reader)
    [error] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "the disk is too slow, and 500,000 bytes wait for it" in error


def test_two_sessions_cannot_be_recorded_to_the_same_file(path):
    with LiveEmulator() as emulator:
        with model(emulator).connect(record=path) as session:
            with pytest.raises(ConfigurationError, match="another session is being recorded to it"):
                model(emulator).connect(record=path)
            session.ask("hi")
        model(emulator).connect(record=path).close()
    assert len(frames(path, "client")) == 1


@pytest.mark.parametrize("record", [3, b"session.jsonl", True])
def test_what_is_no_path_is_a_type_error(record):
    with LiveEmulator() as emulator, pytest.raises(TypeError, match="path"):
        model(emulator).connect(record=record)


FULL = """
import logging, resource
logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)
with model().connect(record=sys.argv[3]) as session:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    for number in range(100):
        session.ask("x" * 100)
    say("still open:", not session.is_closed)
"""


@pytest.mark.slow
def test_a_disk_that_is_full_is_told_once_and_the_session_goes_on(path):
    with script_server(echo_for_ever) as server:
        program = "\n".join([PRELUDE, FULL])
        done = run_command(command("-c", program, server.url, "", str(path)))
    *errors, last = done.lines
    assert last == "still open: True"
    assert len(errors) == 1
    assert errors[0].startswith("ERROR session 1: the recording ")
    assert "File too large" in errors[0]


# Ends of all kinds.


def program(code: str, path: Path, url: str, **expected) -> None:
    run_live(code.replace("PATH", repr(str(path))), url, **expected)


def test_a_process_that_ends_without_close_loses_nothing(path):
    code = """
        import warnings
        warnings.simplefilter("ignore", ResourceWarning)
        session = model().connect(record=PATH)
        for number in range(20):
            session.ask(str(number))
        """
    with script_server(echo_for_ever) as server:
        program(code, path, server.url)
    assert len(frames(path, "server")) == 21


@pytest.mark.slow
def test_a_process_that_ends_by_an_exception_loses_nothing(path):
    code = """
        with model().connect(record=PATH) as session:
            for number in range(20):
                session.ask(str(number))
            raise ValueError("of the user's")
        """
    with script_server(echo_for_ever) as server:
        program(code, path, server.url, status=1, tracebacks=1)
    assert len(frames(path, "server")) == 21
    assert events(path)[-1]["event"] == "closed"


@pytest.mark.slow
def test_what_a_killed_process_had_recorded_can_be_replayed(path):
    code = f"""
        import time
        session = model().connect(record={str(path)!r})
        session.ask("hi")
        while b"turnComplete" not in open({str(path)!r}, "rb").read():
            time.sleep(0.01)
        os.kill(os.getpid(), {int(signal.SIGKILL)})
        """
    with script_server(echo_for_ever) as server:
        run_live(code, server.url, status=-signal.SIGKILL)
    with path.open("ab") as file:
        file.write(b'{"at": 1.0, "connec')  # a line that it had begun
    with LiveEmulator.replay(path) as emulator:
        with LiveGenerativeModel("m", backend=emulator.backend()).connect() as session:
            assert "hi" in session.ask("hi").text


def test_the_file_is_complete_when_close_returns_on_another_thread(path):
    with LiveEmulator() as emulator:
        session = model(emulator).connect(record=path)
        session.ask("hi")
        InThread(session.close).result()
        assert events(path)[-1]["event"] == "closed"


def test_many_threads_that_close_at_once_leave_one_whole_recording(path):
    with LiveEmulator() as emulator:
        session = model(emulator).connect(record=path)
        session.ask("hi")
        for thread in [InThread(session.close) for _ in range(8)]:
            thread.result()
    assert [event["event"] for event in events(path)] == ["opened", "closed"]
    assert len(frames(path, "client")) == 2


def test_a_session_that_nobody_holds_any_more_completes_its_recording(path):
    def forget() -> None:
        session = model(emulator).connect(record=path)
        session.ask("hi")
        del session
        gc.collect()

    with LiveEmulator() as emulator:
        with pytest.warns(ResourceWarning):
            forget()
        wait_until(lambda: events(path)[-1]["event"] == "closed")


@pytest.mark.slow
def test_a_forked_child_adds_nothing(path):
    code = """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons: fork among threads
        with model().connect(record=PATH) as session:
            session.ask("hi")
            if os.fork() == 0:
                sys.exit(0)
            os.wait()
            session.ask("again")
        """
    with script_server(echo_for_ever) as server:
        program(code, path, server.url)
    assert len(frames(path, "client")) == 3
    assert [event["event"] for event in events(path)] == ["opened", "closed"]
