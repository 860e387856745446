"""The pytest plugin, in runs of pytest inside the test: what the fixtures give, and how what is wrong shows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from livesession import LiveGenerativeModel
from livesession.emulator import LiveEmulator

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "testing"
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(encoding="utf-8"), re.DOTALL)
PLUGIN = ("-p", "pytest_livesession", "-p", "no:cacheprovider")

IMPORTS = """
import json, os, sys, pytest
from livesession import *
from livesession.emulator import LiveEmulator, ToolCall
"""


@pytest.fixture(scope="module", autouse=True)
def everything_is_imported():
    """A session, so that the runs inside, which forget what they import, find it all there."""
    with LiveEmulator() as emulator:
        LiveGenerativeModel("m", backend=emulator.backend(), tools=[emulator.stop]).connect().close()


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs pytest on a file of tests, with our plugin and none that happens to be installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))

    def run(tests, *arguments, apart=False, imports=IMPORTS):
        pytester.makepyfile(imports + tests)
        start = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return start(*PLUGIN, *arguments)

    return run


def test_the_session_is_one_in_text_with_the_emulator(run):
    run("""
def test_it(live_emulator, live_session):
    live_emulator.on_text("Hi").reply("Hello!")
    assert live_session.ask("Hi").text == "Hello!"
    assert live_emulator.sent_texts == ["Hi"]
""").assert_outcomes(passed=1)


def test_code_that_takes_everything_from_the_environment_gets_to_the_emulator(run, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "a real key")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    run("""
def test_it(live_emulator):
    with LiveGenerativeModel("gemini-3.8-live").connect() as session:
        assert session.ask("Hi").audio
    assert "a real key" not in str(live_emulator.handshakes)
""").assert_outcomes(passed=1)


def test_code_that_takes_vertex_ai_from_the_environment_gets_there_too(run, monkeypatch):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "somebodys-project")
    run("""
def test_it(live_emulator):
    with LiveGenerativeModel("gemini-live-2.5-flash").connect() as session:
        assert session.ask("Hi").audio
    assert live_emulator.handshakes[0].kind == "vertex"
""").assert_outcomes(passed=1)


def test_the_environment_is_as_before_after_the_test(run):
    run("""
before = dict(os.environ)

def test_it(live_emulator):
    assert os.environ["GOOGLE_GEMINI_BASE_URL"] == live_emulator.url

def test_after():
    assert {**os.environ, "PYTEST_CURRENT_TEST": ""} == {**before, "PYTEST_CURRENT_TEST": ""}
""").assert_outcomes(passed=2)


def test_each_test_has_an_emulator_of_its_own(run):
    run("""
@pytest.mark.parametrize("number", range(2))
def test_it(live_emulator, live_session, number):
    assert live_session.ask("Hi").text == "You said: Hi"
    assert len(live_emulator.sent_texts) == 1
""").assert_outcomes(passed=2)


def test_the_model_may_be_another(run):
    run("""
def get_weather() -> str:
    return "sunny"

@pytest.fixture
def live_model(live_emulator):
    vertex, text = live_emulator.backend("vertex"), LiveGenerationConfig(response_modalities="TEXT")
    return LiveGenerativeModel("m", backend=vertex, generation_config=text, tools=[get_weather])

def test_it(live_emulator, live_session):
    live_emulator.on_text("Hi").reply(tool_call=ToolCall("get_weather")).reply("Look outside.")
    assert live_session.ask("Hi").text == "Look outside."
    assert live_emulator.tool_responses[0]["response"] == {"output": "sunny"}
""").assert_outcomes(passed=1)


def test_the_emulator_may_be_another(run):
    run("""
@pytest.fixture
def new_live_emulator():
    return LiveEmulator(lambda turn: "mine")

def test_it(live_session):
    assert live_session.ask("Hi").text == "mine"
""").assert_outcomes(passed=1)


REPLAY = """
def frame(sender, message):
    return {"from": sender, "text": json.dumps(message)}

@pytest.fixture
def new_live_emulator():
    setup = {"model": "models/gemini-live-2.5-flash", "generationConfig": {"responseModalities": ["TEXT"]}}
    hi = {"turns": [{"role": "user", "parts": [{"text": "Hi"}]}], "turnComplete": True}
    hello = {"modelTurn": {"parts": [{"text": "Hello!"}]}, "turnComplete": True}
    frames = [frame("client", {"setup": setup}), frame("server", {"setupComplete": {}})]
    frames += [frame("client", {"clientContent": hi}), frame("server", {"serverContent": hello})]
    return LiveEmulator.replay({"session": "s", "backend": "developer", "frames": frames})
"""


def test_the_emulator_may_be_one_that_replays_a_recording(run):
    run(
        REPLAY
        + """
