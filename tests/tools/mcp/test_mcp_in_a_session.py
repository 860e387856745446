"""The model of the emulator calls a tool of a real MCP server, which runs over stdio."""

from __future__ import annotations

import sys
from pathlib import Path

from livesession import LiveGenerationConfig, LiveGenerativeModel
from livesession.emulator import LiveEmulator, ToolCall, UserTurn
from livesession.tools.mcp import McpServer

SERVER = str(Path(__file__).parent / "mcp_server.py")


def local(a: int) -> int:
    """A function beside those of the server."""
    return -a


def add_and_say(turn: UserTurn):
    answers = yield [ToolCall("mcp_add", {"a": 2, "b": 40}), ToolCall("local", {"a": 1})]
    by_name = {answer["name"]: answer["response"] for answer in answers}
    yield f"{by_name['mcp_add']} {by_name['local']}"


def test_the_emulator_s_model_calls_tools_of_an_mcp_server_beside_functions():
    text = LiveGenerationConfig(response_modalities="TEXT")
    with LiveEmulator(add_and_say) as emulator, McpServer(sys.executable, SERVER, prefix="mcp_") as server:
        tools = [local, *server.tools]
        model = LiveGenerativeModel(
            "gemini-live-2.5-flash", backend=emulator.backend(), generation_config=text, tools=tools
        )
        with model.connect() as session:
            turn = session.ask("What is 2 and 40?")
    assert turn.complete
    assert turn.text == "{'output': '42'} {'output': -1}"
    assert [result.outcome for result in turn.tool_results] == ["answered", "answered"]
