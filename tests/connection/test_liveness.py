"""A server that falls silent is asked for a sign of life, and given up when none comes."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from livesession import ConfigurationError, ConnectError, GoogleAI, LiveGenerativeModel, SessionOptions, SetupTimeout
from livesession.connection import liveness
from livesession.connection.connection import Connection
from livesession.connection.duplex import Duplex
from livesession.connection.liveness import Liveness
from livesession.connection.reader import FrameReceiver
from livesession.connection.writer import FrameWriter
from livesession.sync.deadline import Deadline
from tests.connection.test_proxy import Proxy, greet_http, greet_socks5
from tests.hazards.common import SLACK, client_frames, everything, idle, said
from tests.kit.faults import fault_proxy
from tests.kit.inside import busy, core_of
from tests.kit.servers import PATIENCE, Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import InThread, wait_until

TEXT, PING, PONG = 1, 9, 10


@pytest.fixture
def connections(monkeypatch) -> list[Connection]:
    """Those that were started, in order."""
    started: list[Connection] = []
    start = Connection.start

    def noted(connection: Connection) -> None:
        started.append(connection)
        start(connection)

    monkeypatch.setattr(Connection, "start", noted)
    return started


def text_frame(text: str) -> bytes:
    return frame(json.dumps(said(text)).encode())


def options(ping_after: float | None, dead_after: float | None, **others: object) -> SessionOptions:
    return SessionOptions(
        connect_timeout=PATIENCE, setup_timeout=PATIENCE, ping_after=ping_after, dead_after=dead_after, **others
    )


class Listener:
    """Takes what the client sends, on a server's end."""

    def __init__(self, peer: RawPeer) -> None:
        self._socket = peer.socket
        self.received = bytearray()

    def of(self, opcode: int) -> list[bytes]:
        return [data for found, _, data in client_frames(bytes(self.received)) if found == opcode]

    def wait_for(self, opcode: int, count: int) -> float:
        """Reads until so many frames of a kind have come in all; when that was."""
        while len(self.of(opcode)) < count:
            piece = self._socket.recv(1 << 20)
            assert piece, f"the client has gone after {self.of(opcode)}"
            self.received += piece
        return time.monotonic()

    def to_the_end(self) -> None:
        with contextlib.suppress(OSError):
            while piece := self._socket.recv(1 << 20):
                self.received += piece


# Pings.


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_silent_server_is_pinged_after_a_while_and_again_after_as_much_more(tls, server_tls, client_tls):
    times: list[float] = []
    pinged = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        listener = Listener(peer)
        times.append(time.monotonic())
        times.extend(listener.wait_for(PING, count) for count in (1, 2, 3))
        assert listener.of(PING) == [b""] * 3
        pinged.set()
        listener.to_the_end()

    context = client_tls if tls else None
    with raw_server(script, server_tls if tls else None) as server:
        with server.model(ssl_context=context, options=options(0.2, None)).connect() as session:
            assert pinged.wait(PATIENCE)
            session.close(timeout=0.1)
    # A busy machine lets a ping be seen late, so the next seems early; all of them take their time.
    assert times[-1] - times[0] > 0.5
    assert all(gap < 0.2 + SLACK for gap in (later - earlier for earlier, later in itertools.pairwise(times)))


@pytest.mark.parametrize("talk", ["messages", "parts of one frame", "pongs"])
def test_a_server_that_talks_is_not_pinged(talk):
    whole = text_frame("a" * 10)
    pieces = {
        "messages": [text_frame("a")] * 13,
        "parts of one frame": [whole[at : at + 5] for at in range(0, len(whole), 5)],
        "pongs": [frame(b"", PONG)] * 13,
    }[talk]

    def script(peer: RawPeer) -> None:
        peer.accept()
        listener, pace = Listener(peer), threading.Event()
        for piece in pieces:
            peer.socket.sendall(piece)
            pace.wait(0.1)
        peer.socket.sendall(text_frame("end"))
        listener.to_the_end()
        assert listener.of(PING) == []

    assert len(pieces) * 0.1 > 1.2
    with raw_server(script) as server, server.model(options=options(1.0, 1.2)).connect() as session:
        assert "end" in (message.text for message in session.receive(timeout=PATIENCE))
        session.close(timeout=0.1)


