"""Server-sent events as text: the format of `text/event-stream`, and what goes with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType

from livesession.errors import ConfigurationError

__all__ = ["EVENT_STREAM_HEADERS", "HEARTBEAT", "sse_event"]

HEARTBEAT = ": still there\n\n"
"""A comment, which browsers skip. Writing it is the only way to notice that a tab was closed."""

EVENT_STREAM_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-cache",
        "X-Accel-Buffering": "no",  # nginx would else keep events back until it has some kilobytes of them
    }
)
"""The headers of a response that is an event stream."""

# The format's line ends, and no others: str.splitlines() knows more, such as U+2028, which are text here.
LINE_END = re.compile(r"\r\n|\r|\n")


def sse_event(data: str | Mapping[str, object], event: str | None = None, id: str | None = None) -> str:
    r"""One server-sent event, as text that ends with an empty line.

    Args:
        data: Text of any number of lines, whose ends all arrive as `\n`; or a mapping, which goes out as JSON in one
            line, with nothing lost. What UTF-8 cannot hold (half of a surrogate pair) becomes a question mark.
        event: Its type, for `addEventListener()`; default none, which is `message`.
        id: What the browser gives back as `Last-Event-ID` when it reconnects; default none.

    Raises:
        ConfigurationError: `event` or `id` holds a line end, or `id` a NUL, which would end or void the field.
    """
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    fields = [*named("event", event), *named("id", id), *(f"data: {line}\n" for line in LINE_END.split(text))]
    return "".join([*fields, "\n"]).encode("utf-8", "replace").decode()


def named(name: str, value: str | None) -> list[str]:
    if value is None:
        return []
    if LINE_END.search(value) or "\0" in value:
        raise ConfigurationError(f"The {name} of a server-sent event is one line without NUL, not {value!r}.")
    return [f"{name}: {value}\n"]
