"""The same send gives the same message as google-genai's, over a real socket, for both back ends."""

from __future__ import annotations

import pytest

pytest.importorskip("google.genai")

from google.genai import types

from livesession import (
    AutomaticActivityDetection,
    FileData,
    FunctionResponse,
    FunctionResponsePart,
    FunctionResponseScheduling,
    GenerativeContentBlob,
    LiveGenerationConfig,
    Part,
    RealtimeInputConfig,
    VideoMetadata,
)
from tests.kit.parity import BOTH, DEVELOPER, VERTEX, on_each_back_end, recording_server

# asyncio of Python 3.10 warns of TLS transports that the peer closed first.
pytestmark = pytest.mark.filterwarnings("ignore:.*_SSLProtocolTransport:pytest.PytestUnraisableExceptionWarning")

BYTES = b"\xfb\xff\xfe\x00"  # base64 of these differs between the alphabets
# google-genai drops nulls out of the user's own objects; the codec's own tests show that livesession keeps them.
USER_DATA = {"snake_key": {"camelKey": [1, {"x_y": False}], "": ""}, "turnComplete": "Łódź 🔑", "number": 1.5}


@pytest.fixture(scope="module")
def parity(server_tls, client_tls):
    with recording_server(server_tls, client_tls) as both:
        yield both


# google-genai's methods are coroutine functions: each of these gives what to do with a session.


def turn(*parts, complete=True):
    content = {"role": "user", "parts": list(parts)}
    return lambda session: session.send_client_content(turns=content, turn_complete=complete)


def no_turn(*, complete):
    return lambda session: session.send_client_content(turn_complete=complete)


def realtime(**field):
    return lambda session: session.send_realtime_input(**field)


def answers(*responses):
    return lambda session: session.send_tool_response(function_responses=list(responses))


def send(*request, complete=True):
    return lambda session: session.send(request, turn_complete=complete)


def respond(*responses):
    return lambda session: session.send_function_responses(responses)


def blob(mime_type):
    return GenerativeContentBlob(mime_type=mime_type, data=BYTES)


def their_blob(mime_type):
    return types.Blob(mime_type=mime_type, data=BYTES)


ANSWER = {"id": "1", "name": "f", "response": {"output": 1}}

