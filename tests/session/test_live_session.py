"""The contract of design section 1: each row of the reference document's `LiveSession`, in Python."""

from __future__ import annotations

import threading
from itertools import islice

import pytest

from livesession import (
    AutomaticActivityDetection,
    FunctionResponse,
    GenerativeContentBlob,
    GoogleAI,
    InvalidRequestError,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveServerContent,
    LiveServerGoingAwayNotice,
    LiveServerToolCall,
    LiveServerToolCallCancellation,
    LiveServerVoiceActivity,
    LiveSession,
    LiveSessionResumed,
    LiveSessionResumptionUpdate,
    Part,
    RealtimeInputConfig,
    ResumptionError,
    SessionClosedError,
    SessionOptions,
    SessionResumptionConfig,
    UnsupportedMessageError,
)
from tests.kit.servers import Peer, script_server
from tests.kit.waiting import PATIENCE, InThread

MANUAL = LiveGenerationConfig(
    realtime_input_config=RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))
)
AUDIO = GenerativeContentBlob(mime_type="audio/pcm;rate=16000", data=b"\1\2")
IMAGE = GenerativeContentBlob(mime_type="image/jpeg", data=b"jpeg")


def said(text: str, **more: object) -> dict:
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}, **more}}


DONE = {"serverContent": {"turnComplete": True}}


def sent_by(action, *, count: int = 1, **model: object) -> list[dict]:
    """The messages that reach the server when `action` is done with a session."""
    messages: list[dict] = []

    def script(peer: Peer) -> None:
        peer.accept()
        messages.extend(peer.read() for _ in range(count))
        peer.wait_for_end()

    with script_server(script) as server, server.model(**model).connect() as session:
        action(session)
    return messages


def idle(peer: Peer) -> None:
    peer.accept()
    peer.wait_for_end()


# LiveGenerativeModel.connect()


def test_connect_returns_after_setup_complete():
    released = threading.Event()

    def script(peer: Peer) -> None:
        peer.read()
        released.wait(PATIENCE)
        peer.send({"setupComplete": {"sessionId": "s-1"}})
        peer.wait_for_end()

    with script_server(script) as server:
        connecting = InThread(server.model().connect)
        connecting.thread.join(0.1)
        assert connecting.thread.is_alive()
        released.set()
        with connecting.result() as session:
            assert session.session_id == "s-1"


def test_a_session_is_a_context_manager_that_closes_it():
    with script_server(idle) as server:
        with server.model().connect() as session:
            assert not session.is_closed
        assert session.is_closed


def test_without_a_back_end_the_environment_says_which(monkeypatch):
    with script_server(idle) as server:
        monkeypatch.setenv("GEMINI_API_KEY", "key")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        with LiveGenerativeModel("test-model").connect() as session:
            assert not session.is_closed


def test_one_model_opens_several_sessions():
    with script_server(idle) as server:
        model = server.model()
        with model.connect() as one, model.connect() as other:
            assert one is not other


# internal constructor, no subclasses


def test_the_constructor_of_a_session_names_connect():
    with pytest.raises(TypeError, match=r"connect\(\)"):
        LiveSession()


def test_a_session_cannot_be_subclassed():
    with pytest.raises(TypeError, match=r"connect\(\)"):
        type("Mine", (LiveSession,), {})


# isClosed, inConversation, close()


@pytest.mark.parametrize("name", ["is_closed", "in_conversation", "close_code", "close_reason", "session_id", "usage"])
def test_properties_are_read_only_and_work_after_close(name):
    with script_server(idle) as server:
        session = server.model().connect()
        session.close()
        getattr(session, name)
        with pytest.raises(AttributeError):
            setattr(session, name, 1)


def test_is_closed_is_true_at_once_when_the_server_has_ended_the_session():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.close(1011, "gone")

    with script_server(script) as server, server.model().connect() as session:
        with pytest.raises(SessionClosedError):
            next(session.receive())
        assert session.is_closed
        assert (session.close_code, session.close_reason) == (1011, "gone")


