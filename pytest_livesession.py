"""A pytest plugin, found by pytest where livesession is installed: fixtures to test with an emulated Live API.

    def test_it_greets(live_emulator):
        live_emulator.on_text("Greet Ada.").reply("Hello, Ada!")
        assert my_bot.greeting("Ada") == "Hello, Ada!"

It is a module of its own beside the package, and imports it only in its fixtures: a run that uses none of them pays
nothing for it. `-p no:livesession` turns it off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from livesession import LiveGenerativeModel, LiveSession
    from livesession.emulator import LiveEmulator

__all__ = ["live_emulator", "live_model", "live_session", "new_live_emulator"]

_BROKE_OFF = pytest.StashKey[bool]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember a test that did not get to its end, by an error of its own or because it was skipped.

    One that waited in vain did get as far as it could: what was not sent may be the reason.
    """
    yield  # to the part of pytest that knows what a unittest.TestCase raised
    if call.when != "teardown":
        item.stash[_BROKE_OFF] = call.excinfo is not None and not call.excinfo.errisinstance(TimeoutError)


@pytest.fixture
def new_live_emulator() -> LiveEmulator:
    """The emulator that live_emulator starts. Override it to have another: return LiveEmulator(strict=True)."""
    from livesession.emulator import LiveEmulator

    return LiveEmulator()


@pytest.fixture
def live_emulator(new_live_emulator: LiveEmulator, request: pytest.FixtureRequest) -> Iterator[LiveEmulator]:
    """A LiveEmulator: the Live API on this machine, with the environment leading to it for the time of the test.

    So code that makes its model from the environment runs unchanged: live_emulator.on_text("Hi").reply("Hello!")
    scripts the answers, live_emulator.sent_texts and assert_sent() tell what came. A test with a turn that a strict
    emulator had no answer for, with a responder that raised, or that departs from a recording, fails. What a test did
    not send that failed before, or was skipped, is no matter.
    """
    _start(new_live_emulator)
    verdict = ""
    try:
        with new_live_emulator, _leading_to(new_live_emulator):
            yield new_live_emulator
    except AssertionError as error:  # of the emulator's end: what the test raises does not come by here
        if new_live_emulator.mismatch or not request.node.stash.get(_BROKE_OFF, False):
            verdict = str(error)
    problems = verdict or "\n".join(new_live_emulator.problems)
    if problems:
        pytest.fail(problems, pytrace=False)


@pytest.fixture
def live_model(live_emulator: LiveEmulator) -> LiveGenerativeModel:
    """The model that live_session connects to: one that answers in text. Override it to have another.

    @pytest.fixture
    def live_model(live_emulator):
        return LiveGenerativeModel("...", backend=live_emulator.backend("vertex"), tools=[get_weather])
    """
    from livesession import LiveGenerationConfig, LiveGenerativeModel

    text = LiveGenerationConfig(response_modalities="TEXT")
    return LiveGenerativeModel("gemini-live-2.5-flash", backend=live_emulator.backend(), generation_config=text)


@pytest.fixture
def live_session(live_model: LiveGenerativeModel) -> Iterator[LiveSession]:
    """A session of live_model, by default in text with live_emulator; closed at the end of the test."""
    with live_model.connect() as session:
        yield session


def _start(emulator: LiveEmulator) -> None:
    from livesession.errors import MissingExtraError

    missing = ""
    try:
        emulator.start()
    except MissingExtraError as error:
        missing = str(error)
    if missing:  # out here, where no exception is being handled: pytest would show that too
        pytest.fail(missing, pytrace=False)


@contextmanager
def _leading_to(emulator: LiveEmulator) -> Iterator[None]:
    """Have the environment lead to the emulator; a MonkeyPatch of its own, which the test's leaves alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.environment.items():
            patch.setenv(name, value)
        yield
