"""Questions and answers in text.

    GEMINI_API_KEY=... python examples/quickstart.py

Without a key the emulator answers, which only echoes: pip install "livesession[emulator]"
"""

import os

from livesession import AudioTranscriptionConfig, LiveGenerationConfig, LiveGenerativeModel
from livesession.emulator import LiveEmulator

# None means: what the environment says, so Google with GEMINI_API_KEY.
backend = None if os.environ.get("GEMINI_API_KEY") else LiveEmulator().start().backend()

# Most Live models only speak; the transcript of what they say is their text.
config = LiveGenerationConfig(output_audio_transcription=AudioTranscriptionConfig())
model = LiveGenerativeModel("gemini-3.8-live", backend=backend, generation_config=config)

with model.connect() as session:
    for question in ["What is a WebSocket?", "Who invented it?"]:
        print("You:  ", question)
        turn = session.ask(question)
        print("Model:", turn.text)
    print("Tokens:", session.usage.total_token_count)
