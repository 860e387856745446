"""`McpServer`: the tools of an MCP server, for a model to call, through the official package `mcp` (extra `mcp`)."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, final

from livesession.errors import ToolError
from livesession.messages.content import FunctionResponse, FunctionResponsePart, GenerativeContentBlob
from livesession.messages.declarations import FunctionDeclaration
from livesession.tools.cancel_token import CancelToken
from livesession.tools.function_tool import FunctionTool
from livesession.tools.mcp.mcp_connection import McpCommand, McpConnection, McpError

if TYPE_CHECKING:
    from mcp.types import CallToolResult, ContentBlock
    from mcp.types import Tool as McpTool

__all__ = ["McpError", "McpServer"]

LONGEST_NAME = 128  # characters; the limit of the Live API


@final
class McpServer:
    """Runs an MCP server as a process, speaks to it over stdin and stdout, and offers its tools.

        with McpServer("python", "server.py", env={"ROOT": "/srv"}) as files:
            model = LiveGenerativeModel(name, tools=[get_weather, *files.tools])

    The server ends with the block, or with `close()`; after that a call of its tools fails at once. A server that is
    not closed ends with the program, when its stdin is closed. Callable from any thread.

    Args:
        command: The program.
        args: Its arguments.
        env: Environment variables for the server; of this program's own it only gets harmless ones, such as PATH and
            HOME.
        cwd: The folder that the server starts in; default this program's.
        timeout: Seconds for the server to start and to list its tools; default 30. Calls have the limit that
            `ToolOptions` sets.
        prefix: Text before the names of the tools, to tell those of several servers apart; default none.
    """

    def __init__(
        self,
        command: str | os.PathLike[str],
        *args: str | os.PathLike[str],
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        timeout: float = 30.0,
        prefix: str = "",
    ) -> None:
        words = tuple(os.fspath(word) for word in (command, *args))
        folder = None if cwd is None else os.fspath(cwd)
        self._command = McpCommand(words=words, env=env or {}, cwd=folder, timeout=timeout)
        self._prefix = prefix
        self._connection: McpConnection | None = None
        self._tools: tuple[FunctionTool, ...] | None = None

    def __repr__(self) -> str:
        return f"<McpServer {self._command.words[0]!r}>"

    def __enter__(self) -> McpServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def tools(self) -> tuple[FunctionTool, ...]:
        """The tools that the server listed when it was started. Raises `McpError` before that."""
        if self._tools is None:
            raise McpError("The tools of an MCP server are known once it runs: use `with McpServer(...) as server:`.")
        return self._tools

    def start(self) -> None:
        """Starts the process, once, and asks for its tools. When that fails, neither process nor thread is left.

        Raises:
            McpError: The server did not start in time, or was started before.
            MissingExtraError: The package `mcp` is missing, or older than 2.0.
        """
        if self._connection is not None:
            raise McpError("This McpServer was started before: make another one.")
        self._connection = McpConnection(self._command)
        try:
            self._tools = self._start(self._connection)
        except BaseException:  # also Ctrl-C, which must leave no process
            self._connection.close()
            raise

    def close(self) -> None:
        """Ends the process: at once when it ends as its stdin is closed, else within 5 seconds, by signals.

        Calls that the server has not answered raise `McpError`. Callable from any thread, and more than once.
        """
        if self._connection is not None:
            self._connection.close()

    def _start(self, connection: McpConnection) -> tuple[FunctionTool, ...]:
        offered = connection.start()
        names = accepted_names(self._prefix + tool.name for tool in offered)
        return tuple(to_function_tool(connection, tool, name) for tool, name in zip(offered, names, strict=True))


def to_function_tool(connection: McpConnection, tool: McpTool, name: str) -> FunctionTool:
    """Makes a tool for the model of one of the server's, under another name perhaps."""
    schema = tool.input_schema
    declaration = FunctionDeclaration(name=name, description=tool.description or None, parameters_json_schema=schema)
    return FunctionTool(declaration, partial(answer_of, connection, tool.name))


def accepted_names(names: Iterable[str]) -> list[str]:
    """Adapts names to the Live API: other characters become `_`, and a number tells equal names apart."""
    accepted: list[str] = []
    for name in names:
        # The first character has to be a letter or an underscore, the others may be those of `check_name()`.
        plain = re.sub(r"^(?![A-Za-z_])", "_", re.sub(r"[^A-Za-z0-9_.:-]", "_", name))
        new, number = plain[:LONGEST_NAME], 1
        while new in accepted:
            number += 1
            new = f"{plain[: LONGEST_NAME - 5]}_{number}"
        accepted.append(new)
    return accepted


def answer_of(connection: McpConnection, name: str, arguments: Mapping[str, object], token: CancelToken) -> object:
    """Calls a tool; the answer for the model is the structured result, or else the texts, with media as parts."""
    result = connection.call(name, arguments, token)
    texts = [text for text in map(text_of, result.content) if text is not None]
    if result.is_error:
        raise ToolError("\n".join(texts) or f"The tool {name!r} failed and did not say why.")
    output = output_of(result, texts)
    media = [part for part in map(media_of, result.content) if part is not None]
    return FunctionResponse(response={"output": output}, parts=media) if media else output


def output_of(result: CallToolResult, texts: list[str]) -> object:
    if result.structured_content is not None:
        return result.structured_content
    return texts[0] if len(texts) == 1 else texts or None


def text_of(content: ContentBlock) -> str | None:
    from mcp.types import EmbeddedResource, ResourceLink, TextContent, TextResourceContents

    if isinstance(content, TextContent):
        return content.text
    if isinstance(content, ResourceLink):
        return content.uri
    if isinstance(content, EmbeddedResource) and isinstance(content.resource, TextResourceContents):
        return content.resource.text
    return None


def media_of(content: ContentBlock) -> FunctionResponsePart | None:
    from mcp.types import AudioContent, BlobResourceContents, EmbeddedResource, ImageContent

    if isinstance(content, (ImageContent, AudioContent)):
        return part(content.mime_type, content.data)
    if isinstance(content, EmbeddedResource) and isinstance(content.resource, BlobResourceContents):
        return part(content.resource.mime_type or "application/octet-stream", content.resource.blob)
    return None


def part(mime_type: str, encoded: str) -> FunctionResponsePart:
    return FunctionResponsePart(inline_data=GenerativeContentBlob(mime_type=mime_type, data=base64.b64decode(encoded)))
