"""Speaks over the model's answer: it stops, and what has not been played yet is dropped.

    GEMINI_API_KEY=... python examples/barge_in.py [speech.wav]

Without a key the emulator answers, which only echoes: pip install "livesession[emulator]"
"""

import os
import sys
import threading
from importlib.resources import files

from livesession import LiveGenerativeModel, LiveServerContent
from livesession.audio import WavFile
from livesession.emulator import LiveEmulator

# pace=2: the emulator speaks (twice as fast as people do), so that there is something to interrupt.
backend = None if os.environ.get("GEMINI_API_KEY") else LiveEmulator(pace=2).start().backend()
model = LiveGenerativeModel("gemini-3.8-live", backend=backend)
speech = WavFile(sys.argv[1] if len(sys.argv) > 1 else files("livesession.cli") / "question.wav")
SECOND = 48_000  # bytes of audio: 24,000 samples of 2 bytes

with model.connect() as session:
    # One thread is the microphone. It speaks when a second of the answer has come.
    model_speaks = threading.Event()

    def microphone() -> None:
        model_speaks.wait()
        session.send_media_stream(speech.stream())
        session.send_audio_stream_end()

    speaking = threading.Thread(target=microphone, daemon=True)
    speaking.start()

    # This thread listens. A real program plays `unplayed` to a loudspeaker, which empties it.
    unplayed = bytearray()
    session.send("Please tell me the whole story of the Live API, from the beginning.", turn_complete=True)
    turns = 0
    for message in session.receive():
        if not isinstance(message, LiveServerContent):
            continue
        unplayed += message.audio
        if len(unplayed) >= SECOND and not model_speaks.is_set():
            print("A second of the answer has come; now you speak.")
            model_speaks.set()
        if message.interrupted:
            print(f"Interrupted: {len(unplayed) / SECOND:.1f} s of the answer are dropped.")
            unplayed.clear()
        if message.ends_turn:
            turns += 1
            if turns == 2:  # the one that was cut short, and the answer to what was said over it
                break
    print(f"The answer to what you said: {len(unplayed) / SECOND:.1f} s.")
    speaking.join()
