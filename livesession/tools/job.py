"""Jobs: one call each of a function, with its cancel token and its time limit, and the answers made of its result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

import attrs
from attrs import Factory, define, field

from livesession.messages.content import FunctionResponse
from livesession.messages.declarations import FunctionDeclaration
from livesession.messages.fields import JSONObject
from livesession.session.function_calls import TrackedCall
from livesession.tools.cancel_token import CancelSource, CancelToken
from livesession.tools.declare.arguments import BadArguments
from livesession.tools.function_tool import FunctionTool
from livesession.tools.results import as_response

__all__ = ["Job", "answers", "unknown_function"]


@define(eq=False)
class Job:
    """A call that a function answers.

    Attributes:
        call: The model's call.
        tool: The function.
        limit: Seconds from the call until the model is told that the function took too long; None for no limit.
        source: Sets the token when the answer is not wanted any more.
        token: The token, for the function.
        thread: The ident of the thread that runs the function; None before it begins.
        is_recorded: Whether the consumer has got the record of the call, a `ToolResult`.
        last: The part of the answer that was sent last.
    """

    call: TrackedCall
    tool: FunctionTool
    limit: float | None
    source: CancelSource = field(factory=CancelSource)
    token: CancelToken = field(init=False, default=Factory(lambda job: CancelToken(job.source), takes_self=True))
    thread: int | None = None
    is_recorded: bool = False
    last: JSONObject = field(factory=dict)

    @property
    def name(self) -> str:
        return self.call.call.name

    @property
    def seconds(self) -> float:
        """Seconds since the call was made."""
        return time.monotonic() - self.call.made_at

    def answer(self, response: FunctionResponse, *, will_continue: bool | None = None) -> FunctionResponse:
        """Makes a response the answer to this call."""
        return attrs.evolve(
            response,
            id=self.call.call.id,
            name=self.name,
            scheduling=response.scheduling or self.tool.scheduling,
            will_continue=will_continue,
        )


def answers(job: Job, *, in_parts: bool) -> Iterator[FunctionResponse]:
    """Runs the function and yields its answer, in parts where it is a generator and the back end takes parts.

    Raises what the function raises, and `ToolCancelled` when a generator yields after its call was cancelled.
    """
    # A generator function returns at once; its body runs as its values are asked for.
    value = job.tool.run(job.call.call.args, job.token)
    if not job.tool.is_generator:
        yield job.answer(response_of(value))
    elif in_parts:
        yield from parts(job, cast("Iterator[object]", value))
    else:
        yield job.answer(response_of(list(values(job, cast("Iterator[object]", value)))))


def parts(job: Job, generator: Iterator[object]) -> Iterator[FunctionResponse]:
    """Yields each value as a part of the answer, and an empty part at the end."""
    for value in values(job, generator):
        yield job.answer(response_of(value), will_continue=True)
    yield job.answer(FunctionResponse(response={}), will_continue=False)


def values(job: Job, generator: Iterator[object]) -> Iterator[object]:
    """Yields the values of a generator, and then the value that it returns, unless that is None."""
    try:
        while True:
            value = next(generator)
            job.token.check()
            yield value
    except StopIteration as end:
        if end.value is not None:
            yield end.value
    finally:
        if hasattr(generator, "close"):  # any iterator may be given, and only a generator has to be closed
            generator.close()


def response_of(value: object) -> FunctionResponse:
    """Makes a response of a returned value. Raises `BadAnswer` for what JSON cannot hold."""
    if not isinstance(value, FunctionResponse):
        return FunctionResponse(response=as_response(value))
    as_response(value.response)  # raises here what would else be raised when it is sent
    return value


def unknown_function(name: str, known: list[str]) -> FunctionTool:
    """Makes a tool that answers a call of an undeclared function with an error: models do make functions up."""

    def run(args: object, token: CancelToken) -> object:
        raise BadArguments(f"There is no function {name!r}. There are: {', '.join(known)}.")

    return FunctionTool(declaration=FunctionDeclaration(name=name), run=run)
