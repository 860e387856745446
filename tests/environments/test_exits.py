"""Ways to end a thread or the whole program while a session is open: none hangs, none crashes, none loses a message."""

from __future__ import annotations

import threading

import pytest

from tests.environments.programs import run_live
from tests.kit.servers import Peer, script_server
from tests.kit.waiting import PATIENCE

pytestmark = pytest.mark.slow


def test_sys_exit_in_a_thread_leaves_the_session_to_the_others(plain_place):
    code = """
        session = model().connect()

        def talk():
            say(next(session.receive()).text)
            sys.exit("this ends the thread")

        thread = threading.Thread(target=talk)
        thread.start()
        session.send("one", turn_complete=True)
        thread.join()
        say(session.is_closed, session.ask("two").text)
        session.close()
        """
    assert run_live(code, plain_place.url).lines == ["one", "False two"]


def test_an_exception_in_a_consumer_thread_is_reported_once_and_the_next_consumer_goes_on(plain_place):
    code = """
        with model().connect() as session:
            def consume():
                for message in session.receive():
                    raise RuntimeError(f"cannot digest {message.text}")

            for number in range(2):
                thread = threading.Thread(target=consume)
                thread.start()
                session.send(f"turn {number}", turn_complete=True)
                thread.join()
            say(session.ask("still there").text)
        """
    done = run_live(code, plain_place.url, tracebacks=2)
    assert done.lines == ["still there"]
    assert [line for line in done.errors.splitlines() if line.startswith("RuntimeError")] == [
        "RuntimeError: cannot digest turn 0",
        "RuntimeError: cannot digest turn 1",
    ]


def test_a_consumer_that_is_no_daemon_gets_its_messages_after_the_main_thread_has_ended(tls_place):
    code = """
        session = model().connect()

        def consume():
            threading.main_thread().join()
            say(session.ask("after the end").text)
            session.close()
            say("closed")

        threading.Thread(target=consume).start()
        """
    assert run_live(code, tls_place.url, tls_place.ca_file).lines == ["after the end", "closed"]


def test_a_daemon_consumer_does_not_keep_the_program_alive(plain_place):
    code = """
        session = model().connect()
        entered = threading.Event()

        def consume():
            for message in session.receive():
                entered.set()

        threading.Thread(target=consume, daemon=True).start()
        session.send("x", turn_complete=True)
        entered.wait()
        say("leaving")
        """
    assert run_live(code, plain_place.url).lines == ["leaving"]


@pytest.mark.parametrize("way", ["sys.exit(3)", "os._exit(3)"])
def test_a_program_that_ends_with_an_open_session_keeps_its_status_and_the_server_sees_it_go(way):
    gone = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.wait_for_end()
        gone.set()

    with script_server(script) as server:
        done = run_live(f"session = model().connect()\nsay('open')\n{way}", server.url, status=3)
        assert gone.wait(PATIENCE)
    assert done.lines == ["open"]


@pytest.mark.parametrize(
    ("deaf_place", "daemon"), [("TLS", True), ("plain", False)], ids=["daemon", "no daemon"], indirect=["deaf_place"]
)
def test_a_program_ends_although_a_send_is_stuck(deaf_place, daemon):
    code = f"""
        session = model(send_timeout={30 if daemon else 0.3}).connect()

        def send():
            try:
                session.send_video_realtime(image(16_000_000))
            except Exception as error:
                say(type(error).__name__)

        threading.Thread(target=send, daemon={daemon}).start()
        say(next(session.receive()).text)
        """
    done = run_live(code, deaf_place.url, deaf_place.ca_file)
    assert done.lines == ["go on"] + ([] if daemon else ["SendTimeout"])


def test_a_session_that_is_opened_after_the_main_thread_has_ended_works_or_says_why_not(plain_place):
    code = """
        from livesession import ConnectError

        def late():
            threading.main_thread().join()
            try:
                with model().connect() as session:
                    say(session.ask("works").text)
            except ConnectError as error:  # newer Pythons start no thread at that stage
                say("works" if "no resources" in str(error) else error)

        threading.Thread(target=late).start()
        """
    assert run_live(code, plain_place.url).lines == ["works"]


def test_a_receive_in_an_executor_leaves_the_event_loop_of_a_notebook_free(tls_place):
    code = """
        import asyncio

        async def cell():
            loop, ticks = asyncio.get_running_loop(), 0
            with model().connect() as session:
                stream = session.receive(timeout=10)
                waiting = loop.run_in_executor(None, next, stream)
                while not waiting.done():
                    await asyncio.sleep(0)
                    ticks += 1
                    if ticks == 100:
                        say("free while it waits:", not waiting.done())
                        session.send("to the loop", turn_complete=True)
                say((await waiting).text)
                for word in "in", "any", "thread":
                    session.send(word, turn_complete=True)
                    say((await asyncio.to_thread(next, stream)).text)
                stream.close()
                say(session.ask("and from the loop's own thread").text)

        asyncio.run(cell())
        """
    done = run_live(code, tls_place.url, tls_place.ca_file)
    assert done.lines[:2] == ["free while it waits: True", "to the loop"]
    assert done.lines[2:] == ["in", "any", "thread", "and from the loop's own thread"]
