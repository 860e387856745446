"""What the tests of hazards share: what a server says, what a client's frames hold, and what may not be left behind."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator

from livesession import LiveSession, LiveSessionError
from tests.kit.servers import Peer, RawPeer, frame
from tests.kit.waiting import PATIENCE, wait_until

SLACK = 0.5 + 0.5  # seconds that close() may take beyond its timeout, and the noise of a busy machine
DESCRIPTORS = "/proc/self/fd"


def said(text: str) -> dict:
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}}}


def idle(peer: Peer) -> None:
    peer.accept()
    peer.wait_for_end()


class Deaf:
    """A server that answers no close frame and reads nothing after the setup, until it is let."""

    def __init__(self, says: bytes = b"", *, flood: bool = False) -> None:
        self.says = says
        self.flood = flood
        self.leaving = threading.Event()

    def __call__(self, peer: RawPeer) -> None:
        peer.accept()
        peer.socket.sendall(self.says)
        number = 0
        while self.flood and not self.leaving.is_set():
            peer.socket.sendall(b"".join(map(numbered, range(number, number + 100))))
            number += 100
        self.leaving.wait(PATIENCE)


def numbered(number: int) -> bytes:
    return frame(b'{"serverContent":{"modelTurn":{"parts":[{"text":"%d"}]}}}' % number)


def everything(messages: Iterable) -> tuple[list[str | None], LiveSessionError | None]:
    """The texts of all that comes, to the end, and the error that it ends with."""
    received: list[str | None] = []
    try:
        for message in messages:
            received.append(message.text)
    except LiveSessionError as error:
        return received, error
    return received, None


def timed_close(session: LiveSession, timeout: float) -> float:
    """Seconds that close() took."""
    start = time.monotonic()
    session.close(timeout=timeout)
    return time.monotonic() - start


def client_frames(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """Opcode, mask and payload of each whole frame that a client sent; a frame that is not masked fails the test."""
    frames, at = [], 0
    while len(data) - at >= 6:
        assert data[at + 1] & 0x80, "a frame of the client is not masked"
        size, body = data[at + 1] & 0x7F, at + 6
        if size >= 126:
            body = at + (8 if size == 126 else 14)
            size = int.from_bytes(data[at + 2 : body - 4], "big")
        if len(data) < body + size:
            break
        mask = bytes(data[body - 4 : body])
        repeated = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        payload = int.from_bytes(data[body : body + size], "big") ^ repeated
        frames.append((data[at] & 0x0F, mask, payload.to_bytes(size, "big")))
        at = body + size
    return frames


def own_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("livesession")}


def sockets() -> int:
    """How many sockets this process has open; 0 where that cannot be told."""
    if not os.path.isdir(DESCRIPTORS):
        return 0
    count = 0
    for number in os.listdir(DESCRIPTORS):
        with contextlib.suppress(OSError):
            count += os.readlink(f"{DESCRIPTORS}/{number}").startswith("socket:")
    return count


@contextlib.contextmanager
def nothing_is_left() -> Iterator[None]:
    """As many sockets after the block as before, and no new thread of this library; servers get their time to close.

    To be put round the servers, whose sockets are counted too.
    """
    threads, before = own_threads(), sockets()
    yield
    wait_until(lambda: sockets() <= before and not own_threads() - threads)