def test_in_conversation_is_false_without_an_audio_conversation():
    with script_server(idle) as server, server.model().connect() as session:
        assert session.in_conversation is False


METHODS = {
    "receive": lambda session: session.receive(),
    "receive_turn": lambda session: session.receive_turn(),
    "ask": lambda session: session.ask("x"),
    "send": lambda session: session.send("x"),
    "interrupt": lambda session: session.interrupt(),
    "send_media_chunks": lambda session: session.send_media_chunks([AUDIO]),
    "send_media_chunks of none": lambda session: session.send_media_chunks([]),
    "send_media_stream": lambda session: session.send_media_stream(iter([AUDIO])),
    "send_media_stream of none": lambda session: session.send_media_stream(iter([])),
    "send_text_realtime": lambda session: session.send_text_realtime("x"),
    "send_audio_realtime": lambda session: session.send_audio_realtime(AUDIO),
    "send_video_realtime": lambda session: session.send_video_realtime(IMAGE),
    "send_function_responses": lambda session: session.send_function_responses([FunctionResponse(id="1")]),
    "send_activity_start": lambda session: session.send_activity_start(),
    "send_activity_end": lambda session: session.send_activity_end(),
    "resume_session": lambda session: session.resume_session(),
}


@pytest.mark.parametrize("name", METHODS)
def test_after_close_every_method_raises(name):
    with script_server(idle) as server:
        session = server.model(generation_config=MANUAL).connect()
        session.close()
        with pytest.raises(SessionClosedError, match=r"connect\(\)"):
            METHODS[name](session)


def test_after_close_a_media_stream_is_asked_for_nothing():
    chunks = iter([AUDIO])
    with script_server(idle) as server:
        session = server.model().connect()
        session.close()
        with pytest.raises(SessionClosedError):
            session.send_media_stream(chunks)
    assert list(chunks) == [AUDIO]


@pytest.mark.parametrize("name", ["send_activity_start", "send_activity_end"])
def test_after_close_the_way_of_detecting_speech_is_not_what_is_wrong(name):
    with script_server(idle) as server:
        session = server.model().connect()
        session.close()
        with pytest.raises(SessionClosedError):
            METHODS[name](session)


def test_after_close_send_audio_stream_end_raises():
    with script_server(idle) as server:
        session = server.model().connect()
        session.close()
        with pytest.raises(SessionClosedError):
            session.send_audio_stream_end()


def test_close_again_does_nothing():
    with script_server(idle) as server:
        session = server.model().connect()
        session.close()
        session.close()
        assert session.close_code == 1000


def test_close_may_be_called_from_another_thread():
    with script_server(idle) as server:
        session = server.model().connect()
        InThread(session.close).result()
        assert session.is_closed


def test_close_sends_a_close_frame_with_code_1000():
    codes: list[int | None] = []

    def script(peer: Peer) -> None:
        peer.accept()
        peer.wait_for_end()
        codes.append(peer.websocket.close_code)

    with script_server(script) as server:
        server.model().connect().close()
    assert codes == [1000]


# receive()


