"""An MCP server for the tests, made with the official package; with the argument `pages` one that lists in pages."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TypedDict

import anyio
from mcp import MCPError, types
from mcp.server import MCPServer
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.stdio import stdio_server

server = MCPServer("of the tests", log_level="WARNING")
PIXEL = b"\x89PNG not really"


class Weather(TypedDict):
    city: str
    degrees: int


@server.tool(structured_output=False)
def add(a: int, b: int, unit: str | None = None) -> str:
    """Adds two numbers."""
    return f"{a + b} {unit}" if unit else str(a + b)


@server.tool()
def weather(city: str) -> Weather:
    return {"city": city, "degrees": 21}


@server.tool(structured_output=False)
def lines() -> list[str]:
    return ["one", "two"]


@server.tool(structured_output=False)
def nothing() -> None:
    """Answers with no content at all."""


@server.tool(structured_output=False)
def picture() -> list[object]:
    return ["a pixel", Image(data=PIXEL, format="png")]


@server.tool()
def fail() -> str:
    raise ToolError("the disk is full")


@server.tool()
def refuse() -> str:
    raise MCPError(code=-32099, message="not today")


@server.tool()
async def sleep(folder: str) -> str:
    """Says by files when it begins and when it is cancelled."""
    Path(folder, "begun").touch()
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        Path(folder, "cancelled").touch()
        raise
    return "slept"


@server.tool(structured_output=False)
def variable(name: str) -> str:
    return os.environ.get(name, "")


@server.tool(structured_output=False)
def folder() -> str:
    return os.getcwd()


@server.tool()
def write_error(text: str, times: int) -> None:
    sys.stderr.write(text * times)
    sys.stderr.flush()


@server.tool(structured_output=False)
def process() -> str:
    return str(os.getpid())


@server.tool()
def die() -> None:
    print("out of memory", file=sys.stderr, flush=True)
    os._exit(3)


@server.tool(name="notes/read", structured_output=False)
def read_notes() -> str:
    return "slash"


@server.tool(name="notes read", structured_output=False)
def read_notes_too() -> str:
    return "space"


async def one_page(context: object, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    number = int((params and params.cursor) or 1)
    schema = {"type": "object", "properties": {"degrees": {"type": "integer"}}}
    tool = types.Tool(name=f"tool_{number}", input_schema={"type": "object"}, output_schema=schema)
    return types.ListToolsResult(tools=[tool], next_cursor=str(number + 1) if number < 3 else None)


async def warm(context: object, params: types.CallToolRequestParams) -> types.CallToolResult:
    """Answers with what its schema does not allow."""
    return types.CallToolResult(content=[], structured_content={"degrees": "warm"})


async def serve_pages() -> None:
    paged = Server("in pages", on_list_tools=one_page, on_call_tool=warm)
    async with stdio_server() as (reading, writing):
        await paged.run(reading, writing, paged.create_initialization_options())


if __name__ == "__main__":
    anyio.run(serve_pages) if "pages" in sys.argv else server.run("stdio")
