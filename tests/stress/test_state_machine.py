"""Any order of connect, send, receive, close, server close, network cut and resume, against the table in state.py."""

from __future__ import annotations

import contextlib
import queue

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from websockets.exceptions import ConnectionClosed

from livesession import (
    ConnectionClosedError,
    LiveServerMessage,
    LiveSessionResumed,
    LiveSessionResumptionUpdate,
    ReceiveTimeout,
    SessionClosedError,
    SessionOptions,
    SessionResumptionConfig,
)
from tests.kit.servers import PATIENCE, Peer, ScriptServer, script_server
from tests.kit.waiting import wait_until

RESUMED = "resumed"
NOT_OPENED, OPEN, CLOSED_HERE, ENDED = "not opened", "open", "closed here", "ended by the server or the network"


class Server:
    """What the machine's rules hold of the server: the peer of the newest connection, and what it has heard."""

    def __init__(self) -> None:
        self.peers: queue.Queue[Peer] = queue.Queue()
        self.heard: list[str] = []

    def __call__(self, peer: Peer) -> None:
        peer.accept()
        self.peers.put(peer)
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.heard.append(peer.read()["realtimeInput"]["text"])


def machine(server: ScriptServer, script: Server) -> type[RuleBasedStateMachine]:
    class Machine(RuleBasedStateMachine):
        """A session and what must be true of it: its state, and what the server sent and was not received yet."""

        def __init__(self) -> None:
            super().__init__()
            self.state = NOT_OPENED
            self.session = None
            self.stream = None  # the iterator that is open, if one is
            self.pending: list[str] = []
            self.sent: list[str] = []
            self.code: int | None = None
            self.number = 0
            self.end_is_told = False

        def new_name(self, kind: str) -> str:
            self.number += 1
            return f"{kind} {self.number}"

        def opened(self) -> None:
            """After connect and resume: the server says its handle."""
            self.peer = script.peers.get(timeout=PATIENCE)
            handle = self.new_name("handle")
            self.peer.send({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})
            self.pending.append(handle)
            self.state, self.code, self.end_is_told = OPEN, None, False
            wait_until(lambda: self.session.resumption_handle == handle)

        @precondition(lambda self: self.state == NOT_OPENED)
        @rule()
        def connect(self) -> None:
            model = server.model(options=SessionOptions(resumption=None))
            self.session = model.connect(session_resumption=SessionResumptionConfig())
            self.stream, self.pending, self.sent = None, [], []
            script.heard.clear()
            self.opened()

        @precondition(lambda self: self.state != NOT_OPENED)
        @rule()
        def send(self) -> None:
            text = self.new_name("sent")
            if self.state == OPEN:
                self.session.send_text_realtime(text)
                self.sent.append(text)
            else:
                kind = SessionClosedError if self.state == CLOSED_HERE else ConnectionClosedError
                with pytest.raises(kind) as caught:
                    self.session.send_text_realtime(text)
                assert self.state == CLOSED_HERE or caught.value.code == self.code

        @precondition(lambda self: self.state == OPEN)
        @rule(count=st.integers(1, 3))
        def server_says(self, count: int) -> None:
            for _ in range(count):
                text = self.new_name("said")
                self.peer.send({"serverContent": {"modelTurn": {"parts": [{"text": text}]}}})
                self.pending.append(text)

        @precondition(lambda self: self.state != NOT_OPENED)
        @rule()
        def receive(self) -> None:
            """The oldest message that is left; else a time-out, or the end, told once."""
            if self.stream is None and not self.may_receive():
                with pytest.raises(SessionClosedError):
                    self.session.receive()
            elif self.pending:
                self.stream = self.stream or self.session.receive(timeout=0)
                wait_until(self.one_is_received)
            elif self.state == OPEN:
                self.stream = self.stream or self.session.receive(timeout=0)
                with pytest.raises(ReceiveTimeout):
                    next(self.stream)
            else:
                wait_until(self.the_end_is_received)

        @precondition(lambda self: self.state != NOT_OPENED)
        @rule()
        def receive_everything(self) -> None:
            while self.pending and (self.stream or self.may_receive()):
                self.receive()
            self.receive()

        def may_receive(self) -> bool:
            return self.state != CLOSED_HERE and not self.end_is_told

        def one_is_received(self) -> bool:
            try:
                message = next(self.stream)
            except ReceiveTimeout:
                return False
            assert self.described(message) == self.pending.pop(0)
            return True

        def described(self, message: LiveServerMessage) -> str | None:
            if isinstance(message, LiveSessionResumed):
                return RESUMED
            return message.new_handle if isinstance(message, LiveSessionResumptionUpdate) else message.text

        def the_end_is_received(self) -> bool:
            self.stream = self.stream or self.session.receive(timeout=0)
            end = None
            try:
                assert next(self.stream, None) is None
            except ReceiveTimeout:
                return False  # it is decided, but the reader thread has still to put it
            except ConnectionClosedError as error:
                end = error
            assert (end is None) == (self.code == 1000)
            if end is not None:
                assert (end.code, end.origin) == (self.code, "network" if self.code == 1006 else "server")
            assert next(self.stream, None) is None
            self.stream, self.end_is_told = None, True
            return True

        @precondition(lambda self: self.stream is not None)
        @rule()
        def leave_the_iterator(self) -> None:
            self.stream.close()
            assert next(self.stream, None) is None
            self.stream = None

        @precondition(lambda self: self.state == OPEN)
        @rule(code=st.sampled_from([1000, 1011]))
        def server_closes(self, code: int) -> None:
            self.everything_was_heard()
            self.peer.close(code, "as it pleases")
            self.ended(code)
            assert self.session.close_reason == "as it pleases"

        @precondition(lambda self: self.state == OPEN)
        @rule()
        def network_is_cut(self) -> None:
            self.everything_was_heard()
            self.peer.drop()
            self.ended(1006)

        def everything_was_heard(self) -> None:
            wait_until(lambda: len(script.heard) == len(self.sent))
            assert script.heard == self.sent

        def ended(self, code: int) -> None:
            self.state, self.code = ENDED, code
            wait_until(lambda: self.session.is_closed)

        @precondition(lambda self: self.state != NOT_OPENED)
        @rule()
        def close(self) -> None:
            self.session.close()
            if self.state == OPEN:
                self.everything_was_heard()
                self.code = 1000
            self.state = CLOSED_HERE

        @precondition(lambda self: self.state != NOT_OPENED)
        @rule()
        def resume(self) -> None:
            if self.state == CLOSED_HERE:
                with pytest.raises(SessionClosedError):
                    self.session.resume_session()
            else:
                if self.state == OPEN:
                    self.everything_was_heard()
                self.session.resume_session()
                self.pending.append(RESUMED)
                self.opened()

        @precondition(lambda self: self.state in (CLOSED_HERE, ENDED))
        @rule()
        def forget(self) -> None:
            self.session.close()
            self.state, self.session, self.stream = NOT_OPENED, None, None

        @invariant()
        def properties_tell_the_state(self) -> None:
            if self.session is not None:
                assert self.session.is_closed == (self.state != OPEN)
                assert self.session.close_code == self.code
                assert self.session.in_conversation is False

        def teardown(self) -> None:
            if self.session is not None:
                self.session.close()

    return Machine


def test_any_order_of_events_follows_the_state_table():
    script = Server()
    with script_server(script) as server:
        run_state_machine_as_test(
            machine(server, script),
            settings=settings(
                max_examples=60,
                stateful_step_count=25,
                deadline=None,
                database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
