"""The examples under gunicorn with threads and with gevent, and Django's under its own server."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from attrs import frozen
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from livesession.audio import WavFile
from livesession.cli import __path__ as cli_path
from livesession.emulator import LiveEmulator, UserTurn
from tests.kit.waiting import PATIENCE, InThread, wait_until
from tests.web.apps import Visitor, next_event, serving
from tests.web.kit import text_of

for package in ("flask", "flask_sock", "django", "gunicorn", "gevent", "cachelib"):
    pytest.importorskip(package, reason=f"{package} is not installed (extra `examples`)")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

GUNICORN = [
    ("flask_voice", "gthread"),
    ("flask_voice", "gevent"),
    ("django_chat", "gthread"),
    ("django_chat", "gevent"),
]
each_under_gunicorn = pytest.mark.parametrize(("name", "server"), GUNICORN)
each_app = pytest.mark.parametrize("name", ["flask_voice", "django_chat"])
each_served = pytest.mark.parametrize(("name", "server"), [*GUNICORN, ("django_chat", "runserver")])


def remembering(turn: UserTurn) -> str:
    return f"{len(turn.history)} before: {turn.text}"


class Slow:
    """A responder that says one word at once, and another when it may."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()

    def __call__(self, turn: UserTurn):
        yield "One"
        while not self.may_go_on.wait(0.01) and not turn.interrupted.is_set():
            pass
        yield " two."


@each_served
def test_an_answer_is_streamed_as_it_comes_and_the_conversation_goes_on(name, server, tmp_path):
    slow = Slow()
    with LiveEmulator(slow) as emulator, serving(name, server, emulator, tmp_path) as app:
        ada = Visitor(app)
        response = ada.begin("Count")
        assert next_event(response).json == {"text": "One"}
        slow.may_go_on.set()
        assert next_event(response).json == {"text": " two."}
        assert next_event(response).type == "end"
        assert text_of(ada.ask("Again")) == "One two."
        assert len(emulator.handshakes) == 1


@each_served
def test_twenty_visitors_at_once_on_one_worker_get_their_own_answers_only(name, server, tmp_path):
    all_ask = threading.Barrier(20)

    def together(turn: UserTurn) -> str:
        all_ask.wait(PATIENCE)
        return remembering(turn)

    with LiveEmulator(together) as emulator, serving(name, server, emulator, tmp_path) as app:
        visitors = {f"visitor {number}": Visitor(app) for number in range(20)}
        for before in (0, 2, 4):
            asking = {name: InThread(lambda v=visitor, n=name: v.ask(n)) for name, visitor in visitors.items()}
            for question, answer in asking.items():
                assert text_of(answer.result(2 * PATIENCE)) == f"{before} before: {question}"
        assert len(emulator.connections) == 20


@each_served
def test_a_visitor_who_goes_in_the_middle_of_an_answer_has_the_session_closed_within_five_seconds(
    name, server, tmp_path
):
    with LiveEmulator(Slow()) as emulator, serving(name, server, emulator, tmp_path) as app:
        response = Visitor(app).begin("Count")
        next_event(response)
        gone_at = time.monotonic()
        app.hang_up()
        wait_until(lambda: not emulator.connections)
        assert time.monotonic() - gone_at < 5


@each_app
def test_a_visitor_who_says_farewell_has_the_session_closed_at_once(name, tmp_path):
    with LiveEmulator() as emulator, serving(name, "gthread", emulator, tmp_path) as app:
        ada = Visitor(app)
        ada.ask("Hello")
        assert len(emulator.connections) == 1
        ada.leave()
        wait_until(lambda: not emulator.connections)


@each_under_gunicorn
def test_sigterm_ends_a_worker_with_an_idle_session_and_one_that_answers(name, server, tmp_path):
    slow = Slow()
    with LiveEmulator(slow) as emulator, serving(name, server, emulator, tmp_path) as app:
        slow.may_go_on.set()
        Visitor(app).ask("Hello")
        slow.may_go_on.clear()
        answering = Visitor(app).begin("Count")
        next_event(answering)
        ending = InThread(app.end)
        assert next_event(answering).json == {"message": "The conversation was interrupted. Please ask again."}
        assert ending.result() < 10
        wait_until(lambda: not emulator.connections)


@pytest.mark.parametrize(("name", "server"), [("flask_voice", "gthread"), ("django_chat", "gevent")])
def test_an_answer_that_is_nearly_complete_is_completed_after_sigterm(name, server, tmp_path):
    slow = Slow()
    with LiveEmulator(slow) as emulator, serving(name, server, emulator, tmp_path) as app:
        slow.may_go_on.set()
        Visitor(app).ask("Hello")
        slow.may_go_on.clear()
        answering = Visitor(app).begin("Count")
        next_event(answering)
        ending = InThread(app.end)
        wait_until(lambda: len(emulator.connections) == 1)  # the idle one is closed first
        slow.may_go_on.set()
        assert next_event(answering).json == {"text": " two."}
        assert next_event(answering).type == "end"
        ending.result()


def test_the_development_server_ends_cleanly_at_ctrl_c(tmp_path):
    with LiveEmulator() as emulator, serving("django_chat", "runserver", emulator, tmp_path) as app:
        Visitor(app).ask("Hello")
        app.end(signal.SIGINT)
        wait_until(lambda: not emulator.connections)


