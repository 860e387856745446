"""A kernel for the tests of a module, with an emulator and a model in it."""

from __future__ import annotations

import pytest

from tests.notebook.kernel import Kernel

PRELUDE = """
import threading
import time

from livesession import *
from livesession.audio import *
from livesession.emulator import *

begun, go_on = threading.Event(), threading.Event()

def play_model(turn):
    if turn.text == "wait":
        yield "first "
        yield "second "
        begun.set()
        go_on.wait(20)
        yield "third"
    else:
        yield turn.text

# Part of a message on the wire, as a Ctrl-C in the very moment of sending may leave it, ends the session: the tests
# interrupt the waits behind it.

def say_when_it_waits():
    begun.wait(20)
    time.sleep(0.2)
    print("waiting", flush=True)

def speech_with_a_pause():
    yield from [bytes(640)] * 5
    print("waiting", flush=True)
    go_on.wait(20)

def silence():
    print("waiting", flush=True)
    while True:
        yield bytes(640)
        time.sleep(0.02)

emulator = LiveEmulator(play_model).start()
model = LiveGenerativeModel(
    "gemini-live-2.5-flash",
    backend=emulator.backend(),
    generation_config=LiveGenerationConfig(response_modalities="TEXT"),
)
"""


@pytest.fixture(scope="module")
def shared_kernel(tmp_path_factory):
    kernel = Kernel(tmp_path_factory.mktemp("kernel"))
    kernel.run(PRELUDE)
    yield kernel
    kernel.stop()


@pytest.fixture
def kernel(shared_kernel):
    """The module's kernel with a new `session` in it."""
    shared_kernel.run("begun.clear()\ngo_on.clear()\nsession = model.connect()")
    yield shared_kernel
    shared_kernel.run("go_on.set()\nsession.close()")
