"""The emulator's life and its controls: start and stop, what it saw, pushed frames, going away, TLS."""

from __future__ import annotations

import gc
import importlib.util
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
import trustme
from websockets.exceptions import ConnectionClosed

from livesession import LiveGenerativeModel
from livesession.emulator import LiveEmulator, UserTurn
from livesession.emulator.protocol.routes import find_route
from livesession.emulator.protocol.setup_rules import check_setup


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_stop_leaves_no_thread(dial):
    with LiveEmulator() as emulator:
        client = dial(emulator)
        client.say("hello")
        client.turn()
        assert "livesession-emulator" in [thread.name for thread in threading.enumerate()]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("livesession-")]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_stop_leaves_no_descriptor(dial):
    LiveEmulator().start().stop()
    gc.collect()  # what other tests left to the collector is not this one's
    before = descriptors()
    for _ in range(3):
        emulator = LiveEmulator().start()
        dial(emulator).socket.close()
        emulator.stop()
    assert descriptors() == before


def test_stop_ends_answers_that_are_being_given(dial):
    def answer(turn: UserTurn) -> None:
        turn.interrupted.wait(30)

    emulator = LiveEmulator(answer).start()
    client = dial(emulator)
    client.say("hello")
    emulator.wait_for(lambda record: "clientContent" in record.message)
    emulator.stop()
    assert client.close_frame()[0] == 1001
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("livesession-")]


def test_stop_is_bounded_whatever_a_client_does(dial):
    """The client reads nothing, so it never answers the close."""
    emulator = LiveEmulator(lambda turn: bytes(48_000 * 300)).start()
    client = dial(emulator, generationConfig={})
    client.say("go")
    emulator.wait_for(lambda record: "clientContent" in record.message)
    before = time.monotonic()
    emulator.stop(timeout=1)
    assert time.monotonic() - before < 2


def test_stop_does_not_wait_for_a_client_that_never_asks_for_the_upgrade():
    emulator = LiveEmulator().start()
    with socket.create_connection(("127.0.0.1", emulator.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(0.1)  # so that it has been accepted, of which nothing tells
        emulator.stop(timeout=1)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("livesession-")]


def test_stop_twice_and_start_again():
    emulator = LiveEmulator().start()
    emulator.stop()
    emulator.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = emulator.port
    with emulator:
        assert emulator.port


def test_a_port_that_is_taken_is_an_error_of_start(emulator):
    other = LiveEmulator(port=emulator.port)
    with pytest.raises(OSError, match=r"(?i)address"):
        other.start()
    assert [thread.name for thread in threading.enumerate()].count("livesession-emulator") == 1


def test_received_is_what_was_written(emulator, dial):
    client = dial(emulator, setup=False)
    client.send(b'{"setup": {"model": "models/m", "generation_config": {}}}')
    client.receive()
    client.say("hello")
    record = emulator.wait_for(lambda record: "clientContent" in record.message)
    first, second = emulator.received
    assert (first.message, first.opcode) == (
        {"setup": {"model": "models/m", "generation_config": {}}},
        "binary",
    )
    assert (second, second.opcode, second.connection) == (record, "text", 1)
    assert first.at <= second.at <= time.monotonic()


def test_a_handshake_has_path_headers_back_end_and_setup(emulator, dial):
    dial(emulator, "vertex", labels={"a": "b"})
    (handshake,) = emulator.handshakes
    assert handshake.path.endswith("BidiGenerateContent?key=k")
    assert handshake.headers["authorization"] == "Bearer t"
    assert handshake.kind == "vertex"
    assert handshake.setup is not None
    assert handshake.setup["labels"] == {"a": "b"}


def test_wait_for_says_what_came_instead(emulator, dial):
    dial(emulator)
    with pytest.raises(TimeoutError, match="the last ones: setup"):
        emulator.wait_for(lambda record: "toolResponse" in record.message, timeout=0.01)


def test_send_reaches_one_connection_or_all(emulator, dial):
    first, second = dial(emulator), dial(emulator)
    emulator.send({"serverContent": {"interrupted": True}})
    emulator.send('{"only": "second"}', connection=2)
    emulator.send(b"\x00", connection=1)
    assert first.receive() == second.receive() == {"serverContent": {"interrupted": True}}
    assert (first.raw(), second.raw()) == (b"\x00", '{"only": "second"}')


def test_a_closed_connection_cannot_be_sent_to(emulator, dial):
    client = dial(emulator)
    assert emulator.connections == (1,)
    client.socket.close()
    with pytest.raises(LookupError):
        emulator.send("x", connection=1)


def test_close_connections_uses_code_and_reason(emulator, dial):
    client = dial(emulator)
    emulator.close_connections(1011, "The service is currently unavailable.")
    assert client.close_frame() == (1011, "The service is currently unavailable.")


def test_drop_connections_sends_no_close_frame(emulator, dial):
    client = dial(emulator)
    emulator.drop_connections()
    with pytest.raises(ConnectionClosed) as cut:
        client.raw()
    assert cut.value.rcvd is None


def test_go_away_announces_the_end_and_brings_it_about(emulator, dial):
    client = dial(emulator)
    emulator.go_away(0.05)
    assert client.receive() == {"goAway": {"timeLeft": "0.050s"}}
    assert client.close_frame() == (1011, "Deadline expired before operation could complete.")


def test_the_connection_limit_is_announced_and_kept(dial):
    with LiveEmulator(connection_limit=0.1, go_away_notice=10) as emulator:
        client = dial(emulator)
        assert client.receive() == {"goAway": {"timeLeft": "0.100s"}}
        assert client.close_frame()[0] == 1011


def test_controls_may_be_used_from_a_responder(dial, read):
    def answer(turn: UserTurn) -> str:
        emulator.send({"fromResponder": 1})
        return "done"

    with LiveEmulator(answer) as emulator:
        client = dial(emulator)
        client.say("go")
        assert client.receive() == {"fromResponder": 1}
        assert read.texts(client.turn()) == "done"


@pytest.mark.parametrize("options", [{"chunk_ms": 0}, {"pace": -1.0}, {"go_away_notice": -1.0}])
def test_senseless_options_are_refused(options):
    with pytest.raises(ValueError, match="at least"):
        LiveEmulator(**options)


@pytest.fixture
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(server)
    authority.configure_trust(client)
    return server, client


def test_tls_is_served_when_a_context_is_given(tls):
    server, client = tls
    with LiveEmulator(ssl_context=server) as emulator:
        assert emulator.url.startswith("wss://127.0.0.1:")
        # Not websockets' threaded client: it reads and writes TLS on two threads at a time, and hangs now and then.
        with LiveGenerativeModel("m", backend=emulator.backend(ssl_context=client)).connect() as session:
            assert not session.is_closed
        assert "setup" in emulator.received[0].message


def test_the_emulator_imports_neither_the_client_s_wire_nor_its_types():
    script = (
        "import sys, types\n"
        "package = types.ModuleType('livesession'); package.__path__ = [sys.argv[1]]\n"
        "sys.modules['livesession'] = package\n"
        "from livesession.emulator import LiveEmulator\n"
        "print([m for m in sys.modules if m.startswith('livesession.') and not m.startswith('livesession.emulator')])\n"
        "print([m for m in ('websockets', 'webrtcvad', 'soxr', 'numpy') if m in sys.modules])\n"
    )
    import livesession.emulator as package

    folder = os.path.dirname(os.path.dirname(str(package.__file__)))
    run = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=True, timeout=30)
    assert run.stdout.split() == ["[]", "[]"]


