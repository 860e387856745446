"""What people get wrong first, and the message that they see."""

from __future__ import annotations

from pathlib import Path

import pytest

from livesession import (
    AudioTranscriptionConfig,
    ConfigurationError,
    Content,
    ContextWindowCompressionConfig,
    FirebaseAI,
    FunctionResponse,
    GenerativeContentBlob,
    GoogleAI,
    InvalidRequestError,
    LiveGenerationConfig,
    LiveGenerativeModel,
    Part,
    RealtimeInputConfig,
    ReceiveTimeout,
    SessionOptions,
    SpeechConfig,
    VoiceConfig,
    receive_any,
)
from livesession.audio import write_wav
from livesession.emulator import LiveEmulator, ToolCall
from tests.kit.servers import Peer, script_server

KEY = GoogleAI(api_key="k")


def idle(peer: Peer) -> None:
    peer.accept()
    peer.wait_for_end()


WRONG = {
    "transcription as a truth value": (
        lambda: LiveGenerationConfig(output_audio_transcription=True),
        r"output_audio_transcription is an AudioTranscriptionConfig\(...\), not True",
    ),
    "a voice as the speech config": (
        lambda: LiveGenerationConfig(speech_config="Puck"),
        "speech_config is a SpeechConfig",
    ),
    "a voice as the voice config": (lambda: SpeechConfig(voice_config="Puck"), "voice_config is a VoiceConfig"),
    "a voice as the prebuilt voice": (
        lambda: VoiceConfig(prebuilt_voice_config="Puck"),
        "prebuilt_voice_config is a PrebuiltVoiceConfig",
    ),
    "a truth value as the detection of speech": (
        lambda: RealtimeInputConfig(automatic_activity_detection=False),
        "automatic_activity_detection is an AutomaticActivityDetection",
    ),
    "a number as the sliding window": (
        lambda: ContextWindowCompressionConfig(sliding_window=1000),
        "sliding_window is a SlidingWindow",
    ),
    "a dict as the config": (
        lambda: LiveGenerativeModel("m", backend=KEY, generation_config={}),
        "LiveGenerationConfig",
    ),
    "a name as the back end": (lambda: LiveGenerativeModel("m", backend="emulator"), "GoogleAI"),
    "a class as the back end": (lambda: LiveGenerativeModel("m", backend=GoogleAI), "GoogleAI"),
    "a dict as the system instruction": (
        lambda: LiveGenerativeModel("m", backend=KEY, system_instruction={"parts": [{"text": "x"}]}),
        "text and Parts, not dict",
    ),
    "a number in a content": (lambda: Content(parts=[5]), "not int"),
    "bytes as the key": (lambda: GoogleAI(api_key=b"k"), "not bytes"),
    "True as resumption": (
        lambda: LiveGenerativeModel("m", backend=KEY).connect(session_resumption=True),
        r"SessionResumptionConfig\(\).*not bool",
    ),
    "True as the policy": (lambda: SessionOptions(resumption=True), r"ResumptionPolicy.*not bool.*connect\("),
    "a handle as the policy": (lambda: SessionOptions(resumption="h"), r"ResumptionPolicy.*not str;"),
    "a handle alone": (
        lambda: LiveGenerativeModel("m", backend=KEY).connect(session_resumption="h"),
        r"SessionResumptionConfig\(handle=\.\.\.\).*not str\.$",
    ),
    "a number as a key": (lambda: GoogleAI(api_key=0), "key or token is a str.*not int"),
    "a string as a tool": (lambda: LiveGenerativeModel("m", backend=KEY, tools=["search"]), "not str"),
    "base64 as the bytes of a blob": (
        lambda: GenerativeContentBlob(mime_type="image/png", data="iVBORw0KGgo="),
        r"bytes themselves.*b64decode",
    ),
    "bytes in the place of a blob": (lambda: Part(inline_data=b"..."), r"not bytes.*Part\.from_bytes"),
    "a number as the text of a part": (lambda: Part(text=5), "text is a str, not int"),
    "a dict as a tool": (
        lambda: LiveGenerativeModel("m", backend=KEY, tools=[{"google_search": {}}]),
        r"not dict.*Tool\(google_search=",
    ),
    "a string as a responder": (lambda: LiveEmulator("hi"), "UserTurn"),
    "path and samples in the wrong order": (lambda: write_wav(b"..", "x.wav"), "pcm is bytes, not str"),
}