def test_a_ping_that_falls_due_in_the_middle_of_a_message_goes_out_after_it(connections):
    is_owed, text = threading.Event(), "x" * 12_000_000

    def script(peer: RawPeer) -> None:
        peer.accept()
        listener = Listener(peer)
        while 0x80 | TEXT not in listener.received[::6]:  # pings, of 6 bytes each, come while it is being encoded
            listener.received += peer.socket.recv(1_000)
        before = len(listener.of(PING))
        assert is_owed.wait(PATIENCE)
        listener.wait_for(PING, before + 1)
        opcodes = [opcode for opcode, _, _ in client_frames(bytes(listener.received))]
        assert opcodes[before:][:2] == [TEXT, PING]
        assert text.encode() in listener.of(TEXT)[0]
        listener.to_the_end()

    with raw_server(script) as server:
        session = server.model(options=options(0.2, None)).connect()
        sender = InThread(lambda: session.send_text_realtime(text))
        wait_until(lambda: connections[0]._writer._owed)
        is_owed.set()
        sender.result()
        session.close(timeout=0.1)


# Death.


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_session_whose_network_swallows_everything_ends_in_time(tls, server_tls, client_tls):
    with script_server(idle, server_tls if tls else None) as server, fault_proxy(server) as proxy:
        session = proxy.model(ssl_context=client_tls if tls else None, options=options(0.2, 0.6)).connect()
        proxy.to_server.black_hole()
        proxy.to_client.black_hole()
        start = time.monotonic()
        texts, error = everything(session.receive(timeout=PATIENCE))
        assert time.monotonic() - start < 0.6 + SLACK
        assert texts == []
        assert (error.code, error.origin, error.retryable) == (1006, "network", True)
        assert str(error).startswith("Nothing was heard from the server for 0.6 s")
        assert "connect again" in str(error)
        assert session.is_closed


def test_what_had_arrived_is_delivered_before_a_silent_session_ends():
    numbers = [str(number) for number in range(50)]

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(*map(said, numbers))
        peer.wait_for_end()

    with script_server(script) as server, fault_proxy(server) as proxy:
        session = proxy.model(options=options(0.2, 0.6)).connect()
        proxy.to_server.black_hole()
        wait_until(lambda: session.is_closed)
        texts, error = everything(session.receive(timeout=PATIENCE))
        assert texts == numbers
        assert "Nothing was heard" in str(error)


def test_a_server_that_only_answers_pings_is_alive():
    def script(peer: RawPeer) -> None:
        peer.accept()
        listener = Listener(peer)
        for count in range(1, 11):
            listener.wait_for(PING, count)
            peer.socket.sendall(frame(b"", PONG))
        peer.socket.sendall(text_frame("still here"))
        listener.to_the_end()

    with raw_server(script) as server, server.model(options=options(0.1, 0.9)).connect() as session:
        assert next(session.receive(timeout=PATIENCE)).text == "still here"
        session.close(timeout=0.1)


def test_a_session_without_pings_sends_none_and_is_given_up_all_the_same():
    def script(peer: RawPeer) -> None:
        peer.accept()
        listener = Listener(peer)
        listener.to_the_end()
        assert listener.of(PING) == []

    with raw_server(script) as server:
        session = server.model(options=options(None, 0.3)).connect()
        assert "Nothing was heard" in str(everything(session.receive(timeout=PATIENCE))[1])


@pytest.mark.parametrize("says_first", [b"", text_frame("x" * 40)[:20]], ids=["nothing", "half a frame"])
def test_a_server_that_falls_silent_before_setup_complete_is_given_up_as_well(says_first):
    def script(peer: RawPeer) -> None:
        peer.upgrade(says_first)
        Listener(peer).to_the_end()

    with raw_server(script) as server:
        with pytest.raises(ConnectError, match=r"Nothing was heard .* 0\.6 s.* waiting for setupComplete") as caught:
            server.model(options=options(0.2, 0.6)).connect()
        assert caught.value.retryable


