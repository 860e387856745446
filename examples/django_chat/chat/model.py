"""The model, and a session with it for each visitor."""

from __future__ import annotations

import os

from livesession import (
    AudioTranscriptionConfig,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveSession,
    SessionResumptionConfig,
)
from livesession.web import SessionPool

model = LiveGenerativeModel(
    os.environ.get("LIVESESSION_MODEL", "gemini-3.8-live"),
    generation_config=LiveGenerationConfig(output_audio_transcription=AudioTranscriptionConfig()),
)


def connect(handle: str | None) -> LiveSession:
    return model.connect(session_resumption=SessionResumptionConfig(handle=handle))


# Where there are more workers than one, each request takes the conversation up anew: the next may come to another one.
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
pool = SessionPool(connect, limit=int(os.environ.get("LIMIT", "40")), idle_timeout=300 if workers == 1 else 0)
