"""The list of what makes the public API raise; `test_no_secret_anywhere.py` goes through it."""

from __future__ import annotations

import json
import threading

from livesession import (
    FunctionResponse,
    GenerativeContentBlob,
    GoogleAI,
    LiveGenerativeModel,
    LiveSession,
    SessionOptions,
    SessionResumptionConfig,
)
from tests.environments.leaks import (
    SECRET,
    Kind,
    Provocation,
    answering,
    at,
    connecting,
    in_connect,
    in_raw_session,
    in_session,
    proxied,
    raised,
    raw,
    saying,
)
from tests.kit.servers import PATIENCE, Peer, RawPeer, frame, raw_server, script_server
from tests.kit.waiting import InThread

HANDLE = {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}}
SAID = b'{"serverContent":{"modelTurn":{"parts":[{"text":"x"}]}}}'


def speak_plainly(peer: RawPeer) -> None:
    peer.socket.recv(1000)
    peer.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def idle(peer: Peer) -> None:
    peer.accept()
    peer.wait_for_end()


def close_with_the_secret(peer: Peer) -> None:
    peer.accept()
    peer.close(1008, f"who is {credential_of(peer)}?")


def credential_of(peer: Peer) -> str:
    """What the client sent as its key or token."""
    headers = peer.websocket.request.headers
    named = [headers.get(name, "") for name in ("x-goog-api-key", "X-Secret", "Authorization")]
    return next(value for value in named if SECRET in value)


def cut(peer: Peer) -> None:
    peer.accept()
    peer.drop()


def refuse_by_close(peer: Peer) -> None:
    peer.read()
    peer.close(1007, f"API key not valid: {credential_of(peer)}")


def refuse_by_message(peer: Peer) -> None:
    peer.read()
    peer.send(
        {"error": {"code": 401, "message": f"API key not valid: {credential_of(peer)}", "status": "UNAUTHENTICATED"}}
    )
    peer.wait_for_end()


def answer_with_another_message(peer: Peer) -> None:
    peer.read()
    peer.send({"serverContent": {"modelTurn": {"parts": [{"text": "too early"}]}}})
    peer.wait_for_end()


def answer_only_once(then: object) -> Provocation:
    """The first connection is accepted, the second is treated as `then` says."""

    def provoke(kind: Kind) -> list[Exception]:
        calls = iter([True])

        def script(peer: Peer) -> None:
            if next(calls, False):
                peer.accept()
                peer.send(HANDLE)
                peer.wait_for_end()
            else:
                then(peer)

        with script_server(script) as server:
            session = connecting(kind, server.url)()
            next(session.receive())
            errors = [raised(session.resume_session), raised(session.receive().__next__), raised(session.interrupt)]
            session.close()
            return [*errors, raised(session.resume_session), raised(session.interrupt)]

    return provoke


def list_all(session: LiveSession) -> None:
    list(session.receive())


def send_too_much(session: LiveSession) -> None:
    while True:
        session.send_text_realtime("x" * 100_000, timeout=0.1)


def deaf(kind: Kind) -> list[Exception]:
    """A send that finds no room, and what follows."""
    leaving = threading.Event()

    def script(peer: RawPeer) -> None:
        peer.accept()
        leaving.wait(PATIENCE)

    with raw_server(script) as server:
        session = connecting(kind, server.url)()
        errors = [raised(lambda: send_too_much(session)), raised(session.interrupt), raised(lambda: list_all(session))]
        leaving.set()
        session.close()
        return errors


def second_consumer(kind: Kind) -> list[Exception]:
    with script_server(idle) as server:
        session = connecting(kind, server.url)()
        first = session.receive(timeout=0)
        raised(first.__next__)
        consumer = InThread(lambda: raised(session.receive().__next__))
        error = consumer.result()
        first.close()
        session.close()
        return [error]


def credentials_that_fail(kind: Kind) -> list[Exception]:
    def locked() -> str:
        raise PermissionError("the vault is locked")

    keys = [locked, lambda: None, lambda: f"{SECRET}\r\n", lambda: f"{SECRET}\u2028"]
    models = [LiveGenerativeModel("m", backend=GoogleAI(api_key=key, base_url="ws://127.0.0.1:1")) for key in keys]
    return [raised(model.connect) for model in models]


def bad_requests(session: LiveSession) -> list[Exception]:
    blob = GenerativeContentBlob(mime_type="audio/wav", data=b"x")

    def broken():
        yield b"\0\0"
        raise OSError("the microphone is gone")

    works = [
        lambda: session.send([]),
        lambda: session.send(FunctionResponse(name="f", response={})),
        lambda: session.send_function_responses([FunctionResponse(id="1", name="f", response={"x": float("nan")})]),
        lambda: session.send_video_realtime(blob),
        lambda: session.send_media_stream(broken()),
        session.send_activity_start,
        lambda: session.send(3),
        lambda: session.receive(timeout=-1),
        lambda: next(session.receive(timeout=0)),
        lambda: session.ask("x", timeout=0.01),
        session.resume_session,
    ]
    return [raised(work) for work in works]


