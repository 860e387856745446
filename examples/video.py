"""Shows the model a video, and asks about it while it runs: a clock, drawn once a second.

    GEMINI_API_KEY=... python examples/video.py

Needs pip install "livesession[video]". Without a key the emulator answers, which only counts the pictures:
pip install "livesession[emulator]"
"""

import os
import threading
import time
from collections.abc import Iterator

from PIL import Image, ImageDraw

from livesession import AudioTranscriptionConfig, LiveGenerationConfig, LiveGenerativeModel
from livesession.emulator import LiveEmulator

backend = None if os.environ.get("GEMINI_API_KEY") else LiveEmulator().start().backend()
config = LiveGenerationConfig(output_audio_transcription=AudioTranscriptionConfig())
model = LiveGenerativeModel("gemini-3.8-live", backend=backend, generation_config=config)
over = threading.Event()


def clock() -> Iterator[Image.Image]:
    """A picture whenever one is asked for. A camera would yield its frames instead: arrays, red first."""
    while not over.is_set():
        picture = Image.new("RGB", (768, 768), "white")
        ImageDraw.Draw(picture).text((200, 350), time.strftime("%H:%M:%S"), fill="black", font_size=90)
        yield picture


def show() -> None:
    statistics = session.send_video_stream(clock(), live=False)  # for a camera without live=False
    print("Pictures that were sent:", statistics.sent)


with model.connect() as session:
    # One thread shows, this one asks; start_audio_conversation() would go as well beside the video.
    showing = threading.Thread(target=show)
    showing.start()
    time.sleep(1.5)
    session.send_text_realtime("What time does the clock show?")
    print("Model:", session.receive_turn().collect().output_transcript)
    over.set()
    showing.join()
