"""`livesession ask`: one turn for scripts, with the answer on stdout and nothing else."""

from __future__ import annotations

import json
import threading
import wave

import pytest

from livesession.audio import WavFile, write_wav
from livesession.emulator import LiveEmulator
from tests.cli.conftest import QUESTION

EMULATED = ("ask", "--back-end", "emulator")


def sent(emulator):
    """The kinds of the client's messages, in the order in which the emulator received them."""
    return [next(iter(received.message)) for received in emulator.received]


def setup(emulator):
    return emulator.received[0].message["setup"]


def test_a_question_in_text_is_answered_on_stdout_and_nothing_else_is_there(run):
    done = run(*EMULATED, "hello there")
    assert (done.returncode, done.stdout, done.stderr) == (0, "You said: hello there\n", "")


def test_a_dash_reads_the_question_from_stdin(command):
    assert command(*EMULATED, "-", input="from a pipe\n").stdout == "You said: from a pipe\n"


def test_bytes_from_stdin_that_are_no_text_are_replaced_and_the_rest_is_asked(python):
    done = python("-m", "livesession", *EMULATED, "-", input="Grüße\n", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout, done.stderr) == (0, "You said: Gr????e\n", "")


def test_a_piped_question_without_the_dash_is_refused_with_a_hint(command):
    assert '"-" for stdin' in command(*EMULATED, input="from a pipe\n").output


def test_the_modality_may_be_written_as_in_the_api(command):
    assert command(*EMULATED, "--modality", "TEXT", "--model", "gemini-live-2.5-flash", "hi").exit_code == 0