def invalid_requests(kind: Kind) -> list[Exception]:
    with script_server(idle) as server:
        with connecting(kind, server.url)() as session:
            return bad_requests(session)


def full_inbox(kind: Kind) -> list[Exception]:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(*[SAID] * 100)
        peer.wait_for_end()

    options = SessionOptions(inbox_bytes=100, on_full="error")
    with script_server(script) as server:
        with connecting(kind, server.url, options)() as session:
            return [raised(lambda: list_all(session))]


def resumed_elsewhere(kind: Kind) -> list[Exception]:
    """A handle that the server does not know."""
    with script_server(lambda peer: [peer.read(), peer.close(1008, "session not found")]) as server:
        model = LiveGenerativeModel("m", backend=kind(server.url))
        return [raised(lambda: model.connect(session_resumption=SessionResumptionConfig(handle="old")))]


UNREADABLE = [b"no JSON", b"[]", b'{"news":1}', b'{"serverContent":[]}', json.dumps({"goAway": 1}).encode()]

FOR_EACH_KIND: dict[str, Provocation] = {
    "nobody listens": at("ws://127.0.0.1:1"),
    "no such name": at("ws://server.invalid"),
    "no WebSocket address": at("ws://127.0.0.1:port"),
    "upgrade refused with the request repeated": raw(answering("403 Forbidden")),
    "redirected": raw(answering("302 Found", "Location: /elsewhere")),
    "server error": raw(answering("503 Service Unavailable")),
    "no HTTP": raw(saying(b"SSH-2.0-OpenSSH_9.6\r\n")),
    "wrong upgrade": raw(saying(b"HTTP/1.1 101 Yes\r\nUpgrade: something\r\n\r\n")),
    "endless headers": raw(saying(b"HTTP/1.1 101 Yes\r\n" + b"X-Filler: 0123456789\r\n" * 4_000)),
    "hangs up": raw(lambda peer: peer.read_request()),
    "upgrade too slow": raw(lambda peer: peer.wait_for_end(), connect_timeout=0.05),
    "no TLS": raw(speak_plainly, "wss"),
    "setup refused by a close": in_connect(refuse_by_close),
    "setup refused by a message": in_connect(refuse_by_message),
    "setup answered by another message": in_connect(answer_with_another_message),
    "proxy refuses": proxied("http", "407 Proxy Authentication Required"),
    "proxy hangs up": proxied("http"),
    "SOCKS proxy hangs up": proxied("socks5h"),
    "no proxy": at("ws://server.invalid", proxy=f"http://user:{SECRET}@127.0.0.1:1"),
    "proxy of an unknown kind": at("ws://server.invalid", proxy=f"ftp://user:{SECRET}@127.0.0.1:1"),
    "unreadable proxy": at("ws://server.invalid", proxy=f"http://user:x#{SECRET}@127.0.0.1:port"),
    "credentials fail": credentials_that_fail,
    "resumption with an unknown handle": resumed_elsewhere,
}

FOR_ONE_KIND: dict[str, Provocation] = {
    "setup too slow": raw(saying(b"", upgraded=True), setup_timeout=0.05),
    "setup answered by a broken frame": raw(saying(b"\xff" * 20, upgraded=True)),
    "closed by the server": in_session(close_with_the_secret, list_all, LiveSession.interrupt, LiveSession.receive),
    "ask when it closes": in_session(close_with_the_secret, lambda session: session.ask("x")),
    "cut": in_session(cut, list_all, LiveSession.interrupt, LiveSession.receive, LiveSession.resume_session),
    "masked frame": in_raw_session(b"\x82\x81abcdx", list_all, LiveSession.interrupt),
    "terabyte": in_raw_session(b"\x82\x7f" + (1 << 40).to_bytes(8, "big"), list_all, LiveSession.interrupt),
    "text that is not UTF-8": in_raw_session(frame(b"\xff", 1), list_all),
    "unreadable messages": in_raw_session(b"".join(map(frame, UNREADABLE)), *[list_all] * len(UNREADABLE)),
    "after close": in_session(
        idle,
        lambda session: [session.close(), session.receive()],
        LiveSession.interrupt,
        LiveSession.resume_session,
        lambda session: session.ask("x"),
    ),
    "stuck send": deaf,
    "second consumer": second_consumer,
    "invalid requests": invalid_requests,
    "full inbox": full_inbox,
    "resumption refused": answer_only_once(refuse_by_close),
    "resumption refused by a message": answer_only_once(refuse_by_message),
}
