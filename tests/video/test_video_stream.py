"""send_video_stream(): in time, the newest first, and never longer than the session lives."""

from __future__ import annotations

import base64
import contextlib
import itertools
import queue
import signal
import threading
import time

import numpy
import pytest
from PIL import Image

from livesession import (
    ConfigurationError,
    ConnectionClosedError,
    GenerativeContentBlob,
    InvalidRequestError,
    LiveGenerationConfig,
    LiveGenerativeModel,
    LiveServerContent,
    ResumptionPolicy,
    SessionClosedError,
    SessionOptions,
    SessionResumptionConfig,
)
from livesession.audio import CallbackOutput, WavInput, start_audio_conversation
from livesession.cli import __path__ as cli_path
from livesession.emulator import LiveEmulator
from livesession.video import VideoStatistics
from livesession.video import video_stream as stream
from tests.kit.inside import core_of
from tests.kit.servers import Peer, RawPeer, raw_server, script_server
from tests.kit.waiting import PATIENCE, InThread, wait_until

FPS = 20
PERIOD = 1 / FPS
LENIENCE = 0.01  # seconds by which a message may overtake the clock on its way, or a clock be wrong


def jpeg(number: int) -> bytes:
    """A frame that is told by its number; nobody looks at the image."""
    return b"\xff\xd8\xff" + number.to_bytes(4, "big")


def number_of(message: dict) -> int:
    blob = message["realtimeInput"]["video"]
    assert blob["mimeType"] == "image/jpeg"
    return int.from_bytes(base64.b64decode(blob["data"])[3:], "big")


class Camera:
    """An iterable that gives what the test puts in, and blocks until then."""

    def __init__(self) -> None:
        self._frames: queue.Queue[object] = queue.Queue()
        self.given = 0

    def gives(self, *frames: object) -> None:
        for frame in frames:
            self._frames.put(frame)

    def is_unplugged(self) -> None:
        self._frames.put(None)

    def __iter__(self):
        for frame in iter(lambda: self._frames.get(timeout=PATIENCE), None):
            self.given += 1
            yield frame


@pytest.fixture
def camera():
    camera = Camera()
    yield camera
    camera.is_unplugged()


@pytest.fixture
def emulator():
    with LiveEmulator(lambda turn: f"{len(turn.images)} images") as emulator:
        yield emulator


@pytest.fixture
def session(emulator):
    config = LiveGenerationConfig(response_modalities="TEXT")
    backend = emulator.backend("vertex")  # where all images count, also those that were sent while nobody spoke
    model = LiveGenerativeModel("gemini-live-2.5-flash", backend=backend, generation_config=config)
    with model.connect() as session:
        yield session


def shown(emulator) -> list[int]:
    return [number_of(each.message) for each in emulator.received if is_image(each)]


def is_image(received) -> bool:
    return "video" in received.message.get("realtimeInput", {})


def sees(emulator, number: int) -> None:
    emulator.wait_for(lambda each: is_image(each) and number_of(each.message) == number)


# What is sent, and when.


def test_a_list_is_sent_image_by_image_at_its_pace(emulator, session):
    assert session.send_video_stream([jpeg(n) for n in range(6)], fps=FPS) == VideoStatistics(sent=6, dropped=0)
    sees(emulator, 5)
    times = [each.at for each in emulator.received if is_image(each)]
    assert shown(emulator) == list(range(6))
    assert all(later - earlier > PERIOD - LENIENCE for earlier, later in itertools.pairwise(times))
    assert times[-1] - times[0] < 5 * PERIOD + 1


def test_of_a_camera_the_newest_image_is_sent_and_those_before_it_are_dropped_and_counted(emulator, session, camera):
    camera.gives(jpeg(0))
    streaming = InThread(lambda: session.send_video_stream(camera, fps=4))
    sees(emulator, 0)
    camera.gives(*(jpeg(n) for n in range(1, 100)))  # within the quarter of a second until the next one is due
    wait_until(lambda: camera.given == 100)
    sees(emulator, 99)
    camera.gives(jpeg(100))
    camera.is_unplugged()
    assert streaming.result() == VideoStatistics(sent=3, dropped=98)
    sees(emulator, 100)
    assert shown(emulator) == [0, 99, 100]


def test_one_image_is_sent_without_waiting_for_another(emulator, session):
    start = time.monotonic()
    assert session.send_video_stream([jpeg(0)], fps=0.01).sent == 1
    assert time.monotonic() - start < 50


def test_what_is_not_live_is_taken_only_when_it_is_due(emulator, session):
    taken = []

    def screen():
        for number in range(4):
            taken.append(len(shown(emulator)))
            yield jpeg(number)
            sees(emulator, number)

    assert session.send_video_stream(screen(), fps=FPS, live=False) == VideoStatistics(sent=4, dropped=0)
    assert taken == [0, 1, 2, 3]


def test_a_list_may_be_live_and_then_the_last_image_is_what_counts(emulator, session):
    statistics = session.send_video_stream([jpeg(n) for n in range(1000)], FPS, live=True)
    sees(emulator, 999)
    assert len(shown(emulator)) == statistics.sent < 10
    assert statistics.sent + statistics.dropped == 1000


