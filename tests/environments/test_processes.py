"""Processes made by fork, spawn and forkserver: each child opens a session of its own, and the parent's is unharmed."""

from __future__ import annotations

import multiprocessing
import os
import textwrap

import pytest

from tests.environments.programs import PRELUDE, command, run_command, run_live

pytestmark = pytest.mark.slow

METHODS = multiprocessing.get_all_start_methods()

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


@pytest.mark.parametrize("method", METHODS)
def test_a_child_of_multiprocessing_opens_a_session_of_its_own(method, plain_place, tmp_path):
    program = PRELUDE + textwrap.dedent(
        """
        import multiprocessing, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons: fork among threads

        def child(number, queue):
            with model().connect() as session:
                queue.put(session.ask(f"child {number}").text)

        if __name__ == "__main__":
            processes = multiprocessing.get_context(sys.argv[3])
            with model().connect() as session:
                queue = processes.Queue()
                children = [processes.Process(target=child, args=(number, queue)) for number in range(2)]
                for each in children:
                    each.start()
                said = sorted(queue.get() for _ in children)
                for each in children:
                    each.join()
                say(said, [each.exitcode for each in children])
                say(session.ask("parent").text, session.is_closed)
        """
    )
    path = tmp_path / "program.py"
    path.write_text(program)
    done = run_command(command(str(path), plain_place.url, "", method))
    assert done.lines == ["['child 0', 'child 1'] [0, 0]", "parent False"]


@needs_fork
def test_a_fork_while_a_consumer_waits_leaves_the_consumer_to_the_parent(tls_place):
    code = """
        import warnings
        from livesession import ForkedSessionError
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons: fork among threads

        with model().connect() as session:
            texts = []
            consumer = threading.Thread(target=lambda: texts.extend(each.text for each in session.receive()))
            consumer.start()
            child = os.fork()
            if child == 0:
                try:
                    session.receive()
                except ForkedSessionError:
                    with model().connect() as own:
                        say(own.ask("child").text)
                sys.exit(5)  # through the with statement and all that runs at exit
            say("child's status:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            session.send("parent", turn_complete=True)
            while not texts:
                consumer.join(0.001)
        consumer.join()
        say(texts)
        """
    done = run_live(code, tls_place.url, tls_place.ca_file)
    assert done.lines == ["child", "child's status: 5", "['parent']"]


@needs_fork
def test_forks_while_three_threads_send_and_one_receives_hang_no_child(plain_place):
    code = """
        import warnings
        from livesession import ForkedSessionError
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons: fork among threads
        session, leaving = model().connect(), threading.Event()

        def send():
            while not leaving.is_set():
                session.send_text_realtime("x" * 5_000)

        threads = [threading.Thread(target=send) for _ in range(3)]
        threads.append(threading.Thread(target=lambda: list(session.receive())))
        for thread in threads:
            thread.start()
        for _ in range(10):
            child = os.fork()
            if child == 0:
                raised = 0
                for method in (session.close, session.receive, session.interrupt, lambda: session.ask("x")):
                    try:
                        method()
                    except ForkedSessionError:
                        raised += 1
                repr(session), session.is_closed, session.close_code, session.usage
                os._exit(raised)
            say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        leaving.set()
        say(session.is_closed)
        for thread in threads[:3]:
            thread.join()
        session.close()
        """
    assert run_live(code, plain_place.url).lines == ["4"] * 10 + ["False"]
