"""Both examples in a real browser: Chromium, without a window, whose microphone is a WAV file."""

from __future__ import annotations

import shutil
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from livesession.audio import WavFile, write_wav
from livesession.cli import __path__ as cli_path
from livesession.emulator import LiveEmulator, Speech, UserTurn
from tests.kit.waiting import PATIENCE, wait_until
from tests.web.apps import App, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium or its driver is not installed"),
]

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (extra `test`)")
for package in ("flask", "flask_sock", "django", "gunicorn", "cachelib"):
    pytest.importorskip(package, reason=f"{package} is not installed (extra `examples`)")

QUESTION = b"".join(WavFile(f"{cli_path[0]}/question.wav").blocks())
SECOND = bytes(32_000)
FLAGS = [
    "--headless=new",
    "--no-sandbox",  # which root needs
    "--window-size=900,700",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def place_of(selector: str) -> str:
    return f'document.querySelector("{selector}").getBoundingClientRect()'


class Page:
    """A page in a browser, with words for what the tests look at."""

    def __init__(self, driver) -> None:
        self.driver = driver

    def value(self, script: str, *arguments: object):
        return self.driver.execute_script(f"return {script}", *arguments)

    def lines(self, role: str) -> list[str]:
        selector = f"#conversation .{role}"
        return self.value("[...document.querySelectorAll(arguments[0])].map(line => line.textContent)", selector)

    def ask(self, question: str) -> None:
        """Asks; the answer is on its way when it returns."""
        before = len(self.lines("user"))
        self.driver.find_element("name", "question").send_keys(question + "\n")
        wait_until(lambda: len(self.lines("user")) > before)

    @property
    def is_ready(self) -> bool:
        return not self.value("document.querySelector('form button').disabled")

    def click_talk(self) -> None:
        self.driver.find_element("id", "button").click()

    @property
    def played_ms(self) -> int:
        return int(self.value("document.getElementById('button').dataset.playedMs ?? 0"))

    @property
    def loudest(self) -> float:
        return float(self.value("document.getElementById('button').dataset.loudest ?? 0"))

    @property
    def state(self) -> str:
        return self.value("document.getElementById('state').textContent")

    def close_tab(self) -> float:
        """Closes it, while another one stays open; when that was, on the monotonic clock."""
        tab = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        other = self.driver.current_window_handle
        self.driver.switch_to.window(tab)
        closed_at = time.monotonic()
        self.driver.close()
        self.driver.switch_to.window(other)
        return closed_at

    def complaints(self) -> list[str]:
        """What the page has written to the console as an error."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def browse(tmp_path) -> Iterator[Callable[..., Page]]:
    """Opens an address in a browser of its own; `heard` is the PCM that its microphone hears, at 16,000 Hz."""
    drivers = []

    def open_page(url: str, heard: bytes = b"") -> Page:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        write_wav(tmp_path / "heard.wav", heard + 60 * SECOND, 16_000)
        for flag in [*FLAGS, f"--use-file-for-fake-audio-capture={tmp_path / 'heard.wav'}%noloop"]:
            options.add_argument(flag)
        drivers.append(webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER)))
        drivers[-1].get(url)
        return Page(drivers[-1])

    yield open_page
    for driver in drivers:
        driver.quit()


@contextmanager
def app_at(responder, name: str, folder: Path, pace: float = 1) -> Iterator[tuple[LiveEmulator, App]]:
    with LiveEmulator(responder, pace=pace) as emulator, serving(name, "gthread", emulator, folder) as app:
        yield emulator, app


each_app = pytest.mark.parametrize("name", ["flask_voice", "django_chat"])


class Halting:
    """A responder that stops in the middle of its answer until it may go on."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()

    def __call__(self, turn: UserTurn):
        yield "So far"
        while not self.may_go_on.wait(0.01) and not turn.interrupted.is_set():
            pass
        yield " and further."


def tone(seconds: float) -> bytes:
    return array("h", [6000] * 30 + [-6000] * 30).tobytes() * round(400 * seconds)


@each_app
def test_a_page_shows_the_answer_as_it_comes(name, browse, tmp_path):
    halting = Halting()
    with app_at(halting, name, tmp_path) as (_, app):
        page = browse(app.url)
        page.ask("How far?")
        wait_until(lambda: page.lines("model") == ["So far"])
        assert not page.is_ready
        halting.may_go_on.set()
        wait_until(lambda: page.is_ready)
        assert page.lines("user") == ["How far?"]
        assert page.lines("model") == ["So far and further."]
        page.ask("And again?")
        wait_until(lambda: page.lines("model") == ["So far and further."] * 2)
        assert page.complaints() == []


@each_app
def test_a_page_says_in_words_for_visitors_when_there_is_no_answer(name, browse, tmp_path):
    with app_at(Halting(), name, tmp_path) as (emulator, app):
        page = browse(app.url)
        emulator.stop()
        page.ask("Anybody there?")
        wait_until(lambda: page.lines("failure"))
        assert "Please try again" in page.lines("failure")[0]
        assert page.is_ready


@each_app
@pytest.mark.parametrize("answering", [True, False], ids=["in the middle of an answer", "between answers"])
def test_closing_the_tab_closes_the_session_within_five_seconds(answering, name, browse, tmp_path):
    halting = Halting()
    with app_at(halting, name, tmp_path) as (emulator, app):
        page = browse(app.url)
        if not answering:
            halting.may_go_on.set()
        page.ask("How far?")
        wait_until(lambda: page.lines("model") == ["So far" if answering else "So far and further."])
        assert len(emulator.connections) == 1
        closed_at = page.close_tab()
        wait_until(lambda: not emulator.connections)
        assert time.monotonic() - closed_at < 5


@each_app
def test_a_page_fits_a_telephone(name, browse, tmp_path):
    with app_at(lambda turn: "a" * 200, name, tmp_path, pace=0) as (_, app):
        page = browse(app.url)
        metrics = {"width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": True}
        page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        page.ask("b" * 200)
        wait_until(lambda: page.lines("model") == ["a" * 200])
        wait_until(lambda: page.is_ready)
        for _ in range(2):  # more than fits
            page.ask("b" * 200)
            wait_until(lambda: page.is_ready)
        assert page.value("document.documentElement.scrollWidth") <= 360
        assert page.value(f"{place_of('#conversation :last-child')}.bottom <= {place_of('form')}.top")


def test_what_the_microphone_hears_is_answered_aloud_and_both_sides_can_be_read(browse, tmp_path):
    with app_at(None, "flask_voice", tmp_path) as (emulator, app):
        page = browse(f"{app.url}/talk", SECOND + QUESTION)
        page.click_talk()
        wait_until(lambda: page.lines("user"))
        wait_until(lambda: page.played_ms > 1_500 and page.state == "The model listens.")
        assert page.lines("user")[0].startswith("[speech, 2.")
        assert page.lines("model")[0].startswith("You spoke for 2.")
        assert page.played_ms < 3_500
        assert page.loudest > 0.1  # of full scale; the question is played back
        assert page.complaints() == []
        page.click_talk()
        wait_until(lambda: not emulator.connections)
        assert page.state == "The microphone is off."


def test_a_user_who_cuts_in_makes_the_page_fall_silent(browse, tmp_path):
    said = iter([Speech(tone(30), "At length."), Speech(tone(0.5), "Briefly.")])
    with app_at(lambda turn: next(said), "flask_voice", tmp_path) as (_, app):
        page = browse(f"{app.url}/talk", SECOND + QUESTION + 4 * SECOND + QUESTION)
        page.click_talk()
        wait_until(lambda: page.state.startswith("The model speaks"))
        wait_until(lambda: page.lines("model") == ["At length.", "Briefly."])
        wait_until(lambda: page.state == "The model listens.")
        assert 2_000 < page.played_ms < 10_000
        assert page.loudest > 0.1


def test_a_model_that_is_faster_than_it_speaks_is_cut_off_in_the_page(browse, tmp_path):
    said = iter([Speech(tone(30), "At length."), Speech(tone(0.5), "Briefly.")])
    with app_at(lambda turn: next(said), "flask_voice", tmp_path, pace=4) as (_, app):
        page = browse(f"{app.url}/talk", SECOND + QUESTION + 3 * SECOND + QUESTION)
        page.click_talk()
        wait_until(lambda: page.lines("model") == ["At length.", "Briefly."])
        wait_until(lambda: page.state == "The model listens.")
        assert 1_500 < page.played_ms < 10_000  # though 20 s and more had come


def test_closing_the_tab_in_the_middle_of_a_conversation_closes_the_session(browse, tmp_path):
    with app_at(lambda turn: Speech(tone(30)), "flask_voice", tmp_path) as (emulator, app):
        page = browse(f"{app.url}/talk", SECOND + QUESTION)
        page.click_talk()
        wait_until(lambda: page.played_ms > 500)
        closed_at = page.close_tab()
        wait_until(lambda: not emulator.connections)
        assert time.monotonic() - closed_at < 5


def test_a_worker_that_ends_hangs_up_and_the_page_shows_it(browse, tmp_path):
    with app_at(None, "flask_voice", tmp_path) as (_, app):
        page = browse(f"{app.url}/talk")
        page.click_talk()
        wait_until(lambda: page.state == "The model listens.")
        assert app.end() < PATIENCE / 2
        wait_until(lambda: page.state == "The microphone is off.")
