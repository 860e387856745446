"""How a session runs the Python functions that it was given as tools."""

from __future__ import annotations

from attrs import field, frozen

from livesession.validators import boolean, positive_int, positive_or_endless, zero_or_more

__all__ = ["ToolOptions"]


@frozen(kw_only=True)
class ToolOptions:
    """How Python functions are run when the model calls them.

    Attributes:
        auto: Whether they are run and answered by themselves; False leaves that to `send_function_responses()`;
            default True.
        timeout: Seconds from the call, waiting for a free place included, until the model is told that it took too
            long; for functions that the model waits for and that have no limit of their own (`@tool(timeout=...)`);
            None or `math.inf` for no limit; default 30.
        concurrency: Calls of one session that run at once; further ones wait; default 32.
        messages: Whether `receive()` yields the calls that are answered by themselves and their cancellations, and a
            `ToolResult` for each, and a `Turn` holds them; default True. Calls that are yours to answer it always
            yields.
        hold_audio: Seconds, from a call that the model waits for, within which sending audio waits for the answer to
            go out first: some models close the connection (1008) over audio in that time; default 0, which sends it.
    """

    auto: bool = field(default=True, validator=boolean)
    timeout: float | None = field(default=30.0, validator=positive_or_endless)
    concurrency: int = field(default=32, validator=positive_int)
    messages: bool = field(default=True, validator=boolean)
    hold_audio: float = field(default=0.0, validator=zero_or_more)
