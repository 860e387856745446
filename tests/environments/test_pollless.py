"""Without select.poll, as on Windows: the fallback is forced, and everything works as it does with poll."""

from __future__ import annotations

import threading

import pytest

from tests.environments.programs import run_live
from tests.kit.servers import Peer, script_server
from tests.kit.waiting import InThread

pytestmark = pytest.mark.slow

WITHOUT_POLL = "import select, selectors\ndel select.poll\nselectors.DefaultSelector = selectors.SelectSelector"


def test_connect_ask_and_close_work_without_poll(place):
    code = """
        import select
        with model().connect() as session:
            say([session.ask(f"question {number}").text for number in range(3)])
        say(session.is_closed, session.close_code, hasattr(select, "poll"))
        """
    done = run_live(code, place.url, place.ca_file, before=WITHOUT_POLL)
    assert done.lines == ["['question 0', 'question 1', 'question 2']", "True 1000 False"]


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_three_senders_of_images_while_the_server_pushes_work_without_poll(secure, server_tls, ca_file):
    heard: list[str] = []
    done = threading.Event()

    def push(peer: Peer) -> None:
        while not done.is_set():
            peer.send({"serverContent": {"modelTurn": {"parts": [{"text": "x" * 5_000}]}}})
        peer.send({"serverContent": {"turnComplete": True}})

    def script(peer: Peer) -> None:
        peer.accept()
        pusher = InThread(lambda: push(peer))
        while len(heard) < 60:
            heard.append(peer.read()["realtimeInput"]["video"]["mimeType"])
        done.set()
        pusher.result()
        peer.wait_for_end()

    code = """
        def send(session, sender):
            for number in range(20):
                session.send_video_realtime(image(50_000, f"image/jpeg;{sender};{number}"))

        with model().connect() as session:
            senders = [threading.Thread(target=send, args=(session, number)) for number in range(3)]
            for sender in senders:
                sender.start()
            say({len(message.text) for message in session.receive_turn()} - {0})
            for sender in senders:
                sender.join()
        """
    with script_server(script, server_tls if secure else None) as server:
        ended = run_live(code, server.url, ca_file if secure else "", before=WITHOUT_POLL)
    assert ended.lines == ["{5000}"]
    for sender in range(3):
        mine = [kind.split(";")[2] for kind in heard if kind.split(";")[1] == str(sender)]
        assert mine == [str(number) for number in range(20)]


def test_close_with_a_deaf_peer_and_a_stuck_sender_returns_in_time_without_poll(deaf_place):
    code = """
        import time
        session = model().connect()

        def send():
            try:
                session.send_video_realtime(image(16_000_000))
            except Exception as error:
                say("stuck sender:", type(error).__name__)

        sender = threading.Thread(target=send)
        sender.start()
        say(next(session.receive()).text)
        begun = time.monotonic()
        session.close(timeout=0.3)
        sender.join()
        say(time.monotonic() - begun < 2, [each.name for each in threading.enumerate()])
        """
    ended = run_live(code, deaf_place.url, deaf_place.ca_file, before=WITHOUT_POLL)
    assert ended.lines[0] == "go on"
    assert ended.lines[1] in ("stuck sender: SessionClosedError", "stuck sender: ConnectionClosedError")
    assert ended.lines[2] == "True ['MainThread']"
