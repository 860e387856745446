"""`livesession talk` by WAV files: in a pipe, and on a terminal with keys."""

from __future__ import annotations

import sys
import termios

import pytest

from livesession.audio import WavFile, write_wav
from livesession.emulator import LiveEmulator
from tests.cli.conftest import PATIENCE, QUESTION
from tests.kit.servers import script_server
from tests.kit.waiting import wait_until

EMULATED = ("talk", "--back-end", "emulator")
FILES = ("--input", QUESTION, "--output", "answer.wav")
ALTERNATE_SCREEN, USUAL_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


@pytest.fixture
def long_speech(tmp_path):
    """A file that lasts longer than any test."""
    path = tmp_path / "long.wav"
    write_wav(path, bytes(32_000 * 60), 16_000)
    return str(path)


@pytest.fixture
def emulator():
    with LiveEmulator() as emulator:
        yield emulator


@pytest.fixture
def talk(terminal, emulator, long_speech):
    """Talks on a terminal of its own, to the emulator of the fixture."""

    def talk(*args):
        aim = {"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": emulator.url}
        return terminal("talk", "--input", long_speech, "--output", "answer.wav", *args, **aim)

    return talk


def has_received(emulator, key):
    """Waits for a realtime input of that kind."""
    emulator.wait_for(lambda received: key in received.message.get("realtimeInput", {}), PATIENCE)


def modes(process):
    """The terminal's modes: whether it waits for Enter, and echoes keys."""
    return termios.tcgetattr(process._fd)[3] & (termios.ICANON | termios.ECHO)


def assert_restored(process):
    assert modes(process) == termios.ICANON | termios.ECHO
    assert process.output.rindex(USUAL_SCREEN) > process.output.rindex(ALTERNATE_SCREEN)
    assert process.output.rindex("\x1b[?25h") > process.output.rindex("\x1b[?25l")  # the cursor
    assert "Traceback" not in process.output


@pytest.mark.slow
def test_a_file_is_answered_in_a_file_with_the_transcript_on_stdout_and_then_it_ends(run, tmp_path):
    done = run(*EMULATED, *FILES)
    assert (done.returncode, done.stderr) == (0, "answer.wav: what was heard, 2.1 s of speech\n")
    assert done.stdout == "You    [speech, 2.1 s]\nModel  You spoke for 2.1 s.\n"
    assert WavFile(tmp_path / "answer.wav").seconds > 4


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--input", "nowhere.wav"], "'nowhere.wav' does not exist"),
        (["--output", "/nowhere/y.wav"], "/nowhere"),
        (["--input", QUESTION, "--output", QUESTION], "same file"),
        (["--push-to-talk"], "needs a terminal"),
        (["--modality", "text"], "--modality text"),
    ],
)
def test_wrong_usage_ends_with_2_and_is_told_before_the_session(command, args, said):
    done = command(*EMULATED, *args)
    assert done.exit_code == 2
    assert said in done.stderr


def test_what_makes_no_sense_there_is_not_in_the_help(command):
    shown = command("talk", "--help").output
    assert "--push-to-talk" in shown
    assert "--modality" not in shown
    assert "--realtime-text" not in shown


def test_a_file_of_another_kind_than_wav_is_not_taken_for_a_microphone(command, tmp_path):
    (tmp_path / "speech.mp3").write_bytes(b"ID3")
    done = command("talk", "--input", str(tmp_path / "speech.mp3"))
    assert done.exit_code == 2
    assert "no WAV file" in done.stderr


def test_a_file_that_cannot_be_heard_is_one_line(command, tmp_path):
    path = tmp_path / "text.wav"
    path.write_text("no sound")
    done = command(*EMULATED, "--input", str(path), "--output", str(tmp_path / "y.wav"))
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "text.wav" in done.stderr