def test_the_log_of_a_whole_program_at_debug_shows_no_key_and_nothing_that_was_said():
    script = (
        "import logging, sys\n"
        "logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)\n"
        "from livesession import *\n"
        "from livesession.emulator import LiveEmulator\n"
        "with LiveEmulator() as emulator:\n"
        "    backend = GoogleAI(api_key='swordfish', base_url=emulator.url, proxy=False)\n"
        "    config = LiveGenerationConfig(response_modalities='TEXT')\n"
        "    with LiveGenerativeModel('m', backend=backend, generation_config=config).connect() as session:\n"
        "        session.ask('a confession')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "session 1: open" in done.stdout
    assert "swordfish" not in done.stdout
    assert "confession" not in done.stdout


def test_wait_for_wakes_for_a_message_that_comes_later(emulator, dial):
    client = dial(emulator)
    thread = threading.Timer(0.05, client.say, ["late"])
    thread.start()
    assert emulator.wait_for(lambda record: "clientContent" in record.message).connection == 1
    thread.join()


@pytest.mark.parametrize("absent", ["websockets", "webrtcvad", "soxr"])
def test_a_missing_package_is_named_with_its_extra(monkeypatch, absent):
    errors = pytest.importorskip("livesession.errors")
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == absent else found(name))
    with pytest.raises(errors.MissingExtraError, match=r"livesession\[emulator\]") as missing:
        LiveEmulator().start()
    assert absent in str(missing.value)


@pytest.mark.parametrize("kind", ["google", "vertex", "firebase", "firebase-vertex"])
def test_backend_leads_here_on_every_back_end(emulator, kind):
    backend = emulator.backend(kind)
    model = backend.model_resource("gemini-live-2.5-flash")
    assert backend.endpoint().url.startswith(emulator.url)
    route = find_route(backend.endpoint().url[len(emulator.url) :])
    assert route is not None
    assert route.kind == kind
    check_setup({"model": model}, route)
