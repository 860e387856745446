"""The short cuts of the codec give what the general path gives, whatever comes, with either base64 implementation."""

from __future__ import annotations

import base64
import json
import random
import sys
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livesession import (
    ActivityEnd,
    ActivityStart,
    Content,
    GenerativeContentBlob,
    InvalidRequestError,
    LiveClientRealtimeInput,
    LiveServerContent,
    LiveServerMessage,
    Part,
    Transcription,
)
from livesession.codec import base64_speedups as speedups
from livesession.codec import decode, encode
from livesession.codec.decoder import read
from livesession.codec.encoder import PIECE, encode_medium, write
from livesession.codec.templates import KEPT, LONGEST, Templates, ways_to_make
from livesession.messages.fast_evolve import fast_evolver
from livesession.session.requests import audio_input, media_input, video_input
from tests.kit.wire_data import REASON, wire_data

always_the_same = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

HOLE = "@hole@"
"""Stands in a frame where the base64 goes."""


@pytest.fixture(params=[speedups.with_binascii, speedups.with_pybase64], ids=["binascii", "pybase64"], autouse=True)
def implementation(request, monkeypatch):
    """Runs every test with both implementations."""
    if request.param is speedups.with_pybase64:
        pytest.importorskip("pybase64")
    monkeypatch.setattr(speedups, "with_pybase64", request.param)
    speedups.base64_in_use.cache_clear()
    yield request.param()
    speedups.base64_in_use.cache_clear()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def described(items: list) -> list:
    """All that can be told of decoded messages, types included; errors are not equal to each other."""
    return [item if isinstance(item, LiveServerMessage) else (str(item), item.data) for item in items] + [
        f"{type(item).__qualname__}{item!r}" for item in items
    ]


def applied(frames: list[bytes]) -> list[LiveServerContent]:
    """What the templates made of some frames; each is compared with what the general path makes of it."""
    templates, found = Templates(read), []
    for frame in frames:
        message = templates.apply(frame)
        if message is not None:
            assert described([message]) == described(read(frame))
            found.append(message)
    return found


def audio_frame(text: str = HOLE, **more: object) -> dict:
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": text}}
    return {"serverContent": {"modelTurn": {"parts": [part]}}, **more}


def filled(frame: str, texts: list[str]) -> list[bytes]:
    return [frame.replace(HOLE, text).encode("utf-8", "surrogatepass") for text in texts]


# Receiving: what is quick.

TEXT = st.text(max_size=20)
SPACING = st.sampled_from(
    [{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"separators": (" ,\r\n", " : ")}]
)
BASE64 = st.binary(max_size=60).map(encoded)
PLAIN_FRAMES = st.builds(
    lambda mime, part, turn, content, frame: {
        **frame,
        "serverContent": {
            **content,
            "modelTurn": {**turn, "parts": [{**part, "inlineData": {**mime, "data": HOLE}}]},
        },
    },
    st.fixed_dictionaries({}, optional={"mimeType": TEXT, "displayName": TEXT}),
    st.fixed_dictionaries({}, optional={"thought": st.booleans(), "thoughtSignature": BASE64, "text": TEXT}),
    st.fixed_dictionaries({}, optional={"role": TEXT}),
    st.fixed_dictionaries({}, optional={"turnComplete": st.booleans(), "turnCompleteReason": TEXT, "unknown": TEXT}),
    st.fixed_dictionaries({}, optional={"usageMetadata": st.fixed_dictionaries({"totalTokenCount": st.integers()})}),
)


@always_the_same
@given(PLAIN_FRAMES, SPACING, st.booleans(), st.lists(st.binary(max_size=60), min_size=3, max_size=5))
def test_audio_is_quick_from_the_second_frame_on_whatever_stands_beside_it(frame, spacing, ascii_only, pieces):
    text = json.dumps(frame, ensure_ascii=ascii_only, **spacing)
    messages = applied(filled(text, [encoded(piece) for piece in pieces]))
    assert [message.model_turn.parts[0].inline_data.data for message in messages] == pieces[1:]


