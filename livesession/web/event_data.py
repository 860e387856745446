"""The events of an answer: what a page is told of the model's messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from livesession.messages.server import LiveServerContent, LiveServerMessage
from livesession.resumption.policy import LiveSessionResumed
from livesession.session.function_calls import ToolResult
from livesession.web.sse import sse_event
from livesession.web.web_errors import refusal

if TYPE_CHECKING:
    from livesession.errors import LiveSessionError
    from livesession.session.turn import Turn

__all__ = ["Describe", "describe", "end_event", "failure_event"]

Describe = Callable[[LiveServerMessage], Iterator[str]]
"""Makes any number of server-sent events of a message."""


def describe(message: LiveServerMessage) -> Iterator[str]:
    """The events that a page is told of a message, each with a JSON object as its data; for many messages none.

    - `text`, `{"text": ...}`: the next words of the model, written or spoken;
    - `heard`, `{"text": ...}`: the next words of what it heard the user say;
    - `tool`, `{"name": ..., "outcome": ...}`: a function has been run; not what it answered, which may not be for
      visitors;
    - `interrupted`, `{}`: the user cut in, and the answer ends here;
    - `restart`, `{}`: the connection was lost and the answer begins anew; what came of it is void.
    """
    if isinstance(message, LiveServerContent):
        yield from describe_content(message)
    elif isinstance(message, ToolResult):
        yield sse_event({"name": message.call.name, "outcome": message.outcome}, "tool")
    elif isinstance(message, LiveSessionResumed):
        yield sse_event({}, "restart")


def describe_content(content: LiveServerContent) -> Iterator[str]:
    heard = content.input_transcription.text if content.input_transcription else ""
    for event, text in (("heard", heard), ("text", content.text), ("text", content.transcript)):
        if text:
            yield sse_event({"text": text}, event)
    if content.interrupted:
        yield sse_event({}, "interrupted")


def end_event(turn: Turn) -> str:
    """`end`, `{"interrupted": ..., "tokens": ...}`: the answer is complete, and has cost so many tokens, if known."""
    tokens = turn.usage.total_token_count if turn.usage else None
    return sse_event({"interrupted": turn.interrupted, "tokens": tokens}, "end")


def failure_event(error: LiveSessionError) -> str:
    """`failure`, `{"message": ...}`: there will be no more of the answer, and why, in words for visitors."""
    return sse_event({"message": refusal(error).body}, "failure")
