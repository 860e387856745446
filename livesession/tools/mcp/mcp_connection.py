"""The connection to an MCP server: its process, and a thread with an asyncio loop that speaks to it."""

from __future__ import annotations

import asyncio
import math
import os
import shlex
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from attrs import field, frozen
from attrs.validators import deep_mapping, instance_of

from livesession.errors import LiveSessionError, MissingExtraError
from livesession.logs import logger
from livesession.sync.deadline import Deadline
from livesession.tools.cancel_token import CancelToken, source_of
from livesession.tools.mcp.mcp_log import McpLog
from livesession.validators import positive
from livesession.version import __version__

if TYPE_CHECKING:
    from mcp import Client, StdioServerParameters
    from mcp.types import CallToolResult
    from mcp.types import Tool as McpTool

__all__ = ["McpCommand", "McpConnection", "McpError"]

CLOSE_TIMEOUT = (
    5.0  # seconds; the package `mcp` ends a server that stays by SIGTERM after 2.5, and by SIGKILL after 4.5
)
LOG_CHECK = 60.0  # seconds between two looks at the length of the log


class McpError(LiveSessionError):
    """An MCP server could not be started, has ended, or refused the call of a tool.

    Attributes:
        log: The end of the server's standard error, which may hold text that is not for the model.
    """

    def __init__(self, message: str, *, log: str = "") -> None:
        super().__init__(message)
        self.log = log


@frozen(kw_only=True)
class McpCommand:
    """The command that starts a server; the attributes are the arguments of `McpServer`."""

    words: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False, validator=deep_mapping(instance_of(str), instance_of(str)))
    cwd: str | None
    timeout: float = field(validator=positive)

    def __str__(self) -> str:
        return shlex.join(self.words)


