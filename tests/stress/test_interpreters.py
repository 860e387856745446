"""On every interpreter found: the unit tests, and 200 TLS connections with a reader and three flat-out senders each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from glob import glob
from pathlib import Path

import pytest

pytestmark = [pytest.mark.interpreters, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
AROUND = ("cli", "notebook", "plugin", "web")  # what stands round the library and takes long; `nox` by hand has it too


def interpreter(version: str) -> str | None:
    """The newest interpreter of this version that starts, on the path or of pyenv."""
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    found = [shutil.which(f"python{version}"), *sorted(glob(f"{pyenv}/versions/{version}.*/bin/python"), reverse=True)]
    return next((path for path in found if path and starts(path, version)), None)


def starts(path: str, version: str) -> bool:
    """Whether it is that version; a shim of pyenv may stand for an interpreter that is switched off."""
    command = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return asked.returncode == 0 and asked.stdout.strip() == version


def command(version: str, folder: Path) -> list[str]:
    """What runs the tests; where this runs, the unit tests have been run already, and only TLS is left."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return [sys.executable, "-X", "faulthandler", str(ROOT / "tests/stress/tls_duplex.py")]
    pytest.importorskip("nox", reason="nox is not installed (extra `test`)")
    nox = [sys.executable, "-m", "nox", "--noxfile", str(ROOT / "noxfile.py"), "--envdir", str(folder / "nox")]
    left_out = [f"--ignore=tests/{folder}" for folder in AROUND]
    return [*nox, "-s", f"tests-{version}", "--", "-p", "no:cacheprovider", *left_out]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_unit_tests_pass_and_tls_in_both_directions_at_full_speed_loses_nothing(version, tmp_path):
    path = interpreter(version)
    if path is None:
        pytest.skip(f"there is no Python {version} here")
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(path).parent), os.environ["PATH"]])}
    session = subprocess.run(
        command(version, tmp_path),
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=850, check=False,
    )  # fmt: skip
    assert session.returncode == 0, session.stdout[-5_000:] + session.stderr[-5_000:]
    counts = json.loads(next(line for line in session.stdout.splitlines() if line.startswith("{")))
    print(counts)
    assert counts["python"].startswith(version)
    assert counts["sent"] == 200 * 3 * 20, counts
    assert (counts["disconnects"], counts["checksum_errors"], counts["sequence_errors"]) == (0, 0, 0), counts
