"""Python functions that the model may call: `LiveGenerativeModel(tools=[get_weather])`.

The public names are in `livesession` itself, those for the tools of MCP servers in `livesession.tools.mcp`.
"""