class McpConnection:
    """Runs one server from `start()` to `close()`; used by any thread but its own, which runs the coroutines.

    Raises:
        MissingExtraError: The package `mcp` is missing, or older than 2.0.
    """

    def __init__(self, command: McpCommand) -> None:
        try:
            from mcp import Client  # noqa: F401  # here, so that the second it takes is within no time limit
        except ImportError as error:
            raise MissingExtraError("McpServer", "mcp") from error
        self._command = command
        self._listed: Future[list[McpTool]] = Future()
        # Guards _client, so that a call is put on the loop before the loop ends, or is refused; nothing waits inside.
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._stop: Callable[[], object] | None = None
        self._is_closing = False
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="livesession-mcp", daemon=True)

    def start(self) -> list[McpTool]:
        """Starts the process and waits for the list of its tools. Raises `McpError` where none comes in time."""
        self._thread.start()
        return self._listed.result(self._command.timeout + 2 * CLOSE_TIMEOUT)

    def call(self, name: str, arguments: Mapping[str, object], token: CancelToken) -> CallToolResult:
        """Calls a tool and waits for its answer. Raises `McpError`, and `ToolCancelled` when the token is set first."""
        token.check()
        source = source_of(token)
        future: Future[CallToolResult] = Future()
        future.add_done_callback(lambda _: source.wake())
        try:
            self._begin(future, name, arguments)  # inside: a Ctrl-C may come when the server has begun already
            source.wait_until(future.done, Deadline(None))
        finally:
            future.cancel()  # tells the server; without effect where there is an answer
        if future.cancelled():
            token.check()
            raise self._ended(name)
        return future.result()

    def close(self) -> None:
        """Ends process and thread, and waits for both."""
        self._is_closing = True  # first: the thread looks at it after it has set _stop
        if self._stop is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._stop()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_TIMEOUT)

    def _begin(self, future: Future[CallToolResult], name: str, arguments: Mapping[str, object]) -> None:
        if self._pid != os.getpid():
            raise McpError(
                f"The tool {name!r} gives no answer: its MCP server belongs to the process that this one was forked "
                "from. Start a McpServer here; under gunicorn --preload, that is in the worker and not at import."
            )
        with self._lock:
            if self._client is None:
                raise self._ended(name)
            self._loop.call_soon_threadsafe(self._create_task, future, self._call(self._client, name, arguments))

    def _create_task(self, future: Future[CallToolResult], call: Coroutine[None, None, CallToolResult]) -> None:
        """Runs a call on the loop: its outcome goes to the future, and cancelling the future cancels it."""
        task = self._loop.create_task(call)
        task.add_done_callback(lambda _: settle(future, task))
        future.add_done_callback(lambda _: self._cancel(task))

    def _cancel(self, task: asyncio.Task[CallToolResult]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and the task with it
            self._loop.call_soon_threadsafe(task.cancel)

    def _ended(self, name: str, log: str = "") -> McpError:
        return McpError(
            f"The tool {name!r} gives no answer: its MCP server, {self._command.words[0]!r}, has ended or was closed. "
            "Start a new McpServer.",
            log=log,
        )

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            if not self._listed.done():
                self._listed.set_exception(error)

    async def _main(self) -> None:
        with McpLog.temporary() as log:
            try:
                await self._serve(log)
            except Exception as error:
                why, wrote = innermost(error), log.tail()
                raise McpError(
                    f"The MCP server did not start: {why}. Try in a shell what was run:  {self._command}"
                    + (f"\nIt wrote:\n{wrote}" if wrote else ""),
                    log=wrote,
                ) from why

    async def _serve(self, log: McpLog) -> None:
        """Runs until the connection is closed. Raises an error when the server gives no list of its tools."""
        import anyio
        from mcp import Client, Implementation, stdio_client

        self._loop, self._log = asyncio.get_running_loop(), log
        own_name = Implementation(name="livesession", version=__version__)
        # Outside the scope: a process whose start is cancelled half way would not be waited for.
        async with stdio_client(self._parameters(), log.for_process()) as streams:
            with anyio.CancelScope(deadline=anyio.current_time() + self._command.timeout) as scope:
                self._stop = lambda: self._loop.call_soon_threadsafe(scope.cancel)
                if self._is_closing:
                    scope.cancel()
                async with Client(nullcontext(streams), client_info=own_name) as client:
                    tools = await every_tool(client)
                    scope.deadline = math.inf
                    await self._answer_calls(client, tools)
        if not self._listed.done():
            why = "it was closed" if self._is_closing else f"no list of tools within {self._command.timeout:g} s"
            raise TimeoutError(why)

    def _parameters(self) -> StdioServerParameters:
        from mcp import StdioServerParameters

        command, *args = self._command.words
        env = dict(self._command.env)
        return StdioServerParameters(command=command, args=args, env=env, cwd=self._command.cwd)

    async def _answer_calls(self, client: Client, tools: list[McpTool]) -> None:
        """Lets calls in until it is cancelled."""
        with self._lock:
            self._client = client
        self._listed.set_result(tools)
        try:
            while True:
                await asyncio.sleep(LOG_CHECK)
                self._log.shorten()
        finally:
            with self._lock:
                self._client = None

    async def _call(self, client: Client, name: str, arguments: Mapping[str, object]) -> CallToolResult:
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        try:
            result = await client.call_tool(name, dict(arguments))
            if result.is_error:
                logger.debug("the tool %r failed; its MCP server wrote: %s", name, self._log.tail())
            return result
        except Exception as error:
            if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
                raise self._ended(name, self._log.tail()) from error
            message = f"The MCP server {self._command.words[0]!r} refused the call of {name!r}: {error}"
            raise McpError(message, log=self._log.tail()) from error


def settle(future: Future[CallToolResult], task: asyncio.Task[CallToolResult]) -> None:
    """Gives a future the outcome of its task, unless the future has been cancelled."""
    if task.cancelled():
        future.cancel()
        return
    error = task.exception()  # read in any case: asyncio logs an exception that was never read
    if future.set_running_or_notify_cancel():
        future.set_result(task.result()) if error is None else future.set_exception(error)


async def every_tool(client: Client) -> list[McpTool]:
    """Lists the tools on all pages."""
    page = await client.list_tools()
    tools = page.tools
    while page.next_cursor is not None:
        page = await client.list_tools(cursor=page.next_cursor)
        tools = [*tools, *page.tools]
    return tools


def innermost(error: BaseException) -> BaseException:
    """Takes an error out of the groups that anyio puts it into."""
    while inside := getattr(error, "exceptions", None):
        error = inside[0]
    return error
