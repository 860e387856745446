"""Replays: a recorded session is served again, and the client is compared with the recorded one."""
