"""Asks with a WAV file, and writes the spoken answer to another.

    GEMINI_API_KEY=... python examples/wav_in_wav_out.py [question.wav reply.wav]

The question is 16-bit PCM at any rate. Without a key the emulator answers, which plays the question back:
pip install "livesession[emulator]"
"""

import os
import sys
from importlib.resources import files

from livesession import AudioTranscriptionConfig, LiveGenerationConfig, LiveGenerativeModel
from livesession.audio import WavFile, write_wav
from livesession.emulator import LiveEmulator

backend = None if os.environ.get("GEMINI_API_KEY") else LiveEmulator().start().backend()

config = LiveGenerationConfig(
    input_audio_transcription=AudioTranscriptionConfig(),
    output_audio_transcription=AudioTranscriptionConfig(),
)
model = LiveGenerativeModel("gemini-3.8-live", backend=backend, generation_config=config)

question_path, answer_path = sys.argv[1:] or (files("livesession.cli") / "question.wav", "reply.wav")
question = WavFile(question_path)
with model.connect() as session:
    session.send_media_stream(question.stream())  # in real time, as a microphone would
    session.send_audio_stream_end()
    turn = session.receive_turn().collect()

write_wav(answer_path, turn.audio)
print("You:  ", turn.input_transcript)
print("Model:", turn.output_transcript)
print(f"{answer_path}: {turn.audio_seconds:.1f} s")