ANY_CHARACTER = st.characters(exclude_categories=["Cs"])
AWKWARD_CHARACTERS = 'one\\"\n\0\x1f\x7f\u2028é😀 '
WORDS = st.text(ANY_CHARACTER, max_size=20) | st.text(AWKWARD_CHARACTERS, max_size=9)
TRANSCRIPTS = ["inputTranscription", "outputTranscription", "interimInputTranscription"]
FRAMES_OF_WORDS = st.builds(
    lambda where, beside, content, frame: {
        **frame,
        "serverContent": {
            **content,
            **(
                {where: {**beside, "text": HOLE}}
                if where in TRANSCRIPTS
                else {"modelTurn": {"parts": [{"text": HOLE, "thought": bool(beside)}]}}
            ),
        },
    },
    st.sampled_from([*TRANSCRIPTS, "modelTurn"]),
    st.fixed_dictionaries({}, optional={"finished": st.booleans(), "languageCode": TEXT, "speakerLabel": TEXT}),
    st.fixed_dictionaries({}, optional={"turnComplete": st.booleans(), "unknown": TEXT}),
    st.fixed_dictionaries({}, optional={"usageMetadata": st.fixed_dictionaries({"totalTokenCount": st.integers()})}),
)


@always_the_same
@given(FRAMES_OF_WORDS, SPACING, st.lists(WORDS, min_size=3, max_size=6), st.booleans())
def test_words_are_read_the_same_and_quickly_where_they_need_no_escape(frame, spacing, texts, ascii_only):
    quoted = [json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in texts]
    messages = applied(filled(json.dumps(frame, **spacing), ["one", "two", *quoted]))
    assert len(messages) == 1 + sum("\\" not in text for text in quoted)


def test_what_stands_behind_a_text_is_not_read_as_part_of_it():
    plain = json.dumps({"serverContent": {"outputTranscription": {"text": HOLE}}})
    with_language = json.dumps({"serverContent": {"outputTranscription": {"text": HOLE, "languageCode": "en"}}})
    frames = [*filled(plain, ["one", "two"]), *filled(with_language, ["three", "four"]), *filled(plain, ["five"])]
    assert [message.transcript for message in applied(frames)] == ["two", "four", "five"]


MEMBERS = st.permutations(["text", "languageCode", "speakerLabel", "finished"]).flatmap(
    lambda names: st.integers(1, 4).map(lambda count: names[:count])
)


@always_the_same
@given(st.lists(st.tuples(MEMBERS, st.sampled_from(["one", "two", "", 'a"b', HOLE])), min_size=4, max_size=12))
def test_frames_that_begin_and_end_alike_are_read_each_for_itself(frames):
    transcriptions = [dict.fromkeys(members, text) for members, text in frames]
    applied([json.dumps({"serverContent": {"outputTranscription": each}}).encode() for each in transcriptions * 2])


@pytest.mark.parametrize("text", ["\n", "a\x00", "\x1f", "\udcc3"], ids=ascii)
def test_what_json_must_not_hold_is_no_text(text):
    frame = json.dumps({"serverContent": {"outputTranscription": {"text": HOLE}}})
    assert len(applied(filled(frame, ["one", "two", text, "é"]))) == 2


@pytest.mark.parametrize("spacing", [{}, {"indent": 2}, {"separators": (",", ":")}])
def test_decode_takes_the_short_cut(spacing, monkeypatch):
    frame = json.dumps(audio_frame(role=f"nothing like it came before {spacing}"), **spacing)
    pieces = [bytes([number]) * 1920 for number in range(5)]
    frames = filled(frame, [encoded(piece) for piece in pieces])
    messages = [decode(each) for each in frames[:2]]
    monkeypatch.setattr(json, "loads", None)
    messages += [decode(each) for each in frames[2:]]
    monkeypatch.undo()
    assert [message.audio for [message] in messages] == pieces
    assert [described(each) for each in messages] == [described(read(each)) for each in frames]


