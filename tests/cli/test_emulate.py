"""`livesession emulator`: serves until it is stopped, and clients connect with the settings that it prints."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import trustme

from livesession.emulator import LiveEmulator

TALK = """
import asyncio
from google import genai

async def talk():
    CLIENT
    config = {"output_audio_transcription": {}}
    async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "hello"}]})
        async for message in session.receive():
            if message.server_content and message.server_content.output_transcription:
                print(message.server_content.output_transcription.text)

asyncio.run(talk())
"""


@pytest.fixture
def genai(environment):
    """Runs a program that uses google-genai; returns its output."""

    def run(client, **variables):
        program = TALK.replace("CLIENT", client)
        done = subprocess.run(
            [sys.executable, "-c", program], env={**environment, **variables}, capture_output=True, text=True,
            timeout=30, check=False,
        )  # fmt: skip
        return done.stdout or done.stderr

    return run


@pytest.fixture
def certificate(tmp_path):
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    authority.cert_pem.write_to_path(tmp_path / "cert.pem", append=True)
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    return "cert.pem", "key.pem"


def exported(text):
    """The variables that the printed `export` lines set."""
    lines = [line.split()[1:] for line in text.splitlines() if line.strip().startswith("export ")]
    return dict(pair.split("=", 1) for line in lines for pair in line)


def test_it_serves_until_sigterm_and_ends_with_0(start, run):
    emulator = start("emulator", "--pace", "0")
    emulator.wait_for("needs no change at all.\n")
    assert run("ask", "Hello", **exported(emulator.output)).stdout == "You said: Hello\n"
    emulator.popen.send_signal(signal.SIGTERM)
    assert emulator.end() == 0
    assert "Traceback" not in emulator.output


def test_ctrl_c_ends_it_with_0_too(terminal):
    emulator = terminal("emulator")
    emulator.wait_for("needs no change at all.\n")
    emulator.interrupt()
    assert emulator.end() == 0
    assert "Traceback" not in emulator.output


def test_google_genai_gets_there_as_it_says(start, genai):
    emulator = start("emulator", "--pace", "0")
    emulator.wait_for("needs no change at all.\n")
    lines = emulator.output.splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip().startswith("url ="))
    client = "; ".join(line.strip() for line in lines[first : first + 3])
    assert genai(client).strip() == "You said: hello"


def test_over_tls_google_genai_and_livesession_get_there_unchanged(start, run, genai, certificate):
    emulator = start("emulator", "--pace", "0", "--cert", certificate[0], "--key", certificate[1])
    emulator.wait_for('ask "Hello"\n')
    assert "wss://127.0.0.1" in emulator.output
    variables = exported(emulator.output)
    assert genai("client = genai.Client()", **variables).strip() == "You said: hello"
    assert run("ask", "Hello", **variables).stdout == "You said: Hello\n"


def test_a_port_that_is_taken_is_one_line(command):
    with LiveEmulator() as other:
        done = command("emulator", "--port", str(other.port))
        assert f"127.0.0.1:{other.port} cannot be listened on" in done.stderr
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "--port" in done.stderr


def test_files_that_are_no_certificate_and_key_are_one_line(command, certificate, tmp_path):
    cert, key = (str(tmp_path / name) for name in certificate)
    done = command("emulator", "--cert", key, "--key", cert)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "cert.pem" in done.stderr


def test_a_certificate_without_its_key_is_wrong_usage(command, certificate, tmp_path):
    assert command("emulator", "--cert", str(tmp_path / certificate[0])).exit_code == 2
