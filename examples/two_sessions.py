"""Two conversations side by side, each on a thread of its own.

    GEMINI_API_KEY=... python examples/two_sessions.py

Without a key the emulator answers, which only echoes: pip install "livesession[emulator]"
"""

import os
from concurrent.futures import ThreadPoolExecutor

from livesession import AudioTranscriptionConfig, LiveGenerationConfig, LiveGenerativeModel
from livesession.emulator import LiveEmulator

backend = None if os.environ.get("GEMINI_API_KEY") else LiveEmulator().start().backend()

# One model serves any number of sessions, from any thread.
config = LiveGenerationConfig(output_audio_transcription=AudioTranscriptionConfig())
model = LiveGenerativeModel("gemini-3.8-live", backend=backend, generation_config=config)


def talk(name: str) -> str:
    """A conversation of two turns; the sessions know nothing of each other."""
    with model.connect() as session:
        first = session.ask(f"My name is {name}.")
        second = session.ask("What is my name?")
        return f"{name}: {first.text} / {second.text}"


with ThreadPoolExecutor() as threads:
    for conversation in threads.map(talk, ["Ada", "Grace"]):
        print(conversation)