def test_messages_of_one_template_are_independent_and_frozen():
    first, second = applied(filled(json.dumps(audio_frame()), ["QUJD", "QUJD", "REVG"]))
    assert (first.audio, second.audio) == (b"ABC", b"DEF")
    assert first.audio is first.model_turn.parts[0].inline_data.data
    assert hash(first) != hash(second)
    with pytest.raises(AttributeError):
        second.model_turn.parts[0].inline_data.data = b""


def test_recorded_traffic_is_read_the_same_with_and_without_short_cuts():
    sessions = wire_data("recorded_sessions.jsonl")
    if not sessions:
        pytest.skip(REASON)
    for session in sessions:
        frames = [frame["text"].encode() for frame in session["frames"] if frame["from"] == "server"]
        audible = [frame for frame in frames if any(getattr(item, "audio", b"") for item in read(frame))]
        assert len(applied(frames * 3)) >= len(audible)


# Receiving: what is not.

NAMES = [
    *["data", "inlineData", "inline_data", "mimeType", "parts", "modelTurn", "serverContent", "thoughtSignature", "x"],
    *["partMetadata", "functionCall", "args", "text", "displayName", "usageMetadata", "toolCall", '"data"'],
]
LEAVES = st.sampled_from([HOLE, HOLE, f'"data":"{HOLE}"', "QUJD", "AAAA", '"data"', "\\", '"', 1, None, True])
TREES = st.recursive(
    LEAVES | st.just({"mimeType": "audio/pcm", "data": HOLE}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
AWKWARD = ["", "=", "====", "QQ==", "QR==", "QQ", "QQ=", "QQ===", "QQ==QQ==", "QUJD=", "=QUJ", "QUJD\n", " QUJD"]
AWKWARD_IN_JSON = ["\\u0041UJD", "QU\\/D", 'QUJD","data":"REVG', 'QUJD"},"x":{"data":"', "QUJD\\n", "\\u0022"]
AWKWARD_TEXTS = st.lists(
    st.one_of(
        BASE64,
        st.binary(max_size=12).map(lambda data: base64.urlsafe_b64encode(data).decode()),
        st.binary(max_size=12).map(lambda data: encoded(data).rstrip("=")),
        st.text("QUJD=-_+/ \\n\"'u0041\0\n\té", max_size=9),
        st.sampled_from(AWKWARD + AWKWARD_IN_JSON),
    ),
    min_size=4,
    max_size=8,
)


@settings(always_the_same, max_examples=600)
@given(st.lists(TREES, min_size=1, max_size=2), AWKWARD_TEXTS, SPACING, st.booleans())
def test_nothing_is_read_differently_by_a_template(trees, texts, spacing, in_a_part):
    content = {"modelTurn": {"parts": trees if in_a_part else [{"inlineData": tree} for tree in trees]}}
    applied(filled(json.dumps({"serverContent": content}, **spacing), texts))
    applied(filled(json.dumps(trees[0] if in_a_part else {"serverContent": trees[0]}, **spacing), texts))


@settings(always_the_same, max_examples=300)
@given(PLAIN_FRAMES, AWKWARD_TEXTS)
def test_a_template_leaves_alone_what_is_not_strict_base64(frame, texts):
    texts = ["QUJD", "REVG", *texts]
    found = applied(filled(json.dumps(frame), texts))
    assert all(isinstance(message.model_turn.parts[0].inline_data.data, bytes) for message in found)


BLOB = '{"mimeType":"audio/pcm","data":"@hole@"}'
UNSUITABLE = {
    "the first of two": '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":"@hole@","data":"QUJD"}}]}}}',
    "the first of two that look alike": (
        '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":"@hole@","data":"AAAA"}}]}}}'
    ),
    "an earlier turn": (
        f'{{"serverContent":{{"modelTurn":{{"parts":[{{"inlineData":{BLOB}}}]}},"modelTurn":{{"parts":[]}}}}}}'
    ),
    "another kind": '{"toolCall":{"functionCalls":[{"name":"f","args":{"data":"@hole@"}}]}}',
    "two parts": f'{{"serverContent":{{"modelTurn":{{"parts":[{{"inlineData":{BLOB}}},{{"text":"a"}}]}}}}}}',
    "two kinds": f'{{"serverContent":{{"modelTurn":{{"parts":[{{"inlineData":{BLOB}}}]}}}},"goAway":{{}}}}',
    "a bad kind beside it": f'{{"serverContent":{{"modelTurn":{{"parts":[{{"inlineData":{BLOB}}}]}}}},"goAway":[]}}',
    "what could be changed": (
        f'{{"serverContent":{{"modelTurn":{{"parts":[{{"inlineData":{BLOB},"partMetadata":{{"a":[]}}}}]}}}}}}'
    ),
    "in a text": '{"serverContent":{"modelTurn":{"parts":[{"text":"\\"data\\":\\"@hole@"}]}}}',
    "the data of metadata": '{"serverContent":{"modelTurn":{"parts":[{"partMetadata":{"data":"@hole@"}}]}}}',
    "no JSON": f'{{"serverContent":{{"modelTurn":{{"parts":[{{"inlineData":{BLOB}}}]}}}}',
    "no UTF-8": '{"serverContent":{"modelTurn":{"role":"\udcff","parts":[{"inlineData":{"data":"@hole@"}}]}}}',
    "a long head": json.dumps({"usageMetadata": {"x": "r" * LONGEST}, **audio_frame()}),
    "a long tail": json.dumps({**audio_frame(), "usageMetadata": {"x": "r" * LONGEST}}),
    "a long way to the value": '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data": "@hole@"}}]}}}'.replace(
        " ", " " * LONGEST
    ),
    "no string": '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":@hole@}}]}}}',
    "no quote": '{"data"',
    "no second quote": '{"data":"',
    "another's quote": '{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":7,"mimeType":"@hole@"}}]}}}',
}


@pytest.mark.parametrize("frame", UNSUITABLE.values(), ids=UNSUITABLE)
def test_what_a_template_could_get_wrong_has_none(frame):
    assert applied(filled(frame, ["AAAA", "////", "QUJD", "REVG", "QUJD"])) == []


def test_objects_of_the_model_are_never_shared():
    frame = json.dumps({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": "QUJD"}, "toolCall": {}}]}}})
    calls = [decode(frame.encode())[0].model_turn.parts[0].tool_call for _ in range(4)]
    calls[0]["changed"] = True
    assert calls[1:] == [{}, {}, {}]


# Receiving: the cache.


def test_a_template_is_made_at_the_second_sight_and_not_made_again():
    reads = []
    templates = Templates(lambda frame: reads.append(frame) or read(frame))
    frame = json.dumps(audio_frame("QUJD")).encode()
    assert templates.apply(frame) is None
    assert reads == []
    assert templates.apply(frame).audio == b"ABC"
    assert len(reads) == 2
    assert templates.apply(frame).audio == b"ABC"
    assert len(reads) == 2


def test_what_has_no_template_is_tried_only_once():
    reads = []
    templates = Templates(lambda frame: reads.append(frame) or read(frame))
    for _ in range(5):
        assert templates.apply(b'{"toolCall":{"data":"QUJD"}}') is None
    assert len(reads) == 2


def test_a_frame_whose_head_and_tail_overlap_is_no_frame_of_audio():
    head, tail = json.dumps(audio_frame()).encode().split(HOLE.encode())
    templates = Templates(read)
    assert [templates.apply(head + b"QUJD" + tail) is None for _ in range(2)] == [True, False]
    assert templates.apply(head + tail).audio == b""
    assert templates.apply(head[:-1] + tail) is None


def test_frames_of_two_kinds_in_turn_are_read_each_by_its_template():
    speech = json.dumps(audio_frame("QUJD")).encode()
    words = json.dumps({"serverContent": {"outputTranscription": {"text": "Hello"}}}).encode()
    said = [(message.audio, message.transcript) for message in applied([speech, words] * 4)]
    assert said == [(b"ABC", ""), (b"", "Hello")] * 3


@pytest.mark.parametrize("sights", [1, 2])
def test_hostile_traffic_fills_no_memory_and_keeps_nobody_out(sights):
    templates = Templates(read)
    frames = [json.dumps(audio_frame("QUJD", n=number)).encode() for number in range(4 * KEPT)]
    for frame in frames:
        for _ in range(sights):
            templates.apply(frame)
        assert len(templates._templates) <= KEPT
        assert len(templates._seen_once) <= KEPT
    frame = json.dumps(audio_frame("REVG")).encode()
    assert [templates.apply(frame) is None for _ in range(3)] == [True, False, False]


def test_many_threads_read_through_the_same_templates():
    templates, wrong = Templates(read), []
    start = threading.Barrier(6)

    def work(number):
        start.wait()
        for turn in range(300):
            piece = bytes([number, turn % 256]) * 20
            message = templates.apply(json.dumps(audio_frame(encoded(piece), n=turn % 100)).encode())
            if message is not None and message.audio != piece:
                wrong.append(message)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)
    assert wrong == []
    assert len(templates._templates) <= KEPT + 6


# Replicas.


def test_a_replica_is_what_the_constructor_would_have_made():
    original = Part(text="a", thought=True)
    made = fast_evolver(original, "inline_data")(blob := GenerativeContentBlob(mime_type="a/b", data=b"c"))
    assert made == Part(text="a", thought=True, inline_data=blob)
    assert repr(made) == repr(Part(text="a", thought=True, inline_data=blob))
    assert hash(made) == hash(Part(text="a", thought=True, inline_data=blob))
    assert type(made) is Part
    with pytest.raises(AttributeError):
        made.text = "b"


def test_no_field_of_a_message_is_forgotten():
    message = LiveServerContent(
        model_turn=Content(parts=[Part(text="a", inline_data=GenerativeContentBlob(data=b"a"))], role="model"),
        output_transcription=Transcription(text="a", finished=True),
    )
    make_text, make_medium, make_transcript = ways_to_make(message)
    assert make_text("a") == make_medium(b"a") == make_transcript("a") == message
    assert list(ways_to_make(LiveServerContent())) == []


# Base64.


def outcome(function, text):
    try:
        return function(text)
    except ValueError as error:
        return str(error)


@settings(always_the_same, max_examples=500)
@given(AWKWARD_TEXTS.flatmap(st.sampled_from) | st.text(max_size=8) | st.text("QR=+/\n- ", max_size=9))
def test_all_implementations_decode_alike_errors_included(implementation, text):
    expected = outcome(speedups.with_binascii().decode, text)
    assert outcome(implementation.decode, text) == expected
    if text.isascii():
        assert outcome(implementation.decode, text.encode()) == expected


@always_the_same
@given(st.binary(max_size=300))
def test_all_implementations_encode_alike(implementation, data):
    assert implementation.encode(data) == base64.b64encode(data)
    assert implementation.decode(base64.b64encode(data)) == data


def test_the_implementation_in_use_is_looked_for_once(implementation):
    assert speedups.base64_in_use() is speedups.base64_in_use()
    assert speedups.base64_in_use().name == implementation.name


def test_without_pybase64_it_is_binascii(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "pybase64", None)
    speedups.base64_in_use.cache_clear()
    assert speedups.base64_in_use().name == "binascii"


# Sending.

BLOBS = st.builds(
    GenerativeContentBlob,
    mime_type=st.sampled_from(["audio/pcm", "", 'a"\\\n\0é\u2028', "\ud800"]) | TEXT,
    data=st.binary(max_size=60),
    display_name=st.none() | TEXT,
)
INPUTS = st.one_of(
    st.builds(LiveClientRealtimeInput, audio=BLOBS),
    st.builds(LiveClientRealtimeInput, video=BLOBS),
    st.builds(
        LiveClientRealtimeInput,
        audio=st.none() | BLOBS,
        video=st.none() | BLOBS,
        text=st.none() | st.just("") | TEXT,
        audio_stream_end=st.none() | st.booleans(),
        media_chunks=st.lists(BLOBS, max_size=1),
        media_resolution=st.none() | TEXT,
    ),
)


def written(function, message):
    try:
        return function(message)
    except InvalidRequestError as error:
        return str(error)


@settings(always_the_same, max_examples=400)
@given(INPUTS)
def test_media_are_written_as_the_general_path_writes_them(message):
    assert written(encode, message) == written(write, message)
    assert written(encode, message) == written(write, message)  # now with the media type in the cache


@always_the_same
@given(st.sampled_from(["audio", "video"]), st.text('pcm/;=é"\\', min_size=1), st.binary(min_size=1))
def test_media_take_the_short_cut(field, mime_type, data):
    message = LiveClientRealtimeInput(**{field: GenerativeContentBlob(mime_type=mime_type, data=data)})
    assert encode_medium(message) == write(message)


@pytest.mark.parametrize("length", [1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 2])
def test_large_media_are_written_alike(length):
    blob = GenerativeContentBlob(mime_type="image/jpeg", data=random.Random(length).randbytes(length))
    assert encode_medium(LiveClientRealtimeInput(video=blob)) == write(LiveClientRealtimeInput(video=blob))


@pytest.mark.parametrize("medium", ["audio", "video"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("audio", GenerativeContentBlob(mime_type="a/b", data=b"c")),
        ("video", GenerativeContentBlob(mime_type="a/b", data=b"c")),
        ("text", "x"),
        ("text", ""),
        ("audio_stream_end", False),
        ("activity_start", ActivityStart()),
        ("activity_end", ActivityEnd()),
        ("media_chunks", [GenerativeContentBlob()]),
        ("media_resolution", "MEDIA_RESOLUTION_LOW"),
    ],
)
def test_a_medium_with_something_beside_it_takes_the_general_path(medium, field, value):
    if medium != field:
        message = LiveClientRealtimeInput(**{medium: GenerativeContentBlob(mime_type="a/b", data=b"ab"), field: value})
        assert encode_medium(message) is None
        assert encode(message) == write(message)


def test_bytes_that_are_not_bytes_take_the_general_path():
    for data in (bytearray(b"abc"), memoryview(b"abc"), type("Own", (bytes,), {})(b"abc")):
        message = LiveClientRealtimeInput(audio=GenerativeContentBlob(mime_type="audio/pcm", data=data))
        assert encode_medium(message) is None
        assert encode(message) == write(message)


@pytest.mark.parametrize("make", [audio_input, media_input])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_an_audio_input_is_what_the_constructors_would_have_made(make, kind):
    blob = GenerativeContentBlob(mime_type="audio/pcm;rate=16000", data=b"ab")
    message = make(kind(b"ab"))
    assert message == LiveClientRealtimeInput(audio=blob)
    assert repr(message) == repr(LiveClientRealtimeInput(audio=blob))
    assert type(message.audio.data) is bytes


def test_a_video_input_is_what_the_constructor_would_have_made():
    blob = GenerativeContentBlob(mime_type="image/jpeg", data=b"ab")
    assert video_input(blob) == media_input(blob) == LiveClientRealtimeInput(video=blob)