# Name: google-genai's send, livesession's, and the back ends that google-genai allows it on.
CASES = {
    "text": (turn({"text": "hello"}), lambda session: session.send("hello", turn_complete=True), BOTH),
    "text of every plane": (turn({"text": 'Łódź 🔑\u2028"\\'}), send('Łódź 🔑\u2028"\\'), BOTH),
    "open turn": (turn({"text": "hello"}, complete=False), lambda session: session.send("hello"), BOTH),
    "several texts": (turn({"text": "a"}, {"text": "b"}), send("a", Part(text="b")), BOTH),
    "completion of an open turn": (no_turn(complete=True), lambda session: session.send("", turn_complete=True), BOTH),
    "interruption": (no_turn(complete=False), lambda session: session.interrupt(), BOTH),
    "image": (
        turn({"inline_data": {"mime_type": "image/png", "data": BYTES}}),
        send(Part.from_bytes(BYTES, "image/png")),
        BOTH,
    ),
    "file": (
        turn({"file_data": {"file_uri": "gs://b/c", "mime_type": "image/jpeg"}}),
        send(Part.from_uri("gs://b/c", "image/jpeg")),
        BOTH,
    ),
    "text and image": (
        turn({"text": "what?"}, {"inline_data": {"mime_type": "image/png", "data": BYTES}}),
        send("what?", Part.from_bytes(BYTES, "image/png")),
        BOTH,
    ),
    "stretch of a video": (
        turn({"file_data": {"file_uri": "gs://b/c"}, "video_metadata": {"start_offset": "1.5s", "fps": 2.0}}),
        send(Part(file_data=FileData(file_uri="gs://b/c"), video_metadata=VideoMetadata(start_offset=1.5, fps=2.0))),
        BOTH,
    ),
    "thought with its signature": (
        turn({"text": "hm", "thought": True, "thought_signature": BYTES}),
        send(Part(text="hm", thought=True, thought_signature=BYTES)),
        BOTH,
    ),
    "realtime audio": (
        realtime(audio=their_blob("audio/pcm;rate=16000")), lambda session: session.send_audio_realtime(BYTES), BOTH
    ),
    "realtime audio of another rate": (
        realtime(audio=their_blob("audio/pcm;rate=24000")),
        lambda session: session.send_audio_realtime(blob("audio/pcm;rate=24000")),
        BOTH,
    ),
    "realtime video": (
        realtime(video=their_blob("image/jpeg")), lambda session: session.send_video_realtime(blob("image/jpeg")), BOTH
    ),
    "realtime text": (realtime(text="hello"), lambda session: session.send_text_realtime("hello"), BOTH),
    "end of the audio stream": (
        realtime(audio_stream_end=True), lambda session: session.send_audio_stream_end(), BOTH
    ),
    # Audio and images leave send_media_chunks() in fields of their own, since newer models refuse mediaChunks.
    "chunk of another kind": (
        realtime(media=their_blob("application/pdf")),
        lambda session: session.send_media_chunks([blob("application/pdf")]),
        BOTH,
    ),
    "chunk of audio, the newer way": (
        realtime(audio=their_blob("audio/pcm")), lambda session: session.send_media_chunks([blob("audio/pcm")]), BOTH
    ),
    "answer": (answers(ANSWER), respond(FunctionResponse(**ANSWER)), BOTH),
    "answer with keys of every kind": (
        answers({**ANSWER, "response": USER_DATA}), respond(FunctionResponse(**{**ANSWER, "response": USER_DATA})), BOTH
    ),
    "empty answer": (
        answers({**ANSWER, "response": {}}), respond(FunctionResponse(id="1", name="f", response={})), BOTH
    ),
    "two answers": (
        answers(ANSWER, {**ANSWER, "id": "2"}),
        respond(FunctionResponse(**ANSWER), FunctionResponse(**{**ANSWER, "id": "2"})),
        BOTH,
    ),
    "answer without an id": (
        answers({"name": "f", "response": {}}), respond(FunctionResponse(name="f", response={})), (VERTEX,)
    ),
    "silent answer": (
        answers({**ANSWER, "scheduling": "SILENT"}),
        respond(FunctionResponse(**ANSWER, scheduling=FunctionResponseScheduling.SILENT)),
        BOTH,
    ),
    "answer that interrupts, and goes on": (
        answers({**ANSWER, "scheduling": "INTERRUPT", "will_continue": True}),
        respond(FunctionResponse(**ANSWER, scheduling="INTERRUPT", will_continue=True)),
        (DEVELOPER,),
    ),
    "last of several answers": (
        answers({**ANSWER, "will_continue": False}),
        respond(FunctionResponse(**ANSWER, will_continue=False)),
        (DEVELOPER,),
    ),
    "answer with an image": (
        answers({**ANSWER, "parts": [{"inline_data": {"mime_type": "image/png", "data": BYTES, "display_name": "x"}}]}),
        respond(FunctionResponse(**ANSWER, parts=[FunctionResponsePart(
            inline_data=GenerativeContentBlob(mime_type="image/png", data=BYTES, display_name="x"))])),
        BOTH,
    ),
    "answer with a file": (
        answers({**ANSWER, "parts": [{"file_data": {"file_uri": "gs://b/c", "mime_type": "image/png"}}]}),
        respond(FunctionResponse(**ANSWER, parts=[FunctionResponsePart(
            file_data=FileData(file_uri="gs://b/c", mime_type="image/png"))])),
        BOTH,
    ),
}  # fmt: skip


@on_each_back_end(CASES)
def test_the_message_equals_google_genai_s(parity, theirs, ours, back_end):
    mine = parity.ours(back_end, "m", {}, ours)
    assert mine == parity.theirs(back_end, "m", {}, theirs)
    assert len(mine) == 2  # the setup, and the one that was sent


ACTIVITY = {
    "start of activity": (realtime(activity_start={}), lambda session: session.send_activity_start(), BOTH),
    "end of activity": (realtime(activity_end={}), lambda session: session.send_activity_end(), BOTH),
}


@on_each_back_end(ACTIVITY)
def test_activity_equals_google_genai_s(parity, theirs, ours, back_end):
    their_config = {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}
    manual = RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))
    mine = parity.ours(back_end, "m", {"generation_config": LiveGenerationConfig(realtime_input_config=manual)}, ours)
    assert mine == parity.theirs(back_end, "m", their_config, theirs)
    assert len(mine) == 2