@each_under_gunicorn
def test_with_two_workers_the_conversation_goes_on_in_whichever_the_request_comes_to(name, server, tmp_path):
    log_of_workers = ["--access-logfile", "-", "--access-logformat", "worker %(p)s %(m)s %(U)s"]
    with (
        LiveEmulator(remembering) as emulator,
        serving(name, server, emulator, tmp_path, *log_of_workers, WEB_CONCURRENCY="2") as app,
    ):
        ada, number = Visitor(app), 0
        while number < 4 or (len(workers_of(app)) < 2 and number < 60):
            assert text_of(ada.ask(f"Question {number}")) == f"{2 * number} before: Question {number}"
            number += 1
        assert len(workers_of(app)) == 2
        wait_until(lambda: not emulator.connections)
        app.end()


def workers_of(app) -> set[str]:
    """The processes that have answered questions."""
    lines = [line.split() for line in app.log.read_text().splitlines() if line.startswith("worker ")]
    return {line[1] for line in lines if line[3] == "/answer"}


@pytest.mark.parametrize(("name", "server"), [("flask_voice", "gthread"), ("django_chat", "gevent")])
def test_an_application_that_was_loaded_before_the_fork_works(name, server, tmp_path):
    with LiveEmulator() as emulator, serving(name, server, emulator, tmp_path, "--preload") as app:
        assert text_of(Visitor(app).ask("Hello")) == "You said: Hello"
        app.end()
        wait_until(lambda: not emulator.connections)


@each_app
def test_a_visitor_for_whom_there_is_no_room_is_told_when_to_come_again(name, tmp_path):
    with LiveEmulator() as emulator, serving(name, "gthread", emulator, tmp_path, LIMIT="1") as app:
        Visitor(app).ask("Hello")
        response = Visitor(app).begin("Hello")
        assert (response.status, response.headers["Retry-After"]) == (503, "10")
        assert "try again in 10 seconds" in response.read().decode()


@each_app
def test_a_model_that_cannot_be_reached_is_told_of_in_words_for_visitors(name, tmp_path):
    with LiveEmulator() as emulator, serving(name, "gthread", emulator, tmp_path) as app:
        emulator.stop()
        response = Visitor(app).begin("Hello")
        assert response.status == 502
        assert response.read().decode() == "The model cannot be reached at the moment. Please try again later."


def test_a_question_without_django_s_token_is_refused_and_opens_no_session(tmp_path):
    with LiveEmulator() as emulator, serving("django_chat", "gthread", emulator, tmp_path) as app:
        ada = Visitor(app)
        ada.get("/")
        assert ada.request("POST", "/answer", question="Hello").status == 403
        assert ada.request("POST", "/leave", question="Hello").status == 403
        assert not emulator.handshakes


def test_a_link_on_another_site_asks_nothing_in_flask(tmp_path):
    with LiveEmulator() as emulator, serving("flask_voice", "gthread", emulator, tmp_path) as app:
        ada = Visitor(app)
        ada.get("/")
        assert ada.request("GET", "/answer?question=Hello", accept="text/html,*/*;q=0.8").status == 406
        assert not emulator.handshakes


@contextmanager
def calling(visitor: Visitor) -> Iterator[Caller]:
    """Somebody who talks, without a browser."""
    visitor.get("/talk")
    url = visitor.app.url.replace("http", "ws") + "/voice"
    with connect(url, additional_headers={"Cookie": visitor.cookie}, proxy=None) as socket:
        yield Caller(socket)


@frozen
class Caller:
    socket: ClientConnection

    def speak(self) -> None:
        pcm = b"".join(WavFile(f"{cli_path[0]}/question.wav").blocks()) + bytes(48_000)
        for start in range(0, len(pcm), 3_200):
            self.socket.send(pcm[start : start + 3_200])

    def hears_turn(self) -> dict[str, str]:
        """What each side has said, up to the end of the model's turn."""
        said = {}
        while (message := self.hears())["type"] != "end":
            if message["type"] == "transcript":
                said[message["role"]] = message["text"]
        return said

    def hears(self) -> dict:
        """The next message that is not sound."""
        while isinstance(data := self.socket.recv(timeout=PATIENCE), bytes):
            pass
        return json.loads(data)


either_worker = pytest.mark.parametrize("server", ["gthread", "gevent"])


@either_worker
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_caller_is_answered_and_can_ask_on_in_writing_after_hanging_up(workers, server, tmp_path):
    with (
        LiveEmulator(remembering) as emulator,
        serving("flask_voice", server, emulator, tmp_path, WEB_CONCURRENCY=workers) as app,
    ):
        ada = Visitor(app)
        with calling(ada) as caller:
            caller.speak()
            said = caller.hears_turn()
        assert said["user"].startswith("[speech, 2.")
        assert said["model"] == "0 before: "
        wait_until(lambda: not emulator.connections)
        assert text_of(ada.ask("And now?")) == "2 before: And now?"
        app.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@either_worker
def test_a_signal_ends_a_worker_with_callers(number, server, tmp_path):
    with LiveEmulator() as emulator, serving("flask_voice", server, emulator, tmp_path) as app:
        with calling(Visitor(app)) as one, calling(Visitor(app)) as other:
            wait_until(lambda: len(emulator.connections) == 2)
            ending = InThread(lambda: app.end(number))
            for caller in (one, other):
                with pytest.raises(ConnectionClosed):
                    caller.hears_turn()
        assert ending.result() < 10
        wait_until(lambda: not emulator.connections)
