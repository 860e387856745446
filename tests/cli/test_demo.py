"""`livesession demo`: the main job from end to end, in a pipe and on a terminal."""

from __future__ import annotations

import time

import pytest

from livesession.audio import WavFile


def test_the_demo_says_where_it_runs_talks_both_ways_and_leaves_the_reply(run, tmp_path):
    start = time.monotonic()
    done = run("demo")
    assert time.monotonic() - start < 15
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "Built-in emulator, no key needed: it only echoes. Add --live for Google."
    assert "Model You said: Hello! What can you do?" in lines
    assert "Sending 2.9 of 2.9 s" in lines
    assert "You [speech, 2.1 s]" in lines
    assert "Model You spoke for 2.1 s." in lines
    assert "reply.wav: the reply, 2.1 s" in lines
    table = dict(line.split("  ", 1) for line in done.stdout.splitlines()[-4:])
    assert list(table) == ["Time to first message", "Messages received", "Audio", "Tokens"]
    assert "2.9 s sent" in table["Audio"]
    assert "\x1b" not in done.stdout
    reply = WavFile(tmp_path / "reply.wav")
    assert (reply.rate, reply.seconds) == (24_000, pytest.approx(2.1, abs=0.1))


def test_on_a_terminal_there_is_a_bar_and_ctrl_c_leaves_it_in_order(terminal):
    demo = terminal("demo")
    demo.wait_for("Sending")
    demo.wait_for("━")
    demo.wait_for("0.5 of 2.9 s")
    demo.interrupt()
    assert demo.end() == 130
    assert demo.output.rindex("\x1b[?25h") > demo.output.rindex("\x1b[?25l")  # the cursor is shown again
    assert "Traceback" not in demo.output


def test_live_without_a_key_is_one_line(command):
    done = command("demo", "--live")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "GEMINI_API_KEY" in done.stderr


def test_live_goes_where_the_environment_says(aimed, tmp_path):
    output = tmp_path / "here.wav"
    emulator, done = aimed("demo", "--live", "--model", "some-model", "--output", str(output), api_keys=["another"])
    assert (done.exit_code, output.exists()) == (1, False)
    assert "emulator" not in done.stdout
    assert emulator.handshakes
