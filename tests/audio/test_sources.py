"""An iterable as a microphone and a function as a loudspeaker: lazy, in real time, and released at once."""

from __future__ import annotations

import threading
import time

import pytest

from livesession.audio.device_protocols import AudioInput, AudioOutput
from livesession.audio.sources import CallbackOutput, PcmInput
from livesession.errors import AudioDeviceError, ConfigurationError
from tests.audio.conversing import RoomInput
from tests.kit.waiting import InThread, wait_until


def is_running(name):
    return any(thread.name == name for thread in threading.enumerate())


def test_both_are_what_a_conversation_takes():
    source, target = PcmInput([], rate=8_000, channels=2), CallbackOutput(print, rate=8_000, channels=2)
    assert isinstance(source, AudioInput)
    assert isinstance(target, AudioOutput)
    assert (source.rate, source.channels, source.dropped_ms, source.is_microphone) == (8_000, 2, 0, False)
    assert (target.rate, target.channels, target.is_loudspeaker) == (8_000, 2, False)
    with pytest.raises(ConfigurationError):
        CallbackOutput(print, block_ms=0)


def test_an_iterable_is_heard_to_its_end():
    blocks = [bytes([number]) * number for number in range(100)]
    assert list(PcmInput(blocks).blocks()) == blocks
    assert list(PcmInput([]).blocks()) == []
    assert list(PcmInput([bytearray(b"\1\2"), memoryview(b"\3\4")]).blocks()) == [b"\1\2", b"\3\4"]


def test_a_block_is_asked_for_when_it_is_due():
    given = []

    def lazily():
        for number in range(10):
            given.append(number)
            yield bytes(2)

    blocks = PcmInput(lazily()).blocks()
    for number in range(1, 4):
        next(blocks)
        time.sleep(0.01)
        assert len(given) == number
    blocks.close()
    wait_until(lambda: not is_running("livesession-pcm-input"))
    assert len(given) == 3


@pytest.mark.parametrize("error", [ValueError("line cut"), SystemExit(1)])
def test_an_error_of_the_iterable_is_the_cause(error):
    def failing():
        yield b"\1\2"
        raise error

    blocks = PcmInput(failing()).blocks()
    assert next(blocks) == b"\1\2"
    with pytest.raises(AudioDeviceError, match="The iterable of PCM failed") as caught:
        next(blocks)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("wrong", [["text"], [None], None])
def test_what_is_no_iterable_of_bytes_is_told(wrong):
    with pytest.raises(AudioDeviceError) as caught:
        list(PcmInput(wrong).blocks())
    assert isinstance(caught.value.__cause__, TypeError)


def test_closing_ends_it_although_the_iterable_is_still_busy():
    asked, goes_on = threading.Event(), threading.Event()

    def stuck():
        yield b"\1\2"
        asked.set()
        goes_on.wait()
        yield b"\3\4"

    source = PcmInput(stuck())
    reader = InThread(lambda: list(source.blocks()))
    assert asked.wait(5)
    source.close()
    source.close()
    assert reader.result(timeout=2) == [b"\1\2"]
    assert is_running("livesession-pcm-input")
    goes_on.set()
    wait_until(lambda: not is_running("livesession-pcm-input"))


def test_an_input_is_used_once_and_gives_nothing_after_close():
    source = PcmInput([b"\1\2"])
    list(source.blocks())
    with pytest.raises(AudioDeviceError, match="make a new one"):
        next(source.blocks())
    closed = PcmInput([b"\1\2"])
    closed.close()
    assert list(closed.blocks()) == []


def test_a_function_is_called_in_real_time_with_whole_blocks():
    times, blocks = [], []
    enough = threading.Event()

    def on_audio(block):
        times.append(time.monotonic())
        blocks.append(block)
        if len(blocks) == 3:
            time.sleep(0.1)
        if len(blocks) == 20:
            enough.set()

    target = CallbackOutput(on_audio, rate=8_000, channels=2, block_ms=10)
    start = time.monotonic()
    target.start(lambda frames: b"\1\2\3\4", lambda error: None)
    assert enough.wait(5)
    target.close()
    assert {block[:5] for block in blocks} == {b"\1\2\3\4\0"}
    assert {len(block) for block in blocks} == {10 * 8 * 2 * 2}
    late = [at - start - 0.01 * number for number, at in enumerate(times)]
    assert min(late) >= 0
    assert min(late[10:]) < 0.05


@pytest.mark.parametrize("error", [ValueError("no line"), SystemExit(1)])
def test_an_error_of_the_function_is_told_once_and_ends_it(error):
    told, calls = [], []
    was_told = threading.Event()

    def on_audio(block):
        calls.append(block)
        raise error

    def on_failure(failure):
        told.append(failure)
        target.close()
        was_told.set()

    target = CallbackOutput(on_audio)
    target.start(lambda frames: b"", on_failure)
    assert was_told.wait(5)
    target.close()
    assert len(told) == len(calls) == 1
    assert isinstance(told[0], AudioDeviceError)
    assert told[0].__cause__ is error


def test_closing_waits_for_a_call_that_is_running_but_not_in_it():
    is_called, goes_on, calls = threading.Event(), threading.Event(), []

    def on_audio(block):
        calls.append(block)
        if len(calls) == 1:
            is_called.set()
            goes_on.wait(5)
            target.close()  # in itself: does not wait

    target = CallbackOutput(on_audio, block_ms=1)
    target.start(lambda frames: b"", lambda error: None)
    assert is_called.wait(5)
    closing = InThread(target.close)
    closing.thread.join(0.05)
    assert closing.thread.is_alive()
    goes_on.set()
    closing.result(timeout=1)
    assert len(calls) == 1


def test_both_tell_whether_a_microphone_and_a_loudspeaker_are_behind_them():
    assert not PcmInput([]).is_microphone
    assert PcmInput([], is_microphone=True).is_microphone
    assert RoomInput([]).is_microphone
    assert not CallbackOutput(print).is_loudspeaker
    assert CallbackOutput(print, is_loudspeaker=True).is_loudspeaker
