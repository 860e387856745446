"""Threads: deadlines, events that are safe in signal handlers, and worker pools. Nothing here knows the protocol."""
