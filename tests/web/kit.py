"""What the tests of web applications share: pools at an emulator, and a reader of event streams as in browsers."""

from __future__ import annotations

import json
from collections.abc import Iterable

from attrs import frozen

from livesession import LiveGenerationConfig, LiveGenerativeModel, SessionResumptionConfig
from livesession.emulator import LiveEmulator
from livesession.web import SessionPool

TEXT = LiveGenerationConfig(response_modalities="TEXT")


def pool_at(emulator: LiveEmulator, *, config: LiveGenerationConfig = TEXT, tools=None, **options) -> SessionPool:
    model = LiveGenerativeModel("m-live", backend=emulator.backend(), generation_config=config, tools=tools)
    return SessionPool(
        lambda handle: model.connect(session_resumption=SessionResumptionConfig(handle=handle)), **options
    )


@frozen
class Event:
    type: str
    data: str
    id: str = ""

    @property
    def json(self) -> dict:
        return json.loads(self.data)


def parse_events(stream: str) -> list[Event]:
    """As the HTML standard has it, chapter "Interpreting an event stream"."""
    events, kind, id, lines = [], "", "", []
    for line in stream.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if lines:
                events.append(Event(kind or "message", "\n".join(lines), id))
            kind, lines = "", []
        elif name == "data":
            lines.append(value)
        elif name == "event":
            kind = value
        elif name == "id" and "\0" not in value:
            id = value
    return events


def events_of(answer: Iterable[str]) -> list[Event]:
    return parse_events("".join(answer))


def text_of(events: Iterable[Event]) -> str:
    return "".join(event.json["text"] for event in events if event.type == "text")
