"""MCP: the tools of an MCP server, for a model to call."""

from livesession.tools.mcp.mcp_connection import McpError
from livesession.tools.mcp.mcp_server import McpServer

__all__ = ["McpError", "McpServer"]
