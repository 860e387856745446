"""Python functions that the model may call: `LiveGenerativeModel(tools=[get_weather])`.

What there is for users is in `livesession` itself; the tools of MCP servers are in `livesession.tools.mcp`.
"""
