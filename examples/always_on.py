"""A conversation that outlives its connections: the server goes away in the middle of it and comes back.

    GEMINI_API_KEY=... python examples/always_on.py

Without a key the emulator answers, is stopped for a second, and started again: pip install "livesession[emulator]"
With one, pull the network cable.
"""

import os
import socket
import threading
import time

from livesession import (
    AudioTranscriptionConfig,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveServerContent,
    LiveSessionResumed,
    SessionResumptionConfig,
)
from livesession.emulator import LiveEmulator, UserTurn


def answer(turn: UserTurn) -> str:
    """The emulator's model counts what it has been asked in this conversation."""
    return f"That was question {len(turn.history) // 2 + 1}."


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


emulator = None if os.environ.get("GEMINI_API_KEY") else LiveEmulator(answer, port=free_port()).start()


def outage() -> None:
    """Takes the emulator away for a second."""
    emulator.stop()
    time.sleep(1)
    emulator.start()


# Context window compression lets a conversation last; without it, a quarter of an hour is the limit.
config = LiveGenerationConfig(output_audio_transcription=AudioTranscriptionConfig(), context_window_compression=True)
model = LiveGenerativeModel("gemini-3.8-live", backend=emulator and emulator.backend(), generation_config=config)
questions = iter(["What is a WebSocket?", "Who invented it?", "When?", "What came before it?", "Thank you."])

# This argument is all that it takes.
with model.connect(session_resumption=SessionResumptionConfig()) as session:
    session.send(next(questions), turn_complete=True)
    words, asked = "", 1
    for message in session.receive():
        if isinstance(message, LiveSessionResumed):
            print(f"-- away for {message.downtime:.1f} s; {message.lost_count} messages were lost")
            words = ""
            for lost in message.lost:
                session.send([part for turn in lost.turns for part in turn.parts], turn_complete=True)
        elif isinstance(message, LiveServerContent):
            words += message.text or message.transcript
            if message.ends_turn:
                print("Model:", words)
                words, question, asked = "", next(questions, None), asked + 1
                if question is None:
                    break
                if emulator and asked == 3:
                    threading.Thread(target=outage).start()
                session.send(question, turn_complete=True)
