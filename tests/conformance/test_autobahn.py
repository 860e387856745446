"""All cases of the Autobahn test suite: groups 1 to 7, 9 and 10. Its server needs CPython 2.7 and its own packages."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from glob import glob
from pathlib import Path

import pytest

from tests.conformance.autobahn import run_all

PACKAGES = ["autobahntestsuite", "zope.interface<6"]
START = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"
CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]
PATIENCE = 120.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def python27() -> str | None:
    """An interpreter of the kind that the suite needs."""
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    named = [os.environ.get("LIVESESSION_PYTHON27"), shutil.which("python2.7")]
    return next((path for path in [*named, *glob(f"{pyenv}/versions/2.7.*/bin/python")] if path and works(path)), None)


def works(path: str) -> bool:
    """Whether it runs; pyenv's `python2.7` may be a name without an interpreter behind it."""
    return subprocess.run([path, "-c", ""], capture_output=True, timeout=PATIENCE, check=False).returncode == 0


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def suite(tmp_path_factory) -> tuple[str, Path]:
    """The interpreter, and the folder with the suite."""
    interpreter = python27()
    if interpreter is None:
        pytest.skip("the Autobahn test suite needs CPython 2.7, and there is none (LIVESESSION_PYTHON27 may name it)")
    folder = tmp_path_factory.mktemp("autobahn")
    command = [interpreter, "-m", "pip", "install", "--quiet", "--target", str(folder), *PACKAGES]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if not (folder / "autobahntestsuite").is_dir():
        pytest.skip(f"the Autobahn test suite could not be installed: {installed.stderr[-300:]}")
    return interpreter, folder


@pytest.fixture
def fuzzing_server(suite, tmp_path) -> Iterator[tuple[str, Path]]:
    """A running server: its address, and the report that it will write."""
    interpreter, folder = suite
    url = f"ws://127.0.0.1:{unused_port()}"
    settings = {
        "url": url,
        "outdir": str(tmp_path),
        "webport": 0,
        "cases": CASES,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (tmp_path / "spec.json").write_text(json.dumps(settings))
    command = [interpreter, "-u", "-c", START, str(folder), "-m", "fuzzingserver", "-s", str(tmp_path / "spec.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        assert any("Ok, will run" in line for line in process.stdout), "the fuzzing server did not start"
        watchdog.cancel()
        drain = threading.Thread(target=process.stdout.read, name="autobahn-output")
        drain.start()
        yield url, tmp_path / "index.json"
        process.terminate()
        drain.join(PATIENCE)


def test_no_case_of_autobahn_fails_and_none_ends_unclean(fuzzing_server):
    url, report = fuzzing_server
    run_all(url, "livesession")
    results = json.loads(report.read_text())["livesession"]
    assert len(results) >= 255
    bad = {
        case: (result["behavior"], result["behaviorClose"])
        for case, result in results.items()
        if {result["behavior"], result["behaviorClose"]} & {"FAILED", "UNCLEAN", "WRONG CODE", "UNIMPLEMENTED"}
    }
    assert bad == {}