def test_receive_yields_every_kind_as_it_arrives_across_turns():
    frames = [
        said("one"),
        DONE,
        {"toolCall": {"functionCalls": [{"id": "1", "name": "f"}]}},
        {"toolCallCancellation": {"ids": ["1"]}},
        {"goAway": {"timeLeft": "50s"}},
        {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
        {"voiceActivity": {"type": "ACTIVITY_START"}},
        said("two"),
        DONE,
    ]

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(*frames)
        peer.close()

    with script_server(script) as server, server.model().connect() as session:
        kinds = [type(message) for message in session.receive()]
    assert kinds == [
        LiveServerContent,
        LiveServerContent,
        LiveServerToolCall,
        LiveServerToolCallCancellation,
        LiveServerGoingAwayNotice,
        LiveSessionResumptionUpdate,
        LiveServerVoiceActivity,
        LiveServerContent,
        LiveServerContent,
    ]


def test_a_going_away_notice_gives_the_time_left_in_seconds():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send({"goAway": {"timeLeft": "9.5s"}})
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        [message] = [next(session.receive())]
        assert isinstance(message, LiveServerGoingAwayNotice)
        assert message.time_left == 9.5


def test_receive_raises_on_a_response_that_is_not_supported():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send({"somethingNew": {}})
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        with pytest.raises(UnsupportedMessageError) as caught:
            next(session.receive())
        assert caught.value.frame == {"somethingNew": {}}


# send()


@pytest.mark.parametrize(
    ("request_", "parts"),
    [
        ("hello", [{"text": "hello"}]),
        (Part.from_text("hello"), [{"text": "hello"}]),
        (
            ["a", Part.from_bytes(b"\0", "image/png")],
            [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}],
        ),
    ],
    ids=["str", "part", "sequence"],
)
def test_send_takes_text_a_part_or_a_sequence_of_both(request_, parts):
    [message] = sent_by(lambda session: session.send(request_))
    assert message == {"clientContent": {"turns": [{"role": "user", "parts": parts}], "turnComplete": False}}


def test_send_leaves_the_turn_open_unless_told_otherwise():
    messages = sent_by(lambda session: [session.send("a"), session.send("b", True)], count=2)
    assert [message["clientContent"]["turnComplete"] for message in messages] == [False, True]


@pytest.mark.parametrize("nothing", ["", []], ids=["str", "list"])
def test_an_empty_request_completes_an_open_turn(nothing):
    [message] = sent_by(lambda session: session.send(nothing, turn_complete=True))
    assert message == {"clientContent": {"turnComplete": True}}


@pytest.mark.parametrize("nothing", ["", []], ids=["str", "list"])
def test_an_empty_request_that_completes_nothing_is_refused(nothing):
    with script_server(idle) as server, server.model().connect() as session:
        with pytest.raises(InvalidRequestError, match="turn_complete=True"):
            session.send(nothing)


def test_function_response_parts_are_refused_by_send():
    part = Part(function_response=FunctionResponse(name="f", response={}))
    with script_server(idle) as server, server.model().connect() as session:
        with pytest.raises(InvalidRequestError, match="send_function_responses"):
            session.send([part], turn_complete=True)


def test_receive_warns_once_when_it_waits_for_an_open_turn(caplog):
    with script_server(idle) as server, server.model().connect() as session:
        session.send("no answer to this")
        for _ in range(2):
            with pytest.raises(TimeoutError):
                next(session.receive(timeout=0.05))
    assert [record.message for record in caplog.records if "turn_complete=True" in record.message] != []
    assert len([record for record in caplog.records if "turn_complete=True" in record.message]) == 1


# media


def test_media_chunks_go_out_one_a_message_in_the_field_of_their_type():
    other = GenerativeContentBlob(mime_type="application/x-thing", data=b"x")
    movie = GenerativeContentBlob(mime_type="video/mp4", data=b"v")
    messages = sent_by(lambda session: session.send_media_chunks([AUDIO, IMAGE, movie, other]), count=4)
    assert [list(message["realtimeInput"]) for message in messages] == [
        ["audio"],
        ["video"],
        ["video"],
        ["mediaChunks"],
    ]


def test_a_media_stream_is_consumed_lazily():
    produced: list[int] = []
    consumed = threading.Semaphore(0)

    def stream():
        for number in range(3):
            produced.append(number)
            yield AUDIO
            assert consumed.acquire(timeout=PATIENCE), "the server did not get the chunk before the next was asked for"

    def script(peer: Peer) -> None:
        peer.accept()
        for _ in range(3):
            assert "audio" in peer.read()["realtimeInput"]
            consumed.release()
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        session.send_media_stream(stream())
    assert produced == [0, 1, 2]


def test_an_error_of_the_media_stream_is_the_cause_of_the_one_raised():
    def stream():
        yield AUDIO
        raise OSError("the microphone is gone")

    with script_server(idle) as server, server.model().connect() as session:
        with pytest.raises(InvalidRequestError, match="microphone is gone") as caught:
            session.send_media_stream(stream())
        assert isinstance(caught.value.__cause__, OSError)
        assert not session.is_closed