def test_it(live_session):
    assert live_session.ask("Hi").text == "Hello!"
"""
    ).assert_outcomes(passed=1)


def test_a_test_that_departs_from_its_recording_fails_with_the_difference_and_no_traceback_of_the_emulator(run):
    result = run(
        REPLAY
        + """
def test_it(live_session):
    with pytest.raises(ConnectionClosedError):
        live_session.ask("Ho")
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(['-*"text": "Hi"', '+*"text": "Ho"'])
    result.stdout.no_fnmatch_line("*replaying.py*")


@pytest.mark.parametrize(
    ("broken", "outcome"), [("assert False", {"failed": 1}), ("pytest.skip('not today')", {"skipped": 1})]
)
def test_a_test_that_broke_off_is_not_blamed_for_what_it_did_not_come_to_send(run, broken, outcome):
    run(f"{REPLAY}\ndef test_it(live_session):\n    {broken}").assert_outcomes(**outcome)


def test_neither_is_a_test_case_of_unittest(run):
    run(f"""
import unittest
{REPLAY}
class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def session(self, live_session):
        pass

    def test_it(self):
        self.skipTest("not today")
""").assert_outcomes(skipped=1)


def test_a_test_that_waited_in_vain_is_told_what_was_not_sent(run):
    result = run(
        REPLAY
        + """
def test_it(live_session):
    next(live_session.receive(timeout=0.1))
"""
    )
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["The client did not send frame 3 of *: clientContent."])


STRICT = """
@pytest.fixture
def new_live_emulator():
    return LiveEmulator(strict=True)
"""


def test_a_turn_that_a_strict_emulator_does_not_know_fails_the_test_even_if_it_is_not_noticed(run):
    result = run(
        STRICT
        + """
def test_it(live_emulator, live_session):
    live_emulator.on_text("Hi").reply("Hello!")
    with pytest.raises(ConnectionClosedError, match="Nothing is scripted for the text 'Ho'"):
        live_session.ask("Ho")
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["Nothing is scripted for the text 'Ho'. Scripted are: the text 'Hi'."])


def test_a_responder_that_raises_fails_the_test(run):
    result = run("""
def test_it(live_emulator, live_session):
    live_emulator.on_any().reply_with(lambda turn: {}["missing"])
    live_session.send("Hi", turn_complete=True)
    with pytest.raises(ConnectionClosedError):
        list(live_session.receive())
""")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["The responder raised KeyError('missing')."])


def test_a_session_that_ended_before_the_test_did_is_no_failure(run):
    run("""
def test_it(live_emulator, live_session):
    live_emulator.on_any().drop()
    with pytest.raises(ConnectionClosedError):
        live_session.ask("Hi")
""").assert_outcomes(passed=1)


def test_an_assertion_that_fails_shows_the_line_of_the_test_and_what_came(run):
    result = run(
        """
def test_it(live_emulator, live_session):
    live_session.ask("Hi")
    live_emulator.assert_sent(realtimeInput={"text": "Hi"}, timeout=0.01)
""",
        imports=IMPORTS,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [">*live_emulator.assert_sent*", "E*No client sent*", "E*clientContent*Hi*"], consecutive=False
    )
    assert "observing.py" not in result.stdout.str()


def test_pytest_shows_what_the_fixtures_are_for(run):
    result = run("def test_it(): pass", "--fixtures")
    shown = result.stdout.str()
    for name in ("live_emulator", "live_model", "live_session", "new_live_emulator"):
        assert f"\n{name} -- " in shown
    assert "no docstring available" not in shown.partition("new_live_emulator")[2]


def test_the_example_of_a_bot_with_its_tests_passes(run, pytester):
    for file in EXAMPLE.glob("*.py"):
        pytester.path.joinpath(file.name).write_text(file.read_text())
    run("", "test_weather_bot.py").assert_outcomes(passed=4)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_code_block_of_the_documentation_passes(run, number):
    result = run(BLOCKS[number], imports="")
    assert result.parseoutcomes().keys() == {"passed"}


def test_loading_the_plugin_imports_nothing_of_livesession(run):
    run("def test_it(): assert [name for name in sys.modules if name.startswith('livesession')] == []",
        apart=True, imports="import sys\n").assert_outcomes(passed=1)  # fmt: skip


def test_without_the_extra_only_the_tests_with_the_fixtures_fail_and_in_one_line_name_the_command(run):
    result = run(
        """
import sys
sys.modules["websockets"] = None

def test_with(live_session):
    pass

def test_without():
    pass
""",
        apart=True,
        imports="",
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(['*run  pip install "livesession?emulator?"*'])
    shown = result.stdout.str().partition("ERROR at setup of test_with")[2].partition("short test summary")[0]
    assert len(shown.splitlines()) == 3  # the rest of the heading, the line, and the beginning of the next heading
