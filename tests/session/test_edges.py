"""No surprise at the edges: fork, forgotten sessions, interpreter exit, Ctrl-C, event loops, sessions side by side."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
import weakref

import pytest

from livesession import ConnectionClosedError, LiveGenerativeModel
from livesession.emulator import LiveEmulator
from livesession.session.write_hooks import InputHook
from tests.kit.servers import Peer, RawPeer, raw_server, script_server
from tests.kit.waiting import PATIENCE, InThread

SAID = {"serverContent": {"modelTurn": {"parts": [{"text": "x"}]}}}


def idle(peer: Peer) -> None:
    peer.accept()
    peer.wait_for_end()


def run(code: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A Python program of its own, with a session's model at hand."""
    program = textwrap.dedent(code)
    command = [sys.executable, "-X", "dev", "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, **options)


PRELUDE = """
import sys
from livesession import GoogleAI, LiveGenerativeModel
model = LiveGenerativeModel("m", backend=GoogleAI(api_key="k", base_url=sys.argv[1], proxy=False))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_session_used_after_fork_raises_and_leaves_the_parents_alone():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(SAID)
        peer.wait_for_end()

    program = PRELUDE + textwrap.dedent(
        """
        import os
        from livesession import ForkedSessionError
        with model.connect() as session:
            child = os.fork()
            if child == 0:
                raised = 0
                for method in (session.receive, session.close, session.interrupt, lambda: session.send("x")):
                    try:
                        method()
                    except ForkedSessionError as error:
                        raised += "connect() in" in str(error)
                os._exit(raised)
            print("raised in the child:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            session.send("hello", True)
            print("parent got:", next(session.receive(timeout=10)).text)
        """
    )
    with script_server(script) as server:
        done = run(program, server.url)
    assert "raised in the child: 4" in done.stdout, done.stderr
    assert "parent got: x" in done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_that_leaves_the_with_block_does_not_close_the_parents_session():
    program = PRELUDE + textwrap.dedent(
        """
        import os
        with model.connect() as session:
            child = os.fork()
        if child == 0:
            sys.exit(0)
        os.waitpid(child, 0)
        print("closed:", session.is_closed)
        """
    )
    with script_server(idle) as server:
        done = run(program, server.url)
    assert done.stdout.strip() == "closed: True", done.stderr
    assert "Error" not in done.stderr


def test_a_forgotten_session_warns_and_ends():
    ended = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.wait_for_end()
        ended.set()

    with script_server(script) as server:
        session = server.model().connect()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del session
            gc.collect()
        assert [str(each.message) for each in caught if each.category is ResourceWarning][:1] != []
        assert ended.wait(PATIENCE)


def test_a_session_that_is_iterated_over_is_not_forgotten():
    with script_server(lambda peer: [peer.accept(), peer.send(SAID, SAID), peer.wait_for_end()]) as server:
        session = server.model().connect()
        stream, reference = session.receive(), weakref.ref(session)
        del session
        gc.collect()
        assert next(stream).text == "x"
        reference().close()


def test_a_forgotten_session_does_not_stop_the_interpreter_from_exiting():
    program = PRELUDE + "session = model.connect()\nprint('open')"
    with script_server(idle) as server:
        done = run(program, server.url)
    assert (done.returncode, done.stdout.strip()) == (0, "open")
    assert "ResourceWarning: a LiveSession was not closed" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unhandled_exception_with_an_open_session_exits_at_once():
    program = PRELUDE + "session = model.connect()\nraise RuntimeError('mine')"
    with script_server(idle) as server:
        done = run(program, server.url)
    assert done.returncode == 1
    assert "RuntimeError: mine" in done.stderr


def interrupt(program: str, url: str, is_time: threading.Event | None = None) -> list[str]:
    """Sends Ctrl-C to a program once it has said that it waits; what it says after that.

    The signal may come just before the wait begins; it interrupts the same statement then.
    """
    with subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        assert is_time is None or is_time.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        said = process.stdout.read().splitlines()
        assert process.wait(PATIENCE) == 0
        return said


INTERRUPTED = {
    "receive": "next(session.receive())",
    "ask": "session.ask('x')",
    "connect": "model.connect()",
}


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT to a process")
@pytest.mark.parametrize("wait", INTERRUPTED.values(), ids=INTERRUPTED.keys())
def test_ctrl_c_works_in_a_wait(wait):
    program = PRELUDE + textwrap.dedent(
        f"""
        session = model.connect()
        try:
            print("waiting", flush=True)
            {wait}
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        session.close(timeout=1)
        """
    )
    calls = threading.Semaphore(1)

    def script(peer: Peer) -> None:
        if calls.acquire(blocking=False):
            peer.accept()
        peer.wait_for_end()

    with script_server(script) as server:
        assert interrupt(program, server.url) == ["interrupted"]


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT to a process")
def test_ctrl_c_while_another_connection_is_being_opened_ends_the_attempt():
    program = PRELUDE + textwrap.dedent(
        """
        import threading
        from livesession import SessionResumptionConfig
        session = model.connect(session_resumption=SessionResumptionConfig(handle="h"))
        try:
            print("waiting", flush=True)
            session.resume_session()
        except KeyboardInterrupt:
            print("interrupted")
        for thread in threading.enumerate():
            if thread.name == "livesession-connect":
                thread.join(3)
                print("still there:", thread.is_alive())
        session.close(timeout=0)
        """
    )
    first, asked = threading.Semaphore(1), threading.Event()

    def script(peer: RawPeer) -> None:
        if first.acquire(blocking=False):
            peer.accept()
            peer.socket.recv(65536)  # the close frame
        else:
            peer.read_request()
            asked.set()
            peer.wait_for_end()

    with raw_server(script) as server:
        interrupted, *threads = interrupt(program, server.url, asked)
    assert interrupted == "interrupted"
    assert "still there: True" not in threads


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT to a thread")
def test_ctrl_c_that_does_not_wake_the_waiting_thread_is_seen_all_the_same():
    """As when it comes just before the wait begins: the interpreter knows of it, the system call does not."""
    program = PRELUDE + textwrap.dedent(
        """
        import signal
        import threading
        def interrupt_another_thread():
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        with model.connect() as session:
            threading.Timer(0.2, interrupt_another_thread).start()
            try:
                next(session.receive())
            except KeyboardInterrupt:
                print("interrupted")
        """
    )
    with script_server(idle) as server:
        assert run(program, server.url).stdout == "interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT to a process")
@pytest.mark.parametrize(
    "wait", ["session.send_video_realtime(blob)", "session.close(timeout=60)"], ids=["send", "close"]
)
def test_ctrl_c_works_while_the_server_is_deaf(wait):
    program = PRELUDE + textwrap.dedent(
        f"""
        from livesession import GenerativeContentBlob
        blob = GenerativeContentBlob(mime_type="image/jpeg", data=bytes(16_000_000))
        session = model.connect()
        try:
            print("waiting", flush=True)
            {wait}
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        session.close(timeout=0.1)
        print("closed:", session.is_closed, flush=True)
        """
    )
    leaving = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        leaving.wait(PATIENCE)

    with raw_server(script) as server:
        assert interrupt(program, server.url) == ["interrupted", "closed: True"]
        leaving.set()


def interrupted_again(hook: InputHook) -> None:
    raise KeyboardInterrupt


@pytest.mark.skipif(os.name == "nt", reason="sends a signal to itself")
@pytest.mark.parametrize("times", [1, 2])
def test_a_send_that_is_interrupted_in_the_middle_of_a_message_ends_the_session(times, monkeypatch):
    """Also where a second Ctrl-C comes while the message is taken back."""
    leaving, stuck = threading.Event(), threading.Event()
    if times == 2:
        monkeypatch.setattr(InputHook, "on_not_sent", interrupted_again)

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.recv(100_000)
        stuck.set()
        leaving.wait(PATIENCE)

    def interrupt() -> None:
        stuck.wait(PATIENCE)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    with raw_server(script) as server:
        session = server.model().connect()
        interrupter = InThread(interrupt)
        with pytest.raises(KeyboardInterrupt):
            session.send_text_realtime("x" * 16_000_000)
        interrupter.result()
        with pytest.raises(ConnectionClosedError, match="in the middle of a message"):
            session.send("this would be read as the rest of the image")
        leaving.set()
        session.close()


def test_a_session_works_in_a_thread_that_runs_an_event_loop():
    async def cell() -> str:
        with LiveEmulator() as emulator:
            model = LiveGenerativeModel("gemini-live-2.5-flash-text", backend=emulator.backend())
            with model.connect() as session:
                return session.ask("hello from a notebook").output_transcript or "answered"

    assert asyncio.run(cell())


def test_two_sessions_share_nothing_that_one_can_see_from_the_other():
    def script(peer: Peer) -> None:
        peer.accept()
        while True:
            text = peer.read()["clientContent"]["turns"][0]["parts"][0]["text"]
            peer.send({"serverContent": {"modelTurn": {"parts": [{"text": text}]}, "turnComplete": True}})

    def talk(session, name: str) -> list[str]:
        return [session.ask(f"{name} {number}").text for number in range(20)]

    with script_server(script) as server:
        model = server.model()
        with model.connect() as one, model.connect() as other:
            talks = [InThread(lambda: talk(one, "one")), InThread(lambda: talk(other, "other"))]
            assert talks[0].result() == [f"one {number}" for number in range(20)]
            assert talks[1].result() == [f"other {number}" for number in range(20)]
            one.close()
            assert not other.is_closed
            assert other.ask("still there").text == "still there"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_an_iterator_that_was_open_at_a_fork_raises_in_the_child():
    program = PRELUDE + textwrap.dedent(
        """
        import os
        from livesession import ForkedSessionError
        with model.connect() as session:
            stream = session.receive()
            child = os.fork()
            if child == 0:
                try:
                    next(stream)
                except ForkedSessionError:
                    os._exit(7)
            print("child:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    )
    with script_server(idle) as server:
        done = run(program, server.url)
    assert done.stdout.strip() == "child: 7", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no limit on descriptors here")
def test_too_many_open_files_is_an_error_of_connect():
    program = PRELUDE + textwrap.dedent(
        """
        import os, resource
        from livesession import ConnectError
        model.connect().close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        taken = []
        while True:
            try:
                taken.append(os.dup(0))
            except OSError:
                break
        errors = set()
        for _ in range(6):
            try:
                model.connect().close()
                errors.add("none")
            except Exception as error:
                errors.add(type(error).__name__)
            os.close(taken.pop())
        print(sorted(errors))
        """
    )
    with script_server(idle) as server:
        done = run(program, server.url)
    assert done.stdout.strip() == "['ConnectError', 'none']", done.stdout + done.stderr
