"""The part of `LiveEmulator` that looks into its journal, for tests of what clients sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from livesession.emulator.journal import Handshake, Journal, Received
from livesession.emulator.protocol.message_schema import MESSAGES
from livesession.emulator.protocol.parser import decode_bytes, normalise_message
from livesession.emulator.protocol.refusal import CloseRefusal
from livesession.emulator.protocol.setup_rules import JsonObject, child, objects

_KINDS = tuple(MESSAGES["ClientMessage"])
_SHOWN = 10
_LONGEST = 60


class JournalQueries:
    """Answers what the clients of `LiveEmulator` sent, all of them together, in order. Any thread may ask.

    A client's `send` returns before the emulator has read the message: look after an answer has come, or use
    `assert_sent` or `wait_for`, which wait. Only the last messages count, as many as `keep_received`.
    """

    _journal: Journal

    @property
    def received(self) -> tuple[Received, ...]:
        """The last messages of all clients, oldest first."""
        return self._journal.received()

    @property
    def handshakes(self) -> tuple[Handshake, ...]:
        """Every connection that was upgraded, oldest first."""
        return self._journal.handshakes()

    @property
    def sent_texts(self) -> list[str]:
        """The text parts of the role `user` in client content, a given history included, and realtime text."""
        return [text for message in self._messages("clientContent", "realtimeInput") for text in _texts(message)]

    @property
    def sent_audio(self) -> bytes:
        """The audio of all realtime input in one piece: mono, 16-bit little-endian PCM, at the rate of the client."""
        return b"".join(audio for message in self._messages("realtimeInput") for audio in _audio(message))

    @property
    def tool_responses(self) -> list[JsonObject]:
        """The function responses, with `name`, `response` and mostly `id`."""
        answers = self._messages("toolResponse")
        return [response for message in answers for response in objects(message, "functionResponses")]

    @property
    def setups(self) -> list[JsonObject]:
        """The `setup` of each connection that got as far, as it was written."""
        return [handshake.setup for handshake in self.handshakes if handshake.setup is not None]

    def wait_for(self, predicate: Callable[[Received], object], timeout: float = 5.0) -> Received:
        """Block until a client's message satisfies `predicate`, and return it; those that came before count too.

        Raises:
            TimeoutError: After `timeout` seconds; it says what came instead.
        """
        return self._journal.wait_for(predicate, timeout)

    def assert_sent(self, timeout: float = 5.0, **message: object) -> Received:
        """Assert that a client has sent such a message, or sends one within `timeout` seconds; return the first.

            emulator.assert_sent(clientContent={"turnComplete": True})
            emulator.assert_sent(realtimeInput={"text": ...})

        Args:
            timeout: In seconds.
            message: The kind of message, `setup`, `clientContent`, `realtimeInput` or `toolResponse`, and what it
                holds, with the protocol's keys in camelCase. Of objects only the given fields are compared; lists
                have the given items, in order, and no others; `...` is any value that is there.

        Raises:
            AssertionError: It did not come; the message shows what came instead.
            TypeError: For not exactly one kind, or an unknown one.
        """
        __tracebackhide__ = True  # pytest shows the test's line instead
        if len(message) != 1 or not message.keys() <= set(_KINDS):
            raise TypeError(f"assert_sent takes one of {', '.join(_KINDS)}, not {', '.join(message) or 'nothing'}.")
        with suppress(TimeoutError):
            return self.wait_for(lambda received: self._is(received, message), timeout)
        raise AssertionError(f"No client sent {_shown(message)} within {timeout:g} s. {self._report()}")

    def _is(self, received: Received, expected: JsonObject) -> bool:
        return _contains(received.message, expected) or _contains(self._normalised(received), expected)

    def _messages(self, *kinds: str) -> Iterator[JsonObject]:
        for received in self.received:
            for kind, message in self._normalised(received).items():
                if kind in kinds and isinstance(message, Mapping):
                    yield message

    def _normalised(self, received: Received) -> JsonObject:
        """The message with keys in camelCase; empty for one that was refused."""
        handshake = self.handshakes[received.connection - 1]
        with suppress(CloseRefusal):
            kind, message = normalise_message(received.message, vertex=handshake.kind in ("vertex", "firebase-vertex"))
            return {kind: message}
        return {}

    def _report(self) -> str:
        came = self.received
        if not came:
            return "Nothing came."
        lines = [f"  {_shown(one.message)}" for one in came[-_SHOWN:]]
        count = f"the last {_SHOWN} of {len(came)}" if len(came) > _SHOWN else str(len(came))
        return "\n".join([f"What came, {count}:", *lines])


def _texts(message: JsonObject) -> Iterator[str]:
    if "text" in message:
        yield str(message["text"])
    for content in objects(message, "turns"):
        if content.get("role", "user") == "user":
            yield from (str(part["text"]) for part in objects(content, "parts") if "text" in part)


def _audio(message: JsonObject) -> Iterator[bytes]:
    for blob in [*objects(message, "mediaChunks"), child(message, "audio")]:
        if str(blob.get("mimeType", "")).startswith("audio/"):
            yield decode_bytes(blob.get("data"))


def _contains(actual: object, expected: object) -> bool:
    """Whether a JSON value is as expected: more fields are no matter, more items are."""
    if expected is ...:
        return True
    if isinstance(expected, Mapping):
        return isinstance(actual, Mapping) and all(
            name in actual and _contains(actual[name], value) for name, value in expected.items()
        )
    if isinstance(expected, list | tuple):
        return isinstance(actual, list) and len(actual) == len(expected) and all(map(_contains, actual, expected))
    return actual == expected


def _shown(value: object) -> str:
    """JSON with long strings cut, `...` as it is."""
    return json.dumps(_shortened(value), ensure_ascii=False)


def _shortened(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _shortened(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(item) for item in value]
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]}... ({len(value):,} characters)"
    return value if isinstance(value, str | int | float | bool | None) else "..." if value is ... else repr(value)