def test_the_data_of_a_blob_is_bytes_and_goes_out_as_base64():
    [message] = sent_by(lambda session: session.send_audio_realtime(AUDIO))
    assert message == {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "AQI="}}}


# newer members


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (lambda s: s.send_text_realtime("hi"), {"realtimeInput": {"text": "hi"}}),
        (
            lambda s: s.send_audio_realtime(b"\1\2"),
            {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "AQI="}}},
        ),
        (
            lambda s: s.send_video_realtime(IMAGE),
            {"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "anBlZw=="}}},
        ),
        (lambda s: s.send_audio_stream_end(), {"realtimeInput": {"audioStreamEnd": True}}),
        (lambda s: s.interrupt(), {"clientContent": {"turnComplete": False}}),
        (
            lambda s: s.send_function_responses([FunctionResponse(id="1", name="f", response={"output": 0})]),
            {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {"output": 0}}]}},
        ),
    ],
    ids=["text", "audio", "video", "audio stream end", "interrupt", "function responses"],
)
def test_newer_send_methods_write_their_message(action, expected):
    assert sent_by(action) == [expected]


def test_activity_messages_go_out_when_automatic_detection_is_off():
    messages = sent_by(lambda s: [s.send_activity_start(), s.send_activity_end()], count=2, generation_config=MANUAL)
    assert messages == [{"realtimeInput": {"activityStart": {}}}, {"realtimeInput": {"activityEnd": {}}}]


# resume_session()


def test_resume_session_closes_the_old_connection_and_sends_the_newest_handle():
    setups: list[dict] = []
    first_ended = threading.Event()

    def script(peer: Peer) -> None:
        if setups:
            assert first_ended.wait(PATIENCE), "the old connection was still open"
        setups.append(peer.accept())
        if len(setups) == 1:
            peer.send({"sessionResumptionUpdate": {"newHandle": "h-1", "resumable": True}})
            peer.wait_for_end()
            first_ended.set()
        else:
            peer.send(said("again"))
            peer.wait_for_end()

    with script_server(script) as server:
        with server.model().connect(session_resumption=SessionResumptionConfig()) as session:
            stream = session.receive()
            next(stream)
            session.resume_session()
            assert isinstance(next(stream), LiveSessionResumed)
            assert next(stream).text == "again"
    assert [setup["sessionResumption"] for setup in setups] == [{}, {"handle": "h-1"}]
    assert setups[0]["model"] == setups[1]["model"]


def test_a_session_made_without_resumption_says_so():
    with script_server(idle) as server, server.model().connect() as session:
        with pytest.raises(ResumptionError, match="SessionResumptionConfig"):
            session.resume_session()


def test_a_session_that_the_server_ended_can_be_resumed():
    calls = threading.Semaphore(1)

    def script(peer: Peer) -> None:
        peer.accept()
        if calls.acquire(blocking=False):
            peer.send({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}})
            peer.close(1011, "Internal error encountered.")
        else:
            peer.send(said("back"))
            peer.wait_for_end()

    with script_server(script) as server:
        model = server.model(options=SessionOptions(resumption=None))
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            with pytest.raises(SessionClosedError):
                list(session.receive())
            session.resume_session()
            assert not session.is_closed
            assert [message.text for message in islice(session.receive(), 2)] == ["", "back"]


def test_a_resumption_that_is_refused_raises_with_the_reason_as_its_cause():
    calls = threading.Semaphore(1)

    def script(peer: Peer) -> None:
        if calls.acquire(blocking=False):
            peer.accept()
            peer.send({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}})
            peer.wait_for_end()
        else:
            peer.close(1008, "BidiGenerateContent session not found")

    with script_server(script) as server:
        with server.model().connect(session_resumption=SessionResumptionConfig()) as session:
            next(session.receive())
            with pytest.raises(ResumptionError, match="session not found"):
                session.resume_session()
            assert session.is_closed