def test_the_time_limit_of_the_setup_holds_as_before():
    def script(peer: RawPeer) -> None:
        peer.upgrade()
        Listener(peer).to_the_end()

    with raw_server(script) as server, pytest.raises(SetupTimeout):
        server.model(options=SessionOptions(setup_timeout=0.2, ping_after=0.1, dead_after=PATIENCE)).connect()


# The silence that is this side's fault.


def test_a_session_that_nobody_reads_is_neither_pinged_nor_given_up(connections):
    """Another session with the same limits, to a server that is gone, tells when the time is over."""
    pinged = threading.Event()

    def flood(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(text_frame("x" * 2_000) * 20)
        listener = Listener(peer)
        listener.wait_for(TEXT, 1)
        assert listener.of(PING) == []
        listener.wait_for(PING, 1)
        pinged.set()
        listener.to_the_end()

    def silent(peer: RawPeer) -> None:
        peer.accept()
        Listener(peer).to_the_end()

    limits = options(0.2, 0.6, inbox_bytes=1_000)
    with raw_server(flood) as flooding, raw_server(silent) as other:
        session = flooding.model(options=limits).connect()
        wait_until(lambda: connections[0]._reading._was_paused and not core_of(session).state.queue.has_room)
        for _ in range(2):
            _, error = everything(other.model(options=limits).connect().receive(timeout=PATIENCE))
            assert "Nothing was heard" in str(error)
        session.send_text_realtime("the server takes note: no ping so far")
        assert not session.is_closed
        texts, error = everything(session.receive(timeout=PATIENCE))
        assert texts == ["x" * 2_000] * 20
        assert "Nothing was heard" in str(error)  # once reading goes on, silence counts again
        assert pinged.wait(PATIENCE)


class Clock:
    """Stands in for the module `time` in `livesession.connection.liveness`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(liveness, "time", SimpleNamespace(monotonic=lambda: self.now))

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    return Clock(monkeypatch)


def test_silence_is_counted_from_the_last_byte(clock):
    pings: list[float] = []
    life = Liveness(30.0, 90.0, lambda: pings.append(clock.now))
    clock.passes(20)
    life.heard()
    for _ in range(89):
        clock.passes(1)
        assert life.check() is None
    assert pings == [1_050.0, 1_080.0]
    clock.passes(1)
    assert life.check().detail.startswith("Nothing was heard from the server for 90 s")


def test_a_process_that_slept_asks_before_it_gives_the_server_up(clock):
    pings: list[float] = []
    life = Liveness(30.0, 90.0, lambda: pings.append(clock.now))
    clock.passes(1_000)
    assert life.check() is None
    assert pings == [2_000.0]
    for _ in range(2):
        clock.passes(29.9)
        assert life.check() is None
    clock.passes(0.2)
    assert life.check() is not None


def test_a_check_is_due_only_when_there_is_something_to_do(clock):
    life = Liveness(30.0, 45.0, lambda: None)
    assert life.next_at == 1_030.0
    clock.passes(30)
    assert life.check() is None
    assert life.next_at == 1_045.0
    assert Liveness(None, 45.0, lambda: None).next_at == 1_075.0
    assert Liveness(None, None, lambda: None).next_at == math.inf


# What it costs.


def test_an_idle_session_wakes_up_three_times_for_a_ping_at_the_most(monkeypatch):
    served: list[float] = []
    serve = FrameReceiver.serve

    def counted(reading: FrameReceiver, scratch: memoryview) -> object:
        served.append(time.monotonic())
        return serve(reading, scratch)

    counts: list[int] = []
    monkeypatch.setattr(FrameReceiver, "serve", counted)

    def script(peer: RawPeer) -> None:
        peer.accept()
        listener = Listener(peer)
        for count in range(1, 6):
            listener.wait_for(PING, count)
            counts.append(len(served))
            peer.socket.sendall(frame(b"", PONG))
        peer.socket.sendall(text_frame("enough"))
        listener.to_the_end()

    with raw_server(script) as server, server.model(options=options(0.2, 5.0)).connect() as session:
        assert next(session.receive(timeout=PATIENCE)).text == "enough"
        session.close(timeout=0.1)
    # For each ping: its time, the answer, and the timer that was set before the answer came, if that took its time.
    assert counts[-1] - counts[1] <= 3 * 3


def test_messages_cause_no_wake_ups_of_their_own(connections):
    def script(peer: Peer) -> None:
        peer.accept()
        for _ in range(200):
            peer.send(said(peer.read()["realtimeInput"]["text"]))
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        received = session.receive(timeout=PATIENCE)
        for number in range(200):
            session.send_text_realtime(str(number))
            assert next(received).text == str(number)
        assert len(connections[0]._reading.loop._timers) == 1


# Control frames that wait.


@pytest.mark.parametrize("pongs_before", [0, 1, 4])
def test_a_ping_that_waits_pushes_out_no_pong_and_no_close(pongs_before):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(PATIENCE)
        writer = FrameWriter(Duplex(ours), lambda: None)
        pongs = [b"%d" % number for number in range(4)]
        with busy(writer):  # as in the middle of a message
            for payload in pongs[:pongs_before]:
                writer.owe_pong(payload)
            writer.owe_ping()
            writer.owe_ping()
            for payload in pongs[pongs_before:]:
                writer.owe_pong(payload)
        writer.send(b"{}", Deadline(PATIENCE), TEXT, lambda: None)
        frames = [(opcode, data) for opcode, _, data in client_frames(theirs.recv(1 << 16))]
    assert [data for opcode, data in frames if opcode == PONG] == pongs
    assert sum(opcode == PING for opcode, _ in frames) <= 1


def test_a_close_frame_that_waits_is_not_pushed_out_by_a_ping():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(PATIENCE)
        writer = FrameWriter(Duplex(ours), lambda: None)
        with busy(writer):
            writer.owe_close(1002)
            writer.owe_ping()
        writer.flush()
        assert [opcode for opcode, _, _ in client_frames(theirs.recv(1 << 16))] == [8]


# The system's own means.


@pytest.mark.parametrize("way", ["direct", "http", "socks5h"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_system_watches_the_connection_too_and_sends_at_once(way, tls, server_tls, client_tls, connections):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(script_server(idle, server_tls if tls else None))
        url: str | bool = False
        if way != "direct":
            proxy = stack.enter_context(Proxy(greet_http if way == "http" else greet_socks5))
            url = f"{way}://{proxy.address}"
        backend = GoogleAI(api_key="k", base_url=server.url, proxy=url, ssl_context=client_tls if tls else None)
        stack.enter_context(LiveGenerativeModel("m", backend=backend).connect())
        sock = connections[0]._reading.socket
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for name, value in {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}.items():
            if hasattr(socket, name):
                assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value


# The options.


@pytest.mark.parametrize("name", ["ping_after", "dead_after"])
@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan, "30", True])
def test_a_time_of_liveness_is_a_finite_number_over_0(name, value):
    with pytest.raises(ConfigurationError, match=f"{name} must be a finite number over 0"):
        SessionOptions(**{name: value})


@pytest.mark.parametrize("dead_after", [10, 30.0])
def test_a_session_may_not_be_given_up_before_it_was_pinged(dead_after):
    with pytest.raises(ConfigurationError, match=r"dead_after must be over ping_after, 30 s"):
        SessionOptions(dead_after=dead_after)


def test_pings_and_death_are_turned_off_with_none():
    assert SessionOptions() == SessionOptions(ping_after=30.0, dead_after=90.0)
    assert SessionOptions(ping_after=None, dead_after=5).ping_after is None
    assert SessionOptions(ping_after=1e300, dead_after=None).dead_after is None


def test_a_time_beyond_what_the_system_can_wait_for_harms_nobody(connections):
    with script_server(idle) as server, server.model(options=options(1e12, 1e13)).connect():
        assert connections[0]._reading._liveness.next_at < time.monotonic() + 2e6
