"""The plugin as a user has it: a project elsewhere, a fresh environment, and livesession installed from a wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SOURCES = ("livesession", "pytest_livesession.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")

NO_FIXTURE = """
import sys

def test_nothing_is_imported():
    assert "pytest_livesession" in sys.modules
    assert [name for name in sys.modules if name.partition(".")[0] in ("livesession", "websockets")] == []
"""


class Environment:
    """A virtual environment of its own, apart from that of this run."""

    def __init__(self, folder):
        venv.create(folder, with_pip=True)
        self.python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")

    def install(self, *requirements):
        self.run("-m", "pip", "install", "--quiet", *requirements, check=True)

    def pytest(self, project, *arguments):
        done = self.run("-m", "pytest", "-W", "error", *arguments, cwd=project, check=False)
        return done.stdout.splitlines()

    def run(self, *arguments, **options):
        # Nothing of this run leads to the sources, and no plugin is loaded that the environment does not have.
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
        return subprocess.run([self.python, *arguments], env=keep, stdout=subprocess.PIPE, text=True, **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of what it is made of."""
    folder = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", "."]
    subprocess.run(build, cwd=folder, check=True)
    return next((folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    made = Environment(tmp_path_factory.mktemp("environment"))
    made.install(f"{wheel}[emulator]", "pytest", "pytest-xdist")
    return made


@pytest.fixture
def project(tmp_path):
    """What a user writes: code, its tests, and nothing else."""
    for name in ("weather_bot.py", "test_weather_bot.py"):
        shutil.copy(ROOT / "examples" / "testing" / name, tmp_path)
    return tmp_path


def test_the_tests_of_the_example_pass(environment, project):
    assert "4 passed" in environment.pytest(project)[-1]


def test_they_pass_on_several_cores(environment, project):
    assert "4 passed" in environment.pytest(project, "-n", "2")[-1]


def test_a_bot_that_says_something_else_fails_its_test(environment, project):
    bot = project / "weather_bot.py"
    bot.write_text(bot.read_text().replace('"sunny"', '"rain"'))
    lines = environment.pytest(project)
    assert "1 failed, 3 passed" in lines[-1]
    assert any("'rain'" in line and "'sunny'" in line for line in lines)


def test_the_plugin_is_loaded_without_livesession(environment, project):
    (project / "test_nothing.py").write_text(NO_FIXTURE)
    assert "1 passed" in environment.pytest(project, "test_nothing.py")[-1]


def test_the_plugin_can_be_turned_off(environment, project):
    lines = environment.pytest(project, "-p", "no:livesession")
    assert "4 errors" in lines[-1]
    assert "E       fixture 'live_emulator' not found" in lines


def test_without_the_extra_only_the_fixtures_fail_and_the_command_in_their_message_mends_it(wheel, project, tmp_path):
    (project / "test_other.py").write_text("def test_that_needs_no_fixture(): pass")
    bare = Environment(tmp_path / "bare")
    bare.install(str(wheel), "pytest")
    lines = bare.pytest(project, "--ignore", "bare")
    assert "1 passed, 4 errors" in lines[-1]
    told = {line.partition("run  ")[2] for line in lines if "needs an optional package" in line} - {""}
    assert told == {'pip install "livesession[emulator]"'}
    bare.install(f"{wheel}[emulator]")
    assert "5 passed" in bare.pytest(project, "--ignore", "bare")[-1]
