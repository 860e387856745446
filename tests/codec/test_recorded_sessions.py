"""Recorded sessions of the real service, replayed by the emulator over a real socket to a session that is driven by
its public methods: everything the server said comes out typed, and the client says what the recording's said.
"""

from __future__ import annotations

import base64
import contextlib
import json

import pytest

from livesession import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    FunctionDeclaration,
    FunctionResponse,
    GenerativeContentBlob,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveSession,
    Part,
    RealtimeInputConfig,
    ReceiveTimeout,
    Tool,
)
from livesession.emulator import LiveEmulator
from tests.kit.waiting import PATIENCE
from tests.kit.wire_data import REASON, frame_of, wire_data

SESSIONS = wire_data("recorded_sessions.jsonl")
BACK_ENDS = {"developer": "google", "vertex": "vertex"}

pytestmark = pytest.mark.skipif(not SESSIONS, reason=REASON)
every_session = pytest.mark.parametrize("recording", SESSIONS, ids=[each["session"] for each in SESSIONS])


def frames(recording: dict, sender: str) -> list[dict]:
    return [json.loads(frame["text"]) for frame in recording["frames"] if frame["from"] == sender]


# From the recording to what a user of this library would write.


def config_of(setup: dict) -> LiveGenerationConfig:
    detection = setup.get("realtimeInputConfig", {}).get("automaticActivityDetection", {})
    return LiveGenerationConfig(
        response_modalities=setup.get("generationConfig", {}).get("responseModalities"),
        output_audio_transcription=AudioTranscriptionConfig() if "outputAudioTranscription" in setup else None,
        realtime_input_config=RealtimeInputConfig(
            automatic_activity_detection=AutomaticActivityDetection(disabled=detection["disabled"])
        )
        if detection
        else None,
    )


def tools_of(setup: dict) -> list[Tool]:
    return [
        Tool(function_declarations=[FunctionDeclaration(**declaration) for declaration in tool["functionDeclarations"]])
        for tool in setup.get("tools", [])
    ]


def model_of(recording: dict, emulator: LiveEmulator, ssl_context) -> LiveGenerativeModel:
    setup = frames(recording, "client")[0]["setup"]
    return LiveGenerativeModel(
        setup["model"],
        backend=emulator.backend(BACK_ENDS[recording["backend"]], ssl_context=ssl_context),
        generation_config=config_of(setup),
        tools=tools_of(setup),
    )


def blob_of(json_blob: dict) -> GenerativeContentBlob:
    return GenerativeContentBlob(mime_type=json_blob["mimeType"], data=base64.b64decode(json_blob["data"]))


def say(session: LiveSession, frame: dict) -> None:
    """Sends a frame of the recording's client by the method that is there for it."""
    [(kind, body)] = frame.items()
    if kind == "clientContent":
        [turn] = body["turns"]
        session.send([Part.from_text(part["text"]) for part in turn["parts"]], turn_complete=body["turnComplete"])
    elif kind == "toolResponse":
        session.send_function_responses([FunctionResponse(**response) for response in body["functionResponses"]])
    else:
        say_realtime(session, **body)


def say_realtime(session: LiveSession, **body) -> None:
    [(field, value)] = body.items()
    match field:
        case "audio":
            session.send_audio_realtime(blob_of(value))
        case "text":
            session.send_text_realtime(value)
        case "mediaChunks":
            session.send_media_chunks([blob_of(chunk) for chunk in value])
        case "activityStart":
            session.send_activity_start()
        case "activityEnd":
            session.send_activity_end()
        case _:
            raise AssertionError(f"no method is known for {field}")


def modern(frame: dict) -> dict:
    """The frame as this library sends it: a chunk of audio goes out as `audio`, since newer models refuse chunks."""
    match frame:
        case {"realtimeInput": {"mediaChunks": [{"mimeType": str(kind)} as chunk]}} if kind.startswith("audio/"):
            return {"realtimeInput": {"audio": chunk}}
    return frame


# The tests.


@pytest.fixture(params=["plain", "tls"])
def tls(request):
    """The TLS settings of both sides; none for a plain connection."""
    if request.param == "plain":
        return None, None
    return request.getfixturevalue("server_tls"), request.getfixturevalue("client_tls")


@contextlib.contextmanager
def replayed(recording: dict, tls):
    server_tls, client_tls = tls
    with LiveEmulator.replay(recording, ssl_context=server_tls) as emulator:
        model = model_of(recording, emulator, client_tls)
        with model.connect() as session:
            yield emulator, session


@every_session
def test_every_server_frame_comes_out_typed_and_in_order(recording, tls):
    with replayed(recording, tls) as (_, session):
        stream = session.receive(timeout=PATIENCE)
        first, *later = [(frame["from"], json.loads(frame["text"])) for frame in recording["frames"][1:]]
        assert first[1]["setupComplete"].get("sessionId") == session.session_id
        for sender, frame in later:
            if sender == "client":
                say(session, frame)
            else:
                assert frame_of([next(stream)]) == frame
        with pytest.raises(ReceiveTimeout):
            next(session.receive(timeout=0))


@every_session
def test_the_server_hears_what_the_recording_s_client_said(recording, tls):
    expected = frames(recording, "client")
    with replayed(recording, tls) as (emulator, session):
        for frame in expected[1:]:
            say(session, frame)
        emulator.wait_for(lambda _: len(emulator.received) == len(expected), PATIENCE)
        heard = [record.message for record in emulator.received]
    assert heard == [modern(frame) for frame in expected]


def test_all_recordings_are_here():
    assert len(SESSIONS) == 19
    assert {recording["backend"] for recording in SESSIONS} == BACK_ENDS.keys()