def test_json_is_one_object_with_the_answer_and_its_costs_and_the_audio_is_in_its_file(run, tmp_path):
    done = run(*EMULATED, "--audio-in", QUESTION, "--audio-out", "y.wav", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["text"] == answer["output_transcript"] == "You spoke for 2.9 s."
    assert answer["input_transcript"] == "[speech, 2.9 s]"
    assert answer["audio_in_seconds"] == answer["audio_out_seconds"] == pytest.approx(2.9, abs=0.05)
    assert answer["usage"]["total_token_count"] > 100
    assert answer["complete"] is True
    assert (answer["audio_out"], answer["model"]) == ("y.wav", "gemini-3.8-live")
    assert WavFile(tmp_path / "y.wav").seconds == pytest.approx(2.9, abs=0.05)


def test_without_a_key_one_line_names_the_variable_and_the_emulator(run):
    done = run("ask", "hello")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "GEMINI_API_KEY" in done.stderr
    assert "--back-end emulator" in done.stderr


@pytest.mark.parametrize("back_end", ["google", "firebase"])
def test_a_back_end_without_its_key_is_an_error_in_one_line(command, back_end):
    done = command("ask", "--back-end", back_end, "hello")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "API_KEY" in done.stderr


@pytest.mark.parametrize(
    "args", [["ask"], ["ask", "--audio-in", "nowhere.wav"], ["ask", "--pace", "-1", "x"], ["ask", "--back-end", "x"]]
)
def test_wrong_usage_ends_with_2(command, args):
    assert command(*args).exit_code == 2


def test_an_output_file_in_a_folder_that_is_missing_is_told_before_the_session(command):
    done = command(*EMULATED, "--audio-out", "/nowhere/y.wav", "hello")
    assert done.exit_code == 2
    assert "/nowhere/y.wav" in done.stderr


def test_what_the_server_refuses_is_one_line(run):
    done = run(*EMULATED, "--voice", "Nobody", "hello")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("Error: ")
    assert "Nobody" in done.stderr


def test_debug_shows_the_traceback_of_an_error(command):
    done = command("--debug", *EMULATED, "--voice", "Nobody", "hello")
    assert done.exit_code == 1
    assert "Traceback" in done.stderr


def test_a_file_that_cannot_be_heard_is_named_with_what_to_do(command, tmp_path):
    path = str(tmp_path / "deep.wav")
    with wave.open(path, "wb") as writer:
        writer.setparams((1, 3, 16_000, 0, "NONE", ""))
        writer.writeframes(bytes(300))
    done = command(*EMULATED, "--audio-in", path)
    assert done.exit_code == 1
    assert "deep.wav holds 24-bit samples" in done.stderr
    assert f"sox {path} -b 16" in done.stderr


def test_no_audio_for_the_audio_file_is_an_error(command, tmp_path):
    path = tmp_path / "y.wav"
    done = command(
        *EMULATED, "--model", "gemini-live-2.5-flash", "--modality", "text", "--audio-out", str(path), "hello"
    )
    assert (done.exit_code, path.exists()) == (1, False)
    assert "no audio" in done.stderr


def test_ctrl_c_ends_with_130_and_no_traceback(start):
    with LiveEmulator(lambda turn: turn.interrupted.wait(20) and None) as emulator:
        process = start("ask", "hello", GEMINI_API_KEY="k", GOOGLE_GEMINI_BASE_URL=emulator.url)
        emulator.wait_for(lambda received: "clientContent" in received.message, 20)
        process.interrupt()
        assert process.end() == 130
    assert "Traceback" not in process.output


def test_a_key_is_never_printed(aimed):
    _, done = aimed("--debug", "ask", "hello", key="sesame-123", api_keys=["another"])
    assert done.exit_code == 1
    assert "API key" in done.stderr
    assert "sesame-123" not in done.output


def test_the_model_comes_from_the_environment_and_an_option_wins(aimed, monkeypatch):
    monkeypatch.setenv("LIVESESSION_MODEL", "from-environment")
    assert setup(aimed("ask", "x")[0])["model"] == "models/from-environment"
    assert setup(aimed("ask", "--model", "from-option", "x")[0])["model"] == "models/from-option"


def test_a_model_that_answers_in_audio_is_asked_for_its_transcript(aimed):
    spoken = setup(aimed("ask", "x")[0])
    assert spoken["generationConfig"]["responseModalities"] == ["AUDIO"]
    assert "outputAudioTranscription" in spoken
    emulator, done = aimed("ask", "--model", "gemini-live-2.5-flash", "--modality", "text", "x")
    assert setup(emulator)["generationConfig"]["responseModalities"] == ["TEXT"]
    assert "outputAudioTranscription" not in setup(emulator)
    assert done.stdout == "You said: x\n"


def test_system_and_voice_are_in_the_setup(aimed):
    made = setup(aimed("ask", "--system", "Be brief.", "--voice", "Puck", "x")[0])
    assert made["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert "Puck" in json.dumps(made["generationConfig"]["speechConfig"])


def test_text_goes_out_as_client_content_and_as_realtime_input_where_asked(aimed):
    assert sent(aimed("ask", "x")[0]) == ["setup", "clientContent"]
    emulator, done = aimed("ask", "--realtime-text", "hello")
    assert emulator.received[1].message == {"realtimeInput": {"text": "hello"}}
    assert done.stdout == "You said: hello\n"


def test_speech_is_one_question_however_long_its_pauses(aimed, tmp_path):
    path = str(tmp_path / "pause.wav")
    speech = b"".join(WavFile(QUESTION).blocks())
    write_wav(path, speech + bytes(64_000) + speech, 16_000)
    emulator, done = aimed("ask", "--audio-in", path)
    inputs = [next(iter(received.message["realtimeInput"])) for received in emulator.received[1:]]
    assert inputs == ["activityStart", *["audio"] * (len(inputs) - 2), "activityEnd"]
    assert done.stdout == "You spoke for 7.8 s.\n"


def test_speech_goes_out_at_the_rate_of_its_file(aimed, tmp_path):
    path = str(tmp_path / "high.wav")
    write_wav(path, bytes(44_100), 44_100)
    emulator, _ = aimed("ask", "--audio-in", path)
    audio = [received.message["realtimeInput"].get("audio") for received in emulator.received[1:]]
    assert {blob["mimeType"] for blob in audio if blob} == {"audio/pcm;rate=44100"}


def test_text_beside_speech_goes_first_and_does_not_ask_for_an_answer(aimed):
    emulator, done = aimed("ask", "--audio-in", QUESTION, "Listen:")
    assert emulator.received[1].message["clientContent"]["turns"][0]["parts"] == [{"text": "Listen:"}]
    assert not emulator.received[1].message["clientContent"].get("turnComplete")
    assert done.stdout == "You spoke for 2.9 s.\n"


def test_an_answer_cannot_steer_the_terminal(aimed):
    _, done = aimed("ask", "x", responder=lambda turn: "\x1b[31mred\x07\x9b2J and\n[bold]plain[/bold]")
    assert done.stdout == "[31mred2J and\n[bold]plain[/bold]\n"


def test_the_environment_may_mean_vertex(command, monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    with LiveEmulator() as emulator:
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", emulator.url)
        assert command("ask", "hello").stdout == "You said: hello\n"
        assert emulator.handshakes


def test_a_session_that_ends_too_soon_is_an_error_after_what_had_come(aimed):
    closing = threading.Event()

    def responder(turn):
        yield "The beginning"
        closing.set()
        raise RuntimeError("the responder breaks, and the emulator closes with 1011")

    _, done = aimed("ask", "x", responder=responder)
    assert closing.is_set()
    assert (done.exit_code, done.stdout.strip()) == (1, "The beginning")
    assert "1011" in done.stderr
