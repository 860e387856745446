"""Back ends that all hold one secret, and ways to make the public API raise errors with them."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Callable

from livesession import (
    FirebaseAI,
    GoogleAI,
    LiveGenerativeModel,
    LiveSession,
    SessionOptions,
    SessionResumptionConfig,
    VertexAI,
)
from livesession.backends import Backend
from tests.kit.servers import Peer, RawPeer, raw_server, script_server

SECRET = "sesame-open-up"
LOGIN = base64.b64encode(f"user:{SECRET}".encode()).decode()

Kind = Callable[..., Backend]
Provocation = Callable[[Kind], list[Exception]]
Connecting = Callable[[], LiveSession]

KINDS: dict[str, Kind] = {
    "API key": lambda url, **more: GoogleAI(api_key=SECRET, base_url=url, **direct(more)),
    "callable": lambda url, **more: GoogleAI(api_key=lambda: SECRET, base_url=url, **direct(more)),
    "ephemeral token": lambda url, **more: GoogleAI(api_key=f"auth_tokens/{SECRET}", base_url=url, **direct(more)),
    "OAuth token": lambda url, **more: VertexAI(project="p", token=SECRET, base_url=url, **direct(more)),
    "express key": lambda url, **more: VertexAI(api_key=SECRET, base_url=url, **direct(more)),
    "Firebase": lambda url, **more: FirebaseAI(
        api_key=SECRET, project="p", app_check_token=SECRET, auth_token=SECRET, base_url=url, **direct(more)
    ),
    "header": lambda url, **more: GoogleAI(api_key="k", headers={"X-Secret": SECRET}, base_url=url, **direct(more)),
}


def direct(more: dict) -> dict:
    return {"proxy": False, **more}


def everything_shown(error: BaseException) -> str:
    """What debug pages and error trackers show: the chain, with all local variables and attributes."""
    shown, seen = "", set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        shown += "".join(traceback.TracebackException.from_exception(following, capture_locals=True).format())
        shown += f"{following} {following!r} {vars(following)} {following.args}"
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return shown


def where_shown(text: str) -> list[str]:
    """The lines that show the secret, or a proxy's login in base64."""
    return [line[:300] for line in text.splitlines() if SECRET in line or LOGIN in line]


def raised(work: Callable[[], object]) -> Exception:
    """The error that `work` raises."""
    try:
        work()
    except Exception as error:
        return error
    raise AssertionError("it raised nothing")


def connecting(kind: Kind, url: str, options: SessionOptions | None = None, **more: object) -> Connecting:
    """What connects; the arguments, which may hold a secret, are in no frame of it."""
    model = LiveGenerativeModel("m", backend=kind(url, **more), options=options)
    return lambda: model.connect(session_resumption=SessionResumptionConfig())


def at(url: str, **more: object) -> Provocation:
    """Connects to an address at which there is no server, or through what is no proxy."""
    return lambda kind: [raised(connecting(kind, url, **more))]


def raw(script: Callable[[RawPeer], None], scheme: str = "ws", **options: float) -> Provocation:
    """Connects to a server that plays a script in place of an upgrade."""

    def provoke(kind: Kind) -> list[Exception]:
        with raw_server(script) as server:
            url = server.url.replace("ws", scheme)
            return [raised(connecting(kind, url, SessionOptions(**options)))]

    return provoke


def answering(status: str, *headers: str) -> Callable[[RawPeer], None]:
    """An HTTP answer that repeats the request, secrets and all."""

    def script(peer: RawPeer) -> None:
        peer.answer(status, peer.read_request(), *headers)
        peer.wait_for_end()

    return script


def saying(data: bytes, *, upgraded: bool = False) -> Callable[[RawPeer], None]:
    def script(peer: RawPeer) -> None:
        if upgraded:
            peer.upgrade()
        else:
            peer.read_request()
        peer.socket.sendall(data)
        peer.wait_for_end()

    return script


def proxied(scheme: str, answer: str = "") -> Provocation:
    """Connects through a proxy that wants something else."""

    def script(peer: RawPeer) -> None:
        if answer:
            answering(answer)(peer)

    def provoke(kind: Kind) -> list[Exception]:
        with raw_server(script) as server:
            proxy = server.url.replace("ws://", f"{scheme}://user:{SECRET}@")
            return [raised(connecting(kind, "ws://server.invalid", proxy=proxy))]

    return provoke


def in_connect(script: Callable[[Peer], None]) -> Provocation:
    """Connects to a server that plays a script in place of accepting the setup."""

    def provoke(kind: Kind) -> list[Exception]:
        with script_server(script) as server:
            return [raised(connecting(kind, server.url))]

    return provoke


def in_session(
    script: Callable[[Peer], None], *works: Callable[[LiveSession], object], **options: float
) -> Provocation:
    """Does what raises in a session with a server that plays a script."""

    def provoke(kind: Kind) -> list[Exception]:
        with script_server(script) as server:
            session = connecting(kind, server.url, SessionOptions(**options))()
            errors = [raised(lambda work=work: work(session)) for work in works]
            session.close()
            return errors

    return provoke


def in_raw_session(data: bytes, *works: Callable[[LiveSession], object]) -> Provocation:
    """Does what raises in a session with a server that sends any bytes after the setup."""

    def script(peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(data)
        peer.wait_for_end()

    def provoke(kind: Kind) -> list[Exception]:
        with raw_server(script) as server:
            session = connecting(kind, server.url)()
            errors = [raised(lambda work=work: work(session)) for work in works]
            session.close(timeout=0.1)  # such a server answers no close frame
            return errors

    return provoke