def test_nothing_to_send_is_no_error(session):
    assert session.send_video_stream([]) == session.send_video_stream(iter(())) == VideoStatistics(0, 0)


def test_the_model_is_shown_arrays_pil_images_and_blobs(emulator, session):
    image = Image.new("RGB", (40, 30))
    blob = GenerativeContentBlob(mime_type="image/webp", data=b"any")
    session.send_video_stream([image, numpy.asarray(image), blob], fps=FPS)
    session.send_video_stream(numpy.zeros((2, 30, 40, 3), "uint8"), fps=FPS)
    session.send_text_realtime("How many?")
    assert session.receive_turn().collect().text == "5 images"


# Beside a conversation.


def test_images_are_shown_while_an_audio_conversation_goes_on():
    turns = []
    with LiveEmulator(lambda turn: turns.append(turn)) as emulator:
        with LiveGenerativeModel("gemini-3-live", backend=emulator.backend()).connect() as session:
            speech = WavInput(f"{cli_path[0]}/question.wav", pace=10, silence_after=1)
            with start_audio_conversation(session, input=speech, output=CallbackOutput(lambda pcm: None)):
                assert session.send_video_stream([jpeg(n) for n in range(3)], fps=30).sent == 3
                assert session.in_conversation
                wait_until(lambda: turns)
    assert turns[0].audio
    assert turns[0].images == tuple(("image/jpeg", jpeg(n)) for n in range(3))


def test_another_thread_receives_meanwhile(emulator, session, camera):
    streaming = InThread(lambda: session.send_video_stream(camera, fps=FPS))
    camera.gives(jpeg(0))
    sees(emulator, 0)
    session.send_text_realtime("How many?")
    assert "".join(m.text for m in session.receive_turn() if isinstance(m, LiveServerContent)) == "1 images"
    camera.is_unplugged()
    assert streaming.result().sent == 1


def test_an_image_does_not_complete_a_turn_that_was_left_open(emulator, session):
    session.send("I am not done")
    session.send_video_stream([jpeg(0)], fps=FPS)
    assert core_of(session).state.user.is_turn_open


# The end.


def test_closing_the_session_ends_it_although_the_camera_blocks(emulator, session, camera):
    streaming = InThread(lambda: session.send_video_stream(camera))
    camera.gives(jpeg(0))
    sees(emulator, 0)
    session.close()
    with pytest.raises(SessionClosedError, match="has been closed"):
        streaming.result(timeout=2)


def test_closing_the_session_ends_the_wait_for_the_next_image(emulator, session):
    streaming = InThread(lambda: session.send_video_stream([jpeg(0), jpeg(1)], fps=0.01))
    sees(emulator, 0)
    session.close()
    with pytest.raises(SessionClosedError):
        streaming.result(timeout=2)


@pytest.mark.parametrize("code", [1000, 1011])
def test_the_end_of_the_session_ends_it_although_the_camera_blocks(emulator, session, camera, code):
    streaming = InThread(lambda: session.send_video_stream(camera))
    camera.gives(jpeg(0))
    sees(emulator, 0)
    emulator.close_connections(code, "enough")
    with pytest.raises(ConnectionClosedError) as caught:
        streaming.result(timeout=2)
    assert (caught.value.code, caught.value.reason) == (code, "enough")


def test_the_iterable_may_close_the_session(session):
    def last_words():
        yield jpeg(0)
        session.close()
        yield jpeg(1)

    with pytest.raises(SessionClosedError):
        session.send_video_stream(last_words(), fps=FPS)


def test_a_closed_session_asks_for_no_image(session, camera):
    session.close()
    with pytest.raises(SessionClosedError):
        session.send_video_stream(camera)
    assert camera.given == 0


def test_ctrl_c_ends_it_although_the_camera_blocks(session, camera):
    def interrupting():
        yield jpeg(0)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        yield from camera

    with pytest.raises(KeyboardInterrupt):
        session.send_video_stream(interrupting(), fps=FPS)
    assert not session.is_closed


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("error", [OSError("unplugged"), SystemExit(1)])
def test_what_the_iterable_raises_is_the_cause_and_what_it_gave_before_was_sent(emulator, session, error, live):
    def failing():
        yield jpeg(7)
        raise error

    with pytest.raises(InvalidRequestError, match=f"The iterable of frames raised {type(error).__name__}") as caught:
        session.send_video_stream(failing(), fps=FPS, live=live)
    assert caught.value.__cause__ is error
    sees(emulator, 7)
    assert not session.is_closed


def test_a_frame_that_is_no_image_ends_it_and_not_the_session(emulator, session):
    with pytest.raises(InvalidRequestError, match="no JPEG"):
        session.send_video_stream([jpeg(0), b"GIF89a"], fps=FPS)
    with pytest.raises(InvalidRequestError, match="This is no image but 'text/plain'"):
        session.send_video_stream([GenerativeContentBlob(mime_type="text/plain", data=b"x")])
    sees(emulator, 0)
    assert not session.is_closed


