"""The Live service on your own machine: a WebSocket server to try things with and to test against, without a key.

    with LiveEmulator() as emulator:
        model = LiveGenerativeModel("gemini-live-2.5-flash", backend=emulator.backend())

What it answers is scripted, `emulator.on_text("Hi").reply("Hello!")`, or comes from a responder, a plain function of
yours; the default one only echoes. It writes and reads
JSON by itself and shares no code with the client, so that a misspelt field cannot pass unnoticed.
"""

from livesession.emulator.faults import Close, Delay, Drop, GoAway
from livesession.emulator.journal import Handshake, Received
from livesession.emulator.live_emulator import LiveEmulator
from livesession.emulator.protocol.routes import BackEndKind
from livesession.emulator.protocol.setup_rules import VOICES
from livesession.emulator.replay.mismatch import ReplayMismatch
from livesession.emulator.replay.recorded_session import RecordingSource
from livesession.emulator.responder import Answers, Piece, Raw, Reply, Responder, Speech, ToolCall, UserTurn, echo
from livesession.emulator.scripting.scripted import ScriptedConnection, ScriptedTurn

__all__ = [
    "VOICES",
    "Answers",
    "BackEndKind",
    "Close",
    "Delay",
    "Drop",
    "GoAway",
    "Handshake",
    "LiveEmulator",
    "Piece",
    "Raw",
    "Received",
    "RecordingSource",
    "ReplayMismatch",
    "Reply",
    "Responder",
    "ScriptedConnection",
    "ScriptedTurn",
    "Speech",
    "ToolCall",
    "UserTurn",
    "echo",
]