def test_without_the_extra_one_line_says_how_to_install_it(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    done = command(*EMULATED)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert 'pip install "livesession[audio]"' in done.stderr


def test_without_the_extra_for_the_echo_one_line_says_how_to_install_it(command, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "livekit.rtc", None)
    done = command(*EMULATED, "--echo-cancel", "--input", QUESTION, "--output", str(tmp_path / "y.wav"))
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert 'pip install "livesession[echo]"' in done.stderr


def test_ctrl_c_in_a_pipe_ends_with_130(start, emulator, long_speech):
    aim = {"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": emulator.url}
    process = start("talk", "--input", long_speech, "--output", "answer.wav", **aim)
    has_received(emulator, "audio")
    process.interrupt()
    assert process.end() == 130
    assert "Traceback" not in process.output


@pytest.mark.slow
def test_on_a_terminal_a_file_is_shown_and_its_transcript_stays(terminal):
    talk = terminal(*EMULATED, *FILES)
    talk.wait_for(ALTERNATE_SCREEN)
    talk.wait_for("listening")
    talk.wait_for("━")
    talk.wait_for("speaking")
    assert talk.end() == 0
    assert_restored(talk)
    kept = talk.output[talk.output.rindex(USUAL_SCREEN) + len(USUAL_SCREEN) :]
    assert "You    [speech, 2.1 s]\nModel  You spoke for 2.1 s.\n" in kept
    assert "answer.wav: what was heard, 2.1 s of speech" in kept


def test_m_mutes_and_unmutes_and_q_leaves(talk, emulator):
    process = talk()
    has_received(emulator, "audio")
    process.type("m")
    process.wait_for("muted")
    has_received(emulator, "audioStreamEnd")
    process.type("\x1b[A ")
    process.type("m")
    count = len(emulator.received)
    wait_until(lambda: len(emulator.received) > count)
    process.type("q")
    assert process.end() == 0
    assert_restored(process)


def test_the_space_bar_begins_and_ends_to_speak(talk, emulator):
    process = talk("--push-to-talk")
    process.wait_for("press space to speak")
    process.type("m")
    process.type(" ")
    has_received(emulator, "activityStart")
    has_received(emulator, "audio")
    process.type(" ")
    has_received(emulator, "activityEnd")
    process.type("q")
    assert process.end() == 0, process.output
    kinds = [next(iter(received.message.get("realtimeInput", {"setup": 0}))) for received in emulator.received]
    assert kinds == ["setup", "activityStart", *["audio"] * (len(kinds) - 3), "activityEnd"]


def test_ctrl_c_leaves_the_terminal_as_it_was(talk):
    process = talk()
    process.wait_for("listening")
    assert modes(process) == 0
    process.interrupt()
    assert process.end() == 130
    assert_restored(process)


def test_ctrl_z_leaves_the_terminal_as_it_was_and_fg_goes_on(terminal, emulator, long_speech):
    shell = ("-c", "import os; os.execvp('bash', ['bash', '--norc', '--noediting', '-i'])")
    aim = {"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": emulator.url}
    process = terminal(program=shell, PS1="ready> ", **aim)
    process.wait_for("ready> ")
    process.type(f"{sys.executable} -m livesession talk --input {long_speech} --output answer.wav\n")
    process.wait_for("listening")
    process.type("\x1a")
    process.wait_for("Stopped")
    process.wait_for("ready> ")
    assert_restored(process)
    process.type("fg\n")
    process.wait_for(ALTERNATE_SCREEN)
    process.wait_for("listening")
    process.type("q")
    process.wait_for("ready> ")
    process.type("exit\n")
    assert process.end() == 0
    assert_restored(process)


def test_sigterm_leaves_the_terminal_as_it_was(talk):
    process = talk()
    process.wait_for("listening")
    process.popen.terminate()
    assert process.end() == 130
    assert_restored(process)


def test_a_session_that_the_server_ends_is_one_line_and_the_terminal_as_it_was(terminal, long_speech):
    def ends(peer):
        peer.accept()
        peer.read()
        peer.send({"serverContent": {"inputTranscription": {"text": "Are you \x1b[31mthere?"}}})
        peer.send({"serverContent": {"outputTranscription": {"text": "I was about"}}})
        peer.close(1011, "Internal error encountered.")

    with script_server(ends) as server:
        aim = {"GEMINI_API_KEY": "secret-key", "GOOGLE_GEMINI_BASE_URL": server.url}
        process = terminal("talk", "--input", long_speech, "--output", "answer.wav", **aim)
        assert process.end() == 1
    assert_restored(process)
    kept = process.output[process.output.rindex(USUAL_SCREEN) :].splitlines()[-3:]
    assert kept[0].endswith("You    Are you [31mthere?")
    assert kept[1] == "Model  I was about"
    assert kept[2].startswith("Error: ")
    assert "Internal error encountered." in kept[2]
    assert "secret-key" not in process.output
