"""Two pages, one that asks and one that talks. README.md says how to run it."""

from __future__ import annotations

import os
import secrets

from cachelib import FileSystemCache
from flask import Flask, Response, abort, render_template, request, session
from flask_sock import Sock

from livesession import (
    AudioTranscriptionConfig,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveSession,
    LiveSessionError,
    SessionResumptionConfig,
)
from livesession.web import EVENT_STREAM_HEADERS, SessionPool, refusal

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ.get("SECRET_KEY", "only to try it out"),
    SESSION_COOKIE_SAMESITE="Lax",  # no other site's page asks or talks in a visitor's name
    SOCK_SERVER_OPTIONS={"ping_interval": 5, "max_message_size": 64_000},
)
app.register_error_handler(LiveSessionError, refusal)
sock = Sock(app)

model = LiveGenerativeModel(
    os.environ.get("LIVESESSION_MODEL", "gemini-3.8-live"),
    generation_config=LiveGenerationConfig(
        input_audio_transcription=AudioTranscriptionConfig(), output_audio_transcription=AudioTranscriptionConfig()
    ),
)


def connect(handle: str | None) -> LiveSession:
    return model.connect(session_resumption=SessionResumptionConfig(handle=handle))


# Where there are more workers than one, each request takes the conversation up anew: the next may come to another one.
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
pool = SessionPool(connect, limit=int(os.environ.get("LIMIT", "40")), idle_timeout=300 if workers == 1 else 0)
# In a folder that nobody else can write to: what is read from it is pickled.
folder = os.environ.get("HANDLES") or f"{app.instance_path}/handles"
handles = FileSystemCache(folder, threshold=20_000, default_timeout=7200)


def visitor() -> str:
    return session.setdefault("visitor", secrets.token_urlsafe())


def kept_handle(who: str) -> dict[str, object]:
    """Where a visitor's conversation stands, and how that is kept; on the server, and for all workers."""
    return {"handle": handles.get(who), "on_handle": lambda handle: handles.set(who, handle)}


@app.get("/")
def ask():
    visitor()
    return render_template("ask.html")


@app.get("/talk")
def talk():
    visitor()
    return render_template("talk.html")


@app.get("/answer")
def answer():
    if request.headers.get("Accept") != "text/event-stream":  # of an EventSource; a link on another site has the cookie
        abort(406)
    who = visitor()
    events = pool.answer(who, request.args["question"], heartbeat=1, **kept_handle(who))
    return Response(events, headers=EVENT_STREAM_HEADERS)


@sock.route("/voice")
def voice(socket):
    who = visitor()
    pool.talk(who, socket, **kept_handle(who))


@app.post("/leave")
def leave():
    pool.leave(visitor())
    return "", 204
