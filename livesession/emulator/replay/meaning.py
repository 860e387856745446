"""The meaning of a client's message, so that a recorded one and one that is sent in a replay can be compared.

Spelling does not count: the order of keys, white space, camelCase or snake_case, `1` or `1.0` or `"1"` where the
protocol wants a number, the project in a model's name, how many answers to functions one message holds. Sound is taken
out, to be compared as one stream. No I/O.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping

from attrs import evolve, frozen

from livesession.emulator.protocol.parser import normalise_message
from livesession.emulator.protocol.refusal import CloseRefusal

JsonObject = dict[str, object]

_SHORTEST_HIDDEN = 64
_RATE = re.compile(r"rate=(\d{4,6})")
_USUAL_RATE = 16_000
_SPEECH = ("audio", "activityStart", "activityEnd", "audioStreamEnd")


@frozen
class Sound:
    """A piece of realtime audio."""

    kind: str
    """Its media type."""
    data: bytes

    def seconds(self, size: int) -> float:
        """Returns the seconds that so many bytes of it last, as 16-bit mono."""
        rate = _RATE.search(self.kind)
        return size / 2 / (int(rate[1]) if rate else _USUAL_RATE)


@frozen
class Meaning:
    """One message of a client."""

    lane: str
    """Messages of one lane keep their order; those of several may be sent by several threads at a time."""
    kind: str
    """Its name, for people."""
    content: JsonObject
    sound: Sound | None = None
    """Where it is a piece of realtime audio and nothing else."""

    @property
    def call_ids(self) -> tuple[str, ...]:
        """The calls that the message answers; functions that run side by side answer in any order."""
        answers = _child(self.content, "toolResponse").get("functionResponses")
        known = [answer for answer in answers if isinstance(answer, dict)] if isinstance(answers, list) else []
        return tuple(sorted(str(answer.get("id") or answer.get("name")) for answer in known))

    @property
    def apart(self) -> tuple[Meaning, ...]:
        """One for each call that it answers: those who answer may wait for each other or not. Else just itself."""
        response = _child(self.content, "toolResponse")
        answers = response.get("functionResponses")
        if not isinstance(answers, list) or len(answers) < 2:
            return (self,)
        responses = ({**response, "functionResponses": [each]} for each in answers)
        return tuple(evolve(self, content=JsonObject(toolResponse=each)) for each in responses)

    @property
    def handle(self) -> str | None:
        """The resumption handle in a setup."""
        config = _child(_child(self.content, "setup"), "sessionResumption")
        handle = config.get("handle")
        return handle if isinstance(handle, str) and handle else None

    def with_handle(self, handle: str) -> Meaning:
        """The same setup with another handle."""
        setup = _child(self.content, "setup")
        resumption = {**_child(setup, "sessionResumption"), "handle": handle}
        return evolve(self, content={"setup": {**setup, "sessionResumption": resumption}})

    @property
    def printed(self) -> list[str]:
        """The message as lines of JSON, keys in order, long data as its size and a part of its hash."""
        return json.dumps(_plain(self.content), indent=2, sort_keys=True, ensure_ascii=False).splitlines()

    def says_the_same_as(self, other: Meaning) -> bool:
        return self.printed == other.printed


def understand(message: Mapping[str, object], *, vertex: bool) -> Meaning:
    """Return what a message means; one that the service would refuse is taken as it is written."""
    content: JsonObject = dict(message)
    try:
        name, payload = normalise_message(content, vertex=vertex)
        content = {name: payload}
    except CloseRefusal:
        name = next(iter(message), "an empty message")
        payload = _child(content, name)
    if name == "setup":
        content = {"setup": _without_place(payload)}
    if name != "realtimeInput":
        return Meaning(name, name, content)
    return _realtime(content, payload)


def _without_place(setup: JsonObject) -> JsonObject:
    """The setup with nothing of the model but its name: a recording may be played as another project's."""
    model = setup.get("model")
    return {**setup, "model": model.rpartition("/")[2]} if isinstance(model, str) else setup


def _realtime(content: JsonObject, payload: JsonObject) -> Meaning:
    payload = _modern(payload)
    field = next(iter(payload), "")
    lane = "speech" if field in _SPEECH else field
    sound = _sound(payload["audio"]) if [*payload] == ["audio"] else None
    return Meaning(lane, f"realtimeInput.{field}", {"realtimeInput": payload}, sound)


def _modern(payload: JsonObject) -> JsonObject:
    """`mediaChunks` with one chunk is the older spelling of `audio` and `video`."""
    chunks = payload.get("mediaChunks")
    if [*payload] != ["mediaChunks"] or not isinstance(chunks, list) or len(chunks) != 1:
        return payload
    kind = str(chunks[0].get("mimeType", "")) if isinstance(chunks[0], dict) else ""
    name = {"audio": "audio", "image": "video", "video": "video"}.get(kind.partition("/")[0])
    return {name: chunks[0]} if name else payload


def _sound(blob: object) -> Sound | None:
    if not isinstance(blob, dict) or not isinstance(blob.get("data"), str) or not blob["data"]:
        return None
    try:
        return Sound(str(blob.get("mimeType", "")), base64.b64decode(blob["data"], validate=True))
    except (binascii.Error, ValueError):
        return None


def _child(value: object, name: str) -> JsonObject:
    child = value.get(name) if isinstance(value, dict) else None
    return child if isinstance(child, dict) else {}


def _plain(value: object, name: str = "") -> object:
    """The value with numbers in one form, and without long data."""
    if isinstance(value, dict):
        return {key: _plain(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and name == "data" and len(value) > _SHORTEST_HIDDEN:
        return f"<{len(value):,} characters, SHA-256 {hashlib.sha256(value.encode()).hexdigest()[:12]}>"
    return value