def test_the_handle_is_kept_even_if_nobody_receives():
    known = threading.Event()

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}}, {"sessionResumptionUpdate": {}})
        peer.send(said("later"))
        known.set()
        peer.wait_for_end()

    with script_server(script) as server:
        with server.model().connect(session_resumption=SessionResumptionConfig()) as session:
            assert known.wait(PATIENCE)
            session.close()
            assert session.resumption_handle == "h"


def test_connect_goes_on_from_a_handle_of_another_process():
    setups: list[dict] = []

    def script(peer: Peer) -> None:
        setups.append(peer.accept())
        peer.wait_for_end()

    with script_server(script) as server:
        server.model().connect(session_resumption=SessionResumptionConfig(handle="from-elsewhere")).close()
    assert setups[0]["sessionResumption"] == {"handle": "from-elsewhere"}


# beyond the reference


def test_ask_returns_the_answer_put_together():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        audio = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AQID"}}
        peer.send(
            {"serverContent": {"modelTurn": {"parts": [{"text": "hm", "thought": True}]}}},
            {"serverContent": {"modelTurn": {"parts": [{"text": "Hel"}, audio, audio]}}},
            {"serverContent": {"modelTurn": {"parts": [{"text": "lo"}]}, "outputTranscription": {"text": "Hello"}}},
            {"serverContent": {"inputTranscription": {"text": "Hi"}}},
            {"serverContent": {"turnComplete": True}, "usageMetadata": {"totalTokenCount": 7}},
        )
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        turn = session.ask("Hi")
    assert (turn.text, turn.thoughts, turn.audio) == ("Hello", "hm", b"\1\2\3\1\2\3")
    assert (turn.input_transcript, turn.output_transcript) == ("Hi", "Hello")
    assert turn.usage is not None
    assert turn.usage.total_token_count == 7
    assert turn.complete


def test_the_text_of_an_audio_turn_is_its_transcript():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(*({"serverContent": {"outputTranscription": {"text": text}}} for text in ("Good", " day")), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        assert session.ask("Hi").text == "Good day"


def test_receive_turn_ends_with_the_turn_and_the_session_goes_on():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(said("one"), DONE, said("two"), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        assert "".join(message.text for message in session.receive_turn()) == "one"
        assert "".join(message.text for message in session.receive_turn()) == "two"


def test_ask_stops_at_a_function_call_that_somebody_must_answer():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send({"toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": {"x": 1}}]}})
        answer = peer.read()["toolResponse"]["functionResponses"][0]
        peer.send(said(f"It is {answer['response']['output']}."), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        turn = session.ask("What is f of 1?")
        assert not turn.complete
        [call] = turn.function_calls
        session.send_function_responses([FunctionResponse(id=call.id, name=call.name, response={"output": 2})])
        rest = session.receive_turn()
        assert [message.text for message in rest] == ["It is 2.", ""]
        assert rest.turn.complete


def test_usage_adds_up_the_turns_with_the_last_count_of_each():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(
            {"usageMetadata": {"totalTokenCount": 3}},
            {
                **DONE,
                "usageMetadata": {
                    "totalTokenCount": 5,
                    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}],
                },
            },
            {
                **DONE,
                "usageMetadata": {
                    "totalTokenCount": 7,
                    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}],
                },
            },
        )
        peer.close()

    with script_server(script) as server, server.model().connect() as session:
        list(session.receive())
        assert session.usage.total_token_count == 12
        assert [detail.token_count for detail in session.usage.response_tokens_details] == [6]


def test_a_back_end_is_asked_for_the_name_of_the_model():
    setups: list[dict] = []

    def script(peer: Peer) -> None:
        setups.append(peer.accept())
        peer.wait_for_end()

    with script_server(script) as server:
        backend = GoogleAI(api_key="k", base_url=server.url, proxy=False)
        LiveGenerativeModel("some-model", backend=backend, system_instruction="Be brief.").connect().close()
    assert setups == [{"model": "models/some-model", "systemInstruction": {"parts": [{"text": "Be brief."}]}}]
