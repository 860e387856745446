"""The load server: a process of its own that pushes, swallows, echoes and paces messages."""