@pytest.mark.parametrize(("mistake", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_type_is_named_where_it_is_given(mistake, words):
    with pytest.raises(TypeError, match=words):
        mistake()


REFUSED = {
    "no name of a model": (lambda: LiveGenerativeModel("", backend=KEY), "not the name of a model"),
    "an empty key": (lambda: GoogleAI(api_key=""), "no API key"),
    "a time limit of nothing": (lambda: SessionOptions(connect_timeout=0), "connect_timeout must be"),
    "a time limit in words": (lambda: receive_any([], timeout="1"), "a number of seconds, 0 or more, not '1'"),
    "an unknown flavour": (
        lambda: FirebaseAI(api_key="k", project="p", flavour="agent"),
        "flavour must be 'google' or 'vertex', not 'agent'",
    ),
    "an unknown choice": (lambda: SessionOptions(on_full="drop"), "'pause' or 'error'"),
}


@pytest.mark.parametrize(("mistake", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_is_a_configuration_error(mistake, words):
    with pytest.raises(ConfigurationError, match=words):
        mistake()


REQUESTS = {
    "a dict": ({"role": "user", "parts": [{"text": "hi"}]}, "not dict"),
    "bytes": (b"hi", "not bytes"),
    "nothing": (None, "not NoneType"),
    "a content": (Content(parts="hi"), "not livesession.messages.content.Content"),
}


@pytest.mark.parametrize(("request_", "words"), REQUESTS.values(), ids=REQUESTS.keys())
def test_a_request_of_a_wrong_type_is_refused_by_name(request_, words):
    with script_server(idle) as server, server.model().connect() as session:
        with pytest.raises(TypeError, match=words):
            session.ask(request_)


def test_a_wav_file_that_is_passed_off_as_pcm_is_refused():
    with script_server(idle) as server, server.model().connect() as session:
        with pytest.raises(InvalidRequestError, match="WavFile"):
            session.send_audio_realtime(b"RIFF\x24\x08\0\0WAVEfmt ")


def test_one_piece_passed_off_as_a_stream_is_refused():
    with script_server(idle) as server, server.model().connect() as session:
        for method in (session.send_media_stream, session.send_media_chunks):
            with pytest.raises(TypeError, match="send_audio_realtime"):
                method(b"\0\0")


@pytest.mark.parametrize("stream", ["question.wav", Path("question.wav"), 5], ids=["str", "path", "number"])
def test_what_is_no_stream_is_refused_with_the_way_to_send_a_wav_file(stream):
    with script_server(idle) as server, server.model().connect() as session:
        with pytest.raises(TypeError, match=r"WavFile\(path\)\.stream\(\)"):
            session.send_media_stream(stream)


def test_the_bytes_of_an_image_passed_off_as_a_blob_are_refused_with_the_way_to_send_them():
    with script_server(idle) as server, server.model().connect() as session:
        with pytest.raises(TypeError, match=r"image/jpeg.*send_video_stream\(\[image\]\)"):
            session.send_video_realtime(b"\xff\xd8\xff")


def test_a_model_may_be_made_where_there_is_no_key_and_says_so_when_it_connects(monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    model = LiveGenerativeModel("m")
    with pytest.raises(ConfigurationError, match=r"no API key.*livesession emulator"):
        model.connect()


def test_a_model_follows_the_environment_as_it_is_when_it_connects(monkeypatch):
    model = LiveGenerativeModel("m")
    for _ in range(2):
        with LiveEmulator() as emulator:
            for name, value in emulator.environment.items():
                monkeypatch.setenv(name, value)
            model.connect().close()
            assert len(emulator.handshakes) == 1


def test_a_turn_that_was_left_open_is_named_when_its_answer_does_not_come():
    with script_server(idle) as server, server.model().connect() as session:
        session.send("hello?")
        with pytest.raises(ReceiveTimeout, match="turn_complete=True"):
            list(session.receive_turn(timeout=0.05))


def test_a_turn_that_was_never_begun_is_named():
    with script_server(idle) as server, server.model().connect() as session:
        session.send_audio_realtime(b"\0\0")
        with pytest.raises(ReceiveTimeout, match="send_audio_stream_end"):
            list(session.receive_turn(timeout=0.05))


def test_an_unknown_kind_of_back_end_is_told_the_known_ones():
    with LiveEmulator() as emulator:
        with pytest.raises(ValueError, match="firebase-vertex"):
            emulator.backend("gogle")


def test_a_responder_that_returns_a_call_is_answered_like_one_that_yields_it():
    with LiveEmulator(lambda turn: ToolCall("f")) as emulator:
        config = LiveGenerationConfig(output_audio_transcription=AudioTranscriptionConfig())
        model = LiveGenerativeModel(
            "gemini-live-2.5-flash", backend=emulator.backend("vertex"), generation_config=config
        )
        with model.connect() as session:
            [call] = session.ask("do it").function_calls
            session.send_function_responses([answer_to(call)])
            stream = session.receive_turn()
            list(stream)
            assert stream.turn.complete


def answer_to(call) -> FunctionResponse:
    return FunctionResponse(id=call.id, name=call.name, response={"output": 1})


def test_what_people_print_says_what_it_is():
    with LiveEmulator() as emulator:
        assert repr(emulator) == f"<LiveEmulator {emulator.url}>"
    with script_server(idle) as server, server.model().connect() as session:
        assert repr(session) == "<LiveSession open, model 'models/test-model'>"
        assert repr(session.receive()) == "<MessageStream, open>"
        assert repr(session.receive_turn()) == "<TurnStream, open>"
        assert repr(session.receive_turn().turn) == "Turn()"
    assert repr(GoogleAI(api_key="k", proxy=False)) == "GoogleAI(proxy=False, api_key=<secret>)"
