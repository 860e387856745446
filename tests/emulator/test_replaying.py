"""A recording held against what a client sends: what counts as the same, what does not, and how that is told."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from livesession.emulator import LiveEmulator, ReplayMismatch
from livesession.emulator.replay.recorded_session import RecordedEnd, load_recording

PAGE = Path(__file__).parents[2] / "docs" / "recordings.md"
SETUP = {"setup": {"model": "models/m", "generationConfig": {"responseModalities": ["TEXT"]}}}
COMPLETE = {"setupComplete": {}}
HEADER = {"recording": 1, "backend": "developer", "model": "models/m"}


def client(message: dict[str, Any]) -> dict[str, str]:
    return {"from": "client", "text": json.dumps(message)}


def server(message: dict[str, Any]) -> dict[str, str]:
    return {"from": "server", "text": json.dumps(message)}


def turn(text: str) -> dict[str, Any]:
    return {"clientContent": {"turns": [{"role": "user", "parts": [{"text": text}]}], "turnComplete": True}}


def spoken(pcm: bytes, rate: int = 16_000) -> dict[str, Any]:
    return {"realtimeInput": {"audio": {"mimeType": f"audio/pcm;rate={rate}", "data": base64.b64encode(pcm).decode()}}}


def answers(*ids: str) -> dict[str, Any]:
    return {"toolResponse": {"functionResponses": [{"id": each, "name": "f", "response": {"n": 1}} for each in ids]}}


def said(text: str) -> dict[str, Any]:
    return {"serverContent": {"modelTurn": {"parts": [{"text": text}]}}}


ACTIVITY_START = {"realtimeInput": {"activityStart": {}}}
ACTIVITY_END = {"realtimeInput": {"activityEnd": {}}}


def recording(*frames: dict[str, str]) -> dict[str, Any]:
    return {"session": "one", "backend": "developer", "frames": [client(SETUP), server(COMPLETE), *frames]}


def play(dial, frames, sent, **options) -> list[dict[str, Any]]:
    """What the server says to a client that sends these messages."""
    with LiveEmulator.replay(recording(*frames), **options) as emulator:
        there = dial(emulator)
        for message in sent:
            there.send(message)
        return [there.receive() for frame in frames if frame["from"] == "server"]


def mismatch(dial, frames, sent, **options) -> ReplayMismatch:
    with pytest.raises(ReplayMismatch) as caught:
        send_all(dial, LiveEmulator.replay(recording(*frames), **options), sent)
    return caught.value


def send_all(dial, emulator, sent) -> tuple[int, str]:
    with emulator:
        there = dial(emulator)
        for message in sent:
            there.send(message)
        return there.close_frame()


# What is the same.

SAME = {
    "keys in another order": (
        turn("hi"), '{"clientContent":{"turnComplete":true,"turns":[{"parts":[{"text":"hi"}],"role":"user"}]}}'
    ),
    "snake case": (ACTIVITY_START, {"realtime_input": {"activity_start": {}}}),
    "the older spelling of audio": (
        {"realtimeInput": {"mediaChunks": [spoken(b"abcd")["realtimeInput"]["audio"]]}}, spoken(b"abcd")
    ),
    "numbers": (
        {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {"n": 1.0}}]}}, answers("1")
    ),
}  # fmt: skip


@pytest.mark.parametrize(("recorded", "sent"), SAME.values(), ids=SAME)
def test_how_a_message_is_written_does_not_count(dial, recorded, sent):
    assert play(dial, [client(recorded), server(said("ok"))], [sent]) == [said("ok")]


def test_the_project_in_a_model_s_name_does_not_count(dial):
    recorded = recording()
    recorded["frames"][0] = client({"setup": {**SETUP["setup"], "model": "projects/other/models/m"}})
    with LiveEmulator.replay(recorded) as emulator:
        dial(emulator)


def test_how_sound_is_cut_does_not_count(dial):
    pcm = bytes(range(200)) * 32
    frames = [*(client(spoken(pcm[at : at + 640])) for at in range(0, 6400, 640)), server(said("heard"))]
    assert play(dial, frames, [spoken(pcm[:5_000]), spoken(pcm[5_000:])]) == [said("heard")]


def test_threads_that_send_side_by_side_may_take_turns_in_another_way(dial):
    picture = {"realtimeInput": {"video": {"mimeType": "image/png", "data": "AAAA"}}}
    recorded = [client(each) for each in (spoken(b"ab"), picture, spoken(b"cd"), turn("hi"), answers("1"))]
    sent = [turn("hi"), answers("1"), picture, spoken(b"ab"), spoken(b"cd")]
    assert play(dial, [*recorded, server(said("ok"))], sent) == [said("ok")]


def test_functions_that_run_side_by_side_may_answer_in_any_order(dial):
    recorded = [client(answers("1")), client(answers("2")), server(said("ok"))]
    assert play(dial, recorded, [answers("2"), answers("1")]) == [said("ok")]


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [([answers("1", "2")], [answers("2"), answers("1")]), ([answers("1"), answers("2")], [answers("2", "1")])],
    ids=["apart", "together"],
)
def test_how_many_answers_to_functions_are_in_one_message_does_not_count(dial, recorded, sent):
    assert play(dial, [*map(client, recorded), server(said("ok"))], sent) == [said("ok")]


def test_what_comes_earlier_than_it_was_recorded_is_fine(dial):
    frames = [server(said("first")), client(turn("hi")), server(said("second")), client(turn("ho"))]
    assert play(dial, frames, [turn("hi"), turn("ho")]) == [said("first"), said("second")]


def test_a_server_frame_waits_for_what_the_client_had_sent_before_it(dial):
    with LiveEmulator.replay(recording(client(spoken(b"abcd")), client(turn("hi")), server(said("ok")))) as emulator:
        there = dial(emulator)
        for message in (turn("hi"), spoken(b"ab")):
            there.send(message)
            with pytest.raises(TimeoutError):
                there.raw(timeout=0.05)
        there.send(spoken(b"cd"))
        assert there.receive() == said("ok")


def test_sound_from_a_microphone_only_has_to_be_as_long(dial):
    frames = [client(spoken(bytes(640))), server(said("ok")), client(spoken(bytes(640)))]
    assert play(dial, frames, [spoken(b"x" * 900)], compare_audio=False) == [said("ok")]


def test_a_microphone_may_have_been_heard_for_longer_when_the_client_goes_on(dial):
    frames = [client(ACTIVITY_START), client(spoken(bytes(6400))), client(ACTIVITY_END), server(said("ok"))]
    sent = [ACTIVITY_START, spoken(b"x" * 10), ACTIVITY_END]
    assert play(dial, frames, sent, compare_audio=False) == [said("ok")]


def resuming(handle: str) -> dict[str, Any]:
    return {"setup": {**SETUP["setup"], "sessionResumption": {"handle": handle}}}


def given(handle: str) -> dict[str, Any]:
    return {"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}}


def resumes(dial, path: Path, recorded: str, sent: str) -> None:
    write(
        path,
        *opening(1),
        at(1, 1, server(given("a"))),
        at(1, 1, server(given("b"))),
        at(1, 2, client(resuming(recorded))),
    )
    with LiveEmulator.replay(path) as emulator:
        dial(emulator)
        dial(emulator, setup=False).send(resuming(sent))


@pytest.mark.parametrize(("recorded", "sent"), [("a", "b"), ("other", "another")])
def test_a_client_may_resume_by_another_handle_of_the_same_kind(dial, path, recorded, sent):
    resumes(dial, path, recorded, sent)


# What is another thing.


@pytest.mark.parametrize(("recorded", "sent"), [("a", "other"), ("other", "a")])
def test_a_client_may_not_resume_another_conversation(dial, path, recorded, sent):
    with pytest.raises(ReplayMismatch, match="sessionResumption"):
        resumes(dial, path, recorded, sent)


def test_another_text_is_shown_as_a_difference(dial):
    error = mismatch(dial, [client(turn("hi")), client(turn("ho"))], [turn("hi"), turn("hey")])
    assert str(error).startswith("The client departed from the recording 'one' at frame 4 of connection 1: clientConte")
    assert '-            "text": "ho"' in str(error).splitlines()
    assert '+            "text": "hey"' in str(error).splitlines()
    assert (error.recording, error.connection, error.frame, error.kind) == ("one", 1, 4, "clientContent")


def test_it_is_an_assertion_error():
    assert issubclass(ReplayMismatch, AssertionError)


def test_a_block_begins_anew_whatever_was_sent_in_an_earlier_one(dial):
    emulator = LiveEmulator.replay(recording(client(turn("Hi")), server(said("Hello!"))))
    with pytest.raises(ReplayMismatch):
        send_all(dial, emulator, [turn("Ho")])
    with emulator:
        there = dial(emulator)
        there.send(turn("Hi"))
        assert there.receive() == said("Hello!")
    assert emulator.mismatch is None


def test_the_client_is_closed_with_1008_and_told_where(dial):
    emulator = LiveEmulator.replay(recording(client(turn("hi")))).start()
    try:
        there = dial(emulator)
        there.send(turn("ho"))
        assert there.close_frame() == (1008, "The client departed from the recording at frame 3: clientContent.")
    finally:
        emulator.stop()


def test_a_message_of_another_kind_names_both(dial):
    error = mismatch(dial, [client(ACTIVITY_START)], [ACTIVITY_END])
    assert "realtimeInput.activityStart was expected, and realtimeInput.activityEnd came" in str(error)


def test_nothing_may_come_before_the_setup(dial):
    emulator = LiveEmulator.replay(recording(client(turn("hi"))))
    with pytest.raises(ReplayMismatch, match="setup was expected, and clientContent came"):
        send_all(lambda there: dial(there, setup=False), emulator, [turn("hi")])


def test_one_answer_of_several_that_is_another_is_shown(dial):
    other = {"id": "2", "name": "f", "response": {"n": 2}}
    sent = {"toolResponse": {"functionResponses": [*answers("1")["toolResponse"]["functionResponses"], other]}}
    error = mismatch(dial, [client(answers("1", "2"))], [sent])
    assert [line for line in str(error).splitlines() if line[:2] in ("- ", "+ ")] == [
        '-          "n": 1',
        '+          "n": 2',
    ]


def test_a_message_more_than_was_recorded_is_shown(dial):
    error = mismatch(dial, [client(turn("hi"))], [turn("hi"), turn("ho")])
    assert "a message that the recording 'one' does not have, on connection 1: clientContent" in str(error)
    assert '+            "text": "ho"' in str(error)
    assert error.frame is None


def test_another_sound_is_told_with_its_time_and_not_in_base64(dial):
    pcm = bytes(range(250)) * 128
    changed = pcm[:16_000] + b"\1" + pcm[16_001:]
    error = mismatch(dial, [client(spoken(pcm))], [spoken(changed[:10_000]), spoken(changed[10_000:])])
    assert "The sound is another, from second 0.500 of" in str(error)
    assert base64.b64encode(pcm).decode()[:40] not in str(error)
    assert error.kind == "realtimeInput.audio"


def test_sound_that_goes_on_for_longer_is_told(dial):
    error = mismatch(dial, [client(spoken(bytes(640)))], [spoken(bytes(1280))])
    assert "no more sound here, after second 0.020" in str(error)


def test_sound_that_ends_too_early_is_told(dial):
    frames = [client(ACTIVITY_START), client(spoken(bytes(1280))), client(ACTIVITY_END)]
    error = mismatch(dial, frames, [ACTIVITY_START, spoken(bytes(640)), ACTIVITY_END])
    assert "more sound here, from second 0.020" in str(error)


def test_sound_at_another_rate_is_another(dial):
    error = mismatch(dial, [client(spoken(bytes(640)))], [spoken(bytes(640), 24_000)])
    assert "rate=24000" in str(error)


def test_a_picture_that_differs_somewhere_in_the_middle_is_another(dial):
    pictures = [bytes(900), bytes(450) + b"\1" + bytes(449)]
    blobs = [{"mimeType": "image/png", "data": base64.b64encode(each).decode()} for each in pictures]
    recorded, sent = ({"realtimeInput": {"video": blob}} for blob in blobs)
    assert "SHA-256" in str(mismatch(dial, [client(recorded)], [sent]))


def test_what_the_client_did_not_send_is_told(dial):
    with pytest.raises(ReplayMismatch, match=r"did not send frame 3 of connection 1 .*: clientContent\.[^$]*-.*\"hi\""):
        with LiveEmulator.replay(recording(client(turn("hi")))) as emulator:
            dial(emulator).socket.close()


def test_a_recording_that_nobody_played_has_not_been_followed():
    with pytest.raises(ReplayMismatch, match="did not send frame 1"):
        with LiveEmulator.replay(recording()):
            pass


def test_what_is_on_its_way_at_the_end_of_the_block_counts(dial):
    for _ in range(20):
        with LiveEmulator.replay(recording(client(turn("hi")))) as emulator:
            dial(emulator).send(turn("hi"))


def test_a_lenient_replay_takes_anything(dial):
    play(dial, [client(turn("hi")), client(turn("ho"))], [ACTIVITY_END], strict=False)


# What the user's code raises.


def test_an_error_that_the_departure_brought_about_is_the_cause_of_the_mismatch(dial):
    def body() -> None:
        with LiveEmulator.replay(recording(client(turn("hi")), server(said("ok")))) as emulator:
            there = dial(emulator)
            there.send(turn("ho"))
            there.raw()

    with pytest.raises(ReplayMismatch) as caught:
        body()
    assert isinstance(caught.value.__cause__, ConnectionClosed)


def test_an_error_of_the_user_s_goes_on_and_has_the_mismatch_as_its_cause(dial):
    own = ValueError("of the user's")

    def body() -> None:
        with LiveEmulator.replay(recording(client(turn("hi")))) as emulator:
            there = dial(emulator)
            there.send(turn("ho"))
            there.close_frame()
            raise own

    with pytest.raises(ValueError, match="of the user's") as caught:
        body()
    assert caught.value is own
    assert isinstance(own.__cause__, ReplayMismatch)


def test_an_error_before_all_was_sent_is_left_alone(dial):
    def body() -> None:
        with LiveEmulator.replay(recording(client(turn("hi")))) as emulator:
            dial(emulator)
            raise ValueError("of the user's")

    with pytest.raises(ValueError, match="of the user's") as caught:
        body()
    assert caught.value.__cause__ is None


def test_a_wait_in_vain_is_explained_by_what_was_not_sent(dial):
    with pytest.raises(TimeoutError) as caught:
        with LiveEmulator.replay(recording(client(turn("hi")), server(said("ok")))) as emulator:
            dial(emulator).raw(timeout=0.01)
    assert "did not send frame 3" in str(caught.value.__cause__)


def test_without_a_with_block_the_mismatch_can_be_asked_for(dial):
    emulator = LiveEmulator.replay(recording(client(turn("hi")))).start()
    try:
        there = dial(emulator)
        assert emulator.mismatch is None
        there.send(turn("ho"))
        there.close_frame()
        assert "clientContent" in str(emulator.mismatch)
    finally:
        emulator.stop()


# Times, connections and files.


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in (HEADER, *lines)))
    return path


def at(seconds: float, connection: int, line: dict[str, Any]) -> dict[str, Any]:
    return {"at": seconds, "connection": connection, **line}


def opening(connection: int) -> list[dict[str, Any]]:
    return [at(0.0, connection, client(SETUP)), at(0.0, connection, server(COMPLETE))]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "session.jsonl"


def duration(dial, path: Path, pace: float) -> float:
    write(path, *opening(1), at(0.1, 1, server(said("a"))), at(0.4, 1, server(said("b"))))
    with LiveEmulator.replay(path, pace=pace) as emulator:
        there = dial(emulator)
        began = time.monotonic()
        assert [there.receive(), there.receive()] == [said("a"), said("b")]
        return time.monotonic() - began


def test_it_can_be_played_at_the_pace_of_the_recording(dial, path):
    assert duration(dial, path, 1) > 0.35


def test_it_can_be_played_faster(dial, path):
    assert 0.08 < duration(dial, path, 4) < 0.35


def test_at_pace_0_nothing_is_waited_for(dial, path):
    assert duration(dial, path, 0) < 0.1


def test_each_client_connection_gets_the_next_of_the_recording(dial, path):
    by_the_server = {"event": "closed", "by": "server", "code": 1011, "reason": "x"}
    by_the_network = {"event": "closed", "by": "network", "code": 1006, "reason": ""}
    first = [*opening(1), at(1, 1, server(said("a"))), at(1, 1, by_the_server)]
    write(path, *first, *opening(2), at(1, 2, server(said("b"))), at(1, 2, by_the_network))
    with LiveEmulator.replay(path) as emulator:
        for text in ("a", "b", "a", "b"):
            there = dial(emulator)
            assert there.receive() == said(text)
            if text == "a":
                assert there.close_frame() == (1011, "x")
            else:
                with pytest.raises(ConnectionClosed):
                    there.raw()


def test_a_recording_says_which_line_a_client_departed_from(dial, path):
    write(path, *opening(1), at(1, 1, client(turn("hi"))))
    with pytest.raises(ReplayMismatch, match=r"recording 'session.jsonl' at frame 3 \(line 4\) of connection 1"):
        send_all(dial, LiveEmulator.replay(path), [turn("ho")])


BAD = {
    "a later format": ([{"recording": 2}], "format 2"),
    "no connection": ([HEADER], "nothing was recorded"),
    "no time": ([HEADER, {"connection": 1, "from": "client", "text": "{}"}], "line 2"),
    "an event without a name": ([HEADER, {"at": 0, "connection": 1}], "line 2"),
    "sound without its file": (
        [HEADER, at(0, 1, {**client({}), "audio": [{"position": 0, "first": 0, "samples": 1}]})], "line 2"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "told"), BAD.values(), ids=BAD)
def test_a_recording_that_cannot_be_read_says_where(path, lines, told):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(ValueError, match=told):
        load_recording(path)


def test_a_recording_has_one_session_which_may_be_named(path):
    write(path, *opening(1))
    assert load_recording(path, "session.jsonl").backend == "developer"
    with pytest.raises(ValueError, match="no single session 'other'"):
        load_recording(path, "other")


def test_the_page_on_recordings_shows_one_that_can_be_read(path):
    about, frames, *_ = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    path.write_text(about + frames)
    [connection] = load_recording(path).connections
    assert [frame.sender for frame in connection.frames] == ["client", "server"]
    assert connection.end == RecordedEnd("client", 1000, "", 6.54)


def test_a_negative_pace_is_refused():
    with pytest.raises(ValueError, match="pace"):
        LiveEmulator.replay(recording(), pace=-1)