# A network that is slow, or away.


def test_while_the_network_takes_nothing_images_are_dropped_and_the_camera_goes_on():
    reads, big = threading.Event(), jpeg(0) + bytes(8_000_000)

    def script(peer: RawPeer) -> None:
        peer.accept()
        reads.wait(PATIENCE)
        peer.wait_for_end()

    with raw_server(script) as server, server.model(options=SessionOptions(close_timeout=0.2)).connect() as session:
        camera = Camera()
        camera.gives(*[big] * 50)
        streaming = InThread(lambda: session.send_video_stream(camera, fps=30))
        wait_until(lambda: camera.given == 50)
        camera.is_unplugged()
        reads.set()
        statistics = streaming.result()
        assert not session.is_closed
    assert statistics.sent + statistics.dropped == 50
    assert 1 <= statistics.sent <= 3  # the first one, which took until now, and the newest


class Away:
    """A server that is lost after the first image, and is back when it is let."""

    def __init__(self) -> None:
        self.is_back, self.seen = threading.Event(), queue.Queue()
        self._connections = itertools.count(1)

    def __call__(self, peer: Peer) -> None:
        if next(self._connections) == 1:
            peer.accept()
            peer.send({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}})
            self.seen.put(number_of(peer.read()))
            peer.drop()
            return
        self.is_back.wait(PATIENCE)
        peer.accept()
        for _ in range(2):
            self.seen.put(number_of(peer.read()))
        peer.wait_for_end()

    def sees(self) -> int:
        return self.seen.get(timeout=PATIENCE)


@contextlib.contextmanager
def streaming_to(away: Away, camera: Camera, **options: object):
    """A session that will be resumed, with its camera on a thread."""
    policy = ResumptionPolicy(first_delay=0.01)
    options = SessionOptions(resumption=policy, connect_timeout=PATIENCE, close_timeout=1, **options)
    with script_server(away) as server:
        with server.model(options=options).connect(session_resumption=SessionResumptionConfig()) as session:
            wait_until(lambda: session.resumption_handle)
            yield InThread(lambda: session.send_video_stream(camera, fps=30))


def test_while_the_session_is_resumed_images_are_dropped_and_the_newest_is_the_first_afterwards(monkeypatch, camera):
    monkeypatch.setattr(stream, "STALE_AFTER", 0.1)
    away = Away()
    with streaming_to(away, camera) as streaming:
        camera.gives(jpeg(0))
        assert away.sees() == 0
        for number in range(1, 21):
            camera.gives(jpeg(number))
            threading.Event().wait(0.02)  # as a camera has it
        away.is_back.set()
        assert away.sees() == 20
        camera.gives(jpeg(21))
        assert away.sees() == 21
        camera.is_unplugged()
        statistics = streaming.result()
    assert statistics.sent + statistics.dropped == 22
    assert statistics.dropped >= 17


def test_a_resumption_that_takes_longer_than_an_image_may_does_not_end_the_video(camera):
    away = Away()
    with streaming_to(away, camera, send_timeout=0.05) as streaming:
        camera.gives(jpeg(0))
        assert away.sees() == 0
        for number in range(1, 5):  # each is waited for until it is given up
            camera.gives(jpeg(number))
            wait_until(lambda number=number: camera.given == number + 1)
            threading.Event().wait(0.1)
        away.is_back.set()
        wait_until(lambda: camera.gives(jpeg(9)) or not away.seen.empty())
        assert away.sees() == 9
        camera.is_unplugged()
        assert streaming.result().dropped >= 3  # the first of them may have gone out on the lost connection


# What cannot be meant.


@pytest.mark.parametrize("fps", [0, -1, 31, float("nan"), float("inf"), True, "1", None])
def test_another_rate_than_over_0_and_at_most_30_is_refused(session, fps):
    with pytest.raises(ConfigurationError, match="fps must be over 0 and at most 30, not"):
        session.send_video_stream([], fps=fps)


@pytest.mark.parametrize("max_side", [0, -1, 1.5, "768"])
def test_another_size_than_a_whole_number_is_refused(session, max_side):
    with pytest.raises(ConfigurationError, match="max_side must be a whole number"):
        session.send_video_stream([], max_side=max_side)


@pytest.mark.parametrize("frames", [jpeg(0), "a.jpg", GenerativeContentBlob(data=b"x"), Image.new("L", (4, 4))])
def test_one_image_in_the_place_of_many_is_told(session, frames):
    with pytest.raises(TypeError, match=r"send_video_stream\(\[image\]\)"):
        session.send_video_stream(frames)


def test_one_array_in_the_place_of_many_is_told(session):
    with pytest.raises(TypeError, match=r"send_video_stream\(\[image\]\)"):
        session.send_video_stream(numpy.zeros((30, 40, 3), "uint8"))


def test_what_is_no_iterable_is_told(session):
    with pytest.raises(TypeError, match="frames is an iterable of images, not NoneType"):
        session.send_video_stream(None)
