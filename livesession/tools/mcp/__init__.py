"""The tools of MCP servers, which the model can call like functions."""

from livesession.tools.mcp.mcp_connection import McpError
from livesession.tools.mcp.mcp_server import McpServer

__all__ = ["McpError", "McpServer"]
